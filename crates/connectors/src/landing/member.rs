//! What a record carries beyond its schema, member by member.

use std::{borrow::Cow, collections::BTreeMap};

use achub_core::{Code, Error, FieldType};
use serde_json::value::RawValue;

use crate::landing::Cell;

/// The members of a record's extra object, in the order of their names.
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Takes an extra object apart. Errors: `SY-199` where it is not an object, which the batch promises.
pub(crate) fn members(extra: Option<&str>) -> Result<Members<'_>, Error> {
    let Some(extra) = extra else { return Ok(Members::new()) };
    serde_json::from_str(extra).map_err(|cause| {
        Error::new(Code::Bug, "what a record carries beyond its schema is not a json object")
            .with_source(cause)
    })
}

/// A member as a cell: objects and arrays stay JSON, strings lose their quotes, everything else keeps its spelling.
pub(crate) fn cell(member: &RawValue) -> Cell<'_> {
    let text = member.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') => Cell::Json(Cow::Borrowed(text)),
        Some(b'n') => Cell::Null,
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(unquoted) => Cell::Text(Cow::Owned(unquoted)),
            // A lone surrogate has no form outside its escape, so it keeps its spelling.
            Err(_) => Cell::Text(Cow::Borrowed(text)),
        },
        _ => Cell::Text(Cow::Borrowed(text)),
    }
}

/// The type of a column made for this member, `None` where it has no value yet.
pub(crate) fn column_type(member: &RawValue) -> Option<FieldType> {
    match cell(member) {
        Cell::Null => None,
        Cell::Json(_) => Some(FieldType::Json),
        _ => Some(FieldType::Text),
    }
}
