//! Members of a JSON object, taken one by one into types.

use achub_core::Value;
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value as Json};

use crate::{decode, stream::Type};

/// The members of an object that nobody has taken yet.
pub(super) struct Members(Map<String, Json>);

impl Members {
    /// All members of `object`.
    pub fn of(object: Map<String, Json>) -> Members {
        Members(object)
    }

    /// Takes the member called `name`. Where it does not fit, it stays among the others.
    pub fn take<T: FromMember>(&mut self, name: &str) -> Option<T> {
        let read = T::from_member(self.0.get(name)?);
        // `null` says nothing more than a missing member.
        if read.is_some() || self.0.get(name).is_some_and(Json::is_null) {
            self.0.remove(name);
        }
        read
    }

    /// What nobody has taken.
    pub fn others(self) -> Map<String, Json> {
        self.0
    }
}

/// A type a member can be read as, with the tolerance of [`crate::decode`].
pub(super) trait FromMember: Sized {
    /// The member's value; `None` where there is none or it does not fit.
    fn from_member(member: &Json) -> Option<Self>;
}

/// Reads `member` as `ty`.
pub(super) fn value(ty: Type, member: &Json) -> Option<Value> {
    decode::value(ty, &member.to_string())
}

macro_rules! from_member {
    ($($rust:ty, $ty:ident, $variant:ident;)*) => {
        $(impl FromMember for $rust {
            fn from_member(member: &Json) -> Option<Self> {
                match value(Type::$ty, member)? {
                    Value::$variant(value) => Some(value.into()),
                    _ => None,
                }
            }
        })*
    };
}

from_member! {
    i64, Integer, Integer;
    f64, Float, Float;
    bool, Boolean, Boolean;
    Date, Date, Date;
    Timestamp, Timestamp, Timestamp;
}

impl FromMember for String {
    fn from_member(member: &Json) -> Option<String> {
        match value(Type::Text, member)? {
            Value::Text(text) => Some(text.into()),
            _ => None,
        }
    }
}

impl FromMember for crate::wire::IpNumber {
    fn from_member(member: &Json) -> Option<Self> {
        Self::parse(&String::from_member(member)?).ok().flatten()
    }
}

/// Ids of related records, sent as strings or numbers.
impl FromMember for Vec<i64> {
    fn from_member(member: &Json) -> Option<Vec<i64>> {
        member.as_array()?.iter().map(i64::from_member).collect()
    }
}
