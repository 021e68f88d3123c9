//! From our record back to JSON.

use achub_core::{Batch, Value};
use serde_json::{Map, Value as Json};

use crate::decode::RAW_SUFFIX;

/// Record `row` of `batch` as a JSON object, fields in schema order, then the members without a field.
///
/// Values have the JSON type of their field: times are RFC 3339 in UTC, JSON documents are themselves. A value that did
/// not fit its type stands where it came from, as it came. A float that JSON has no number for cannot occur in a decoded
/// record and is null.
pub fn record(batch: &Batch, row: usize) -> Map<String, Json> {
    let fields = batch.schema().fields.iter().zip(batch.row(row));
    let mut object: Map<_, _> = fields.map(|(field, value)| (field.name.clone(), json(value))).collect();
    let extra = batch.extra(row).and_then(|extra| serde_json::from_str::<Map<_, _>>(extra).ok());
    for (name, value) in extra.into_iter().flatten() {
        let unfit =
            name.strip_suffix(RAW_SUFFIX).filter(|field| object.get(*field).is_some_and(Json::is_null));
        let name = unfit.map_or(name.as_str(), |field| field).to_owned();
        object.insert(name, value);
    }
    object
}

/// `value` as JSON.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Date(date) => date.to_string().into(),
        Value::Timestamp(instant) => instant.to_string().into(),
        Value::Json(document) => {
            serde_json::from_str(document).unwrap_or_else(|_| Json::from(document.as_ref()))
        }
    }
}
