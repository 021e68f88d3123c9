//! Typed models of the records with whose values something is computed.
//!
//! They are read as tolerantly as [`crate::decode`] reads records. A member that does not fit its type, and every
//! member without a field, is kept in `others`.

mod crm;
mod import;
mod members;
mod people;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json};

pub use crm::{Association, Company, Deal, DealStatus, Pipeline, Stage, User};
pub use import::{ImportState, ImportStatus};
pub use people::{Contact, CustomField, FieldValue, Membership, MembershipStatus, Tag};

use crate::{
    decode::{self, Kind, Unreadable},
    stream::Stream,
    streams,
};

/// A typed record of a stream.
pub trait Model: Sized {
    /// The name of its stream.
    const STREAM: &'static str;

    /// Reads it from a JSON object.
    ///
    /// Errors: [`Kind::Shape`] where there is no id.
    fn from_object(object: Map<String, Json>) -> Result<Self, Unreadable>;
}

/// Reads a single answer.
///
/// Errors: as [`decode::item`].
pub fn item<M: Model>(body: &[u8]) -> Result<M, Unreadable> {
    let stream = stream::<M>();
    let key = stream.item.unwrap_or(stream.envelope);
    match decode::object(body)?.remove(key) {
        Some(Json::Object(object)) => M::from_object(object),
        Some(_) => Err(Unreadable::shape(format_args!("an object under `{key}`"))),
        None => Err(Unreadable::new(Kind::Empty, format!("answer has no `{key}`"))),
    }
}

/// Reads the records under the stream's key in a list answer.
///
/// Errors: as [`decode::page`].
pub fn list<M: Model>(body: &[u8]) -> Result<Vec<M>, Unreadable> {
    let key = stream::<M>().envelope;
    let Some(rows) = decode::object(body)?.remove(key) else {
        return Err(Unreadable::new(Kind::Empty, format!("answer has no `{key}`")));
    };
    let Json::Array(rows) = rows else {
        return Err(Unreadable::shape(format_args!("an array under `{key}`")));
    };
    let objects = rows.into_iter().map(|row| match row {
        Json::Object(object) => M::from_object(object),
        _ => Err(Unreadable::shape(format_args!("objects under `{key}`"))),
    });
    objects.collect()
}

fn stream<M: Model>() -> &'static Stream {
    streams::find(M::STREAM).expect("a model names a stream of the table")
}

/// Declares models: for each field its type and the name on the wire. `id` and `others` are always there.
macro_rules! models {
    ($($(#[$doc:meta])* $model:ident of $stream:literal {
        $($(#[$field_doc:meta])* $field:ident: $ty:ty = $name:literal,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq)]
            pub struct $model {
                /// Its key in the account.
                pub id: i64,
                $($(#[$field_doc])* pub $field: Option<$ty>,)*
                /// Members without a field, and those that do not fit theirs.
                pub others: serde_json::Map<String, serde_json::Value>,
            }

            impl $crate::model::Model for $model {
                const STREAM: &'static str = $stream;

                fn from_object(
                    object: serde_json::Map<String, serde_json::Value>,
                ) -> Result<Self, $crate::decode::Unreadable> {
                    let mut members = $crate::model::members::Members::of(object);
                    let id = members.take("id");
                    let id = id.ok_or_else(|| $crate::decode::Unreadable::shape(concat!("an id in ", $stream)))?;
                    Ok($model { id, $($field: members.take($name),)* others: members.others() })
                }
            }
        )*
    };
}
use models;
