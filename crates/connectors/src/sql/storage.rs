//! Types that a person named, in the words of standard SQL.

use achub_core::schema::Storage;

/// The type as PostgreSQL's catalogue spells it; databases that are close to it take it, too. `json` and `instant` and
/// `double` are what the database makes for those kinds.
pub(crate) fn standard(storage: Storage, json: &str, instant: &str, double: &str) -> String {
    match storage {
        Storage::SmallInt => "smallint".to_owned(),
        Storage::Integer => "integer".to_owned(),
        Storage::BigInt => "bigint".to_owned(),
        Storage::Bool => "boolean".to_owned(),
        Storage::Date => "date".to_owned(),
        Storage::DateTime => "timestamp without time zone".to_owned(),
        Storage::TimestampTz => instant.to_owned(),
        // A scale without a precision is not expressible; numbers of any size keep all their digits.
        Storage::Decimal { precision: None, .. } => "numeric".to_owned(),
        Storage::Decimal { precision: Some(precision), scale } => format!("numeric({precision},{scale})"),
        Storage::Float => double.to_owned(),
        Storage::String { length: None } => "text".to_owned(),
        Storage::String { length: Some(length) } => format!("character varying({length})"),
        Storage::Json => json.to_owned(),
        Storage::Uuid => "uuid".to_owned(),
        Storage::Time => "time without time zone".to_owned(),
        Storage::TimeTz => "time with time zone".to_owned(),
        Storage::Binary => "bytea".to_owned(),
    }
}
