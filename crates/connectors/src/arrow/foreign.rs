//! Numbers and times of kinds that we never write.

use std::borrow::Cow;

use arrow_array::{
    Array, ArrowPrimitiveType,
    cast::AsArray as _,
    types::{
        Decimal128Type, Float32Type, Int8Type, Int16Type, Time64MicrosecondType, UInt8Type, UInt16Type,
        UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use jiff::{SignedDuration, civil::Time};

use crate::landing::Cell;

/// The cells of a column, `None` for a kind that has no form here. Numbers that are wider than ours are texts with all
/// their digits.
pub(super) fn cells(array: &dyn Array) -> Option<Vec<Cell<'static>>> {
    Some(match array.data_type() {
        DataType::Int8 => each::<Int8Type>(array, |value| Cell::Integer(value.into())),
        DataType::Int16 => each::<Int16Type>(array, |value| Cell::Integer(value.into())),
        DataType::UInt8 => each::<UInt8Type>(array, |value| Cell::Integer(value.into())),
        DataType::UInt16 => each::<UInt16Type>(array, |value| Cell::Integer(value.into())),
        DataType::UInt32 => each::<UInt32Type>(array, |value| Cell::Integer(value.into())),
        DataType::UInt64 => each::<UInt64Type>(array, |value| whole(value.into())),
        DataType::Float32 => each::<Float32Type>(array, |value| Cell::Float(value.into())),
        DataType::Decimal128(_, 0) => each::<Decimal128Type>(array, whole),
        DataType::Decimal128(_, _) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            let spelled = |row| text(decimals.value_as_string(row));
            (0..decimals.len())
                .map(|row| if decimals.is_null(row) { Cell::Null } else { spelled(row) })
                .collect()
        }
        DataType::Time64(TimeUnit::Microsecond) => each::<Time64MicrosecondType>(array, time),
        DataType::Null => vec![Cell::Null; array.len()],
        _ => return None,
    })
}

fn each<T: ArrowPrimitiveType>(
    array: &dyn Array,
    cell: impl Fn(T::Native) -> Cell<'static>,
) -> Vec<Cell<'static>> {
    array.as_primitive::<T>().iter().map(|value| value.map_or(Cell::Null, &cell)).collect()
}

fn whole(number: i128) -> Cell<'static> {
    i64::try_from(number).map_or_else(|_| text(number.to_string()), Cell::Integer)
}

/// The end of a day, 24:00, is no time of it and is shown as the number it is.
fn time(microseconds: i64) -> Cell<'static> {
    let time = Time::midnight().checked_add(SignedDuration::from_micros(microseconds));
    text(time.map_or_else(|_| microseconds.to_string(), |time| time.to_string()))
}

fn text(text: String) -> Cell<'static> {
    Cell::Text(Cow::Owned(text))
}
