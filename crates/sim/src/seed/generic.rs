//! Values for fields that nothing is known about but their type.

use achub_api::stream::{Field, Type, Wire};

use super::{Cell, Scope};
use crate::chance::salt;

/// A believable value of the type of `field` for row `id` of `count` rows of the collection `name`.
///
/// One in four is null where the field may be, so that every reader meets both; a field by which readers follow changes
/// (`is_cursor`) never is.
pub(super) fn value(scope: &Scope, name: u64, count: u64, field: &Field, is_cursor: bool, id: u64) -> Cell {
    let own = name ^ salt(field.name);
    if field.nullable && !is_cursor && scope.one_in(own.rotate_left(7), id, 4) {
        return Cell::Null;
    }
    match field.ty {
        Type::Date | Type::Timestamp | Type::UtcTimestamp | Type::LocalTimestamp { .. } => {
            moment(scope, name, count, field, id)
        }
        Type::Boolean => Cell::Number((scope.mix(own, id) % 2) as i64),
        Type::Integer => Cell::Number((scope.mix(own, id) % 10) as i64),
        Type::Float => decimal(scope.mix(own, id), field.wire),
        Type::MoneyMinor => Cell::Number((scope.mix(own, id) % 100_000) as i64),
        Type::IpNumber => Cell::Number(0x0a00_0001 + (scope.mix(own, id) % 0xffff) as i64),
        Type::MultiValue => Cell::Word("||a||b||"),
        Type::Json if field.wire == Wire::Array => Cell::Json("[]"),
        Type::Json => Cell::Json("{}"),
        Type::Text => text(field, id),
    }
}

/// What a row that a write just created holds in a field the write did not name.
pub(super) fn blank(field: &Field) -> Cell {
    match (field.nullable, field.ty) {
        (true, _) => Cell::Null,
        (false, Type::Text | Type::MultiValue) => Cell::Word(""),
        (false, Type::Json) if field.wire == Wire::Array => Cell::Json("[]"),
        (false, Type::Json) => Cell::Json("{}"),
        (false, Type::Date | Type::Timestamp | Type::UtcTimestamp | Type::LocalTimestamp { .. }) => {
            Cell::Null
        }
        (false, _) => Cell::Number(0),
    }
}

/// Times of creation come in the order of ids, all others some time after.
fn moment(scope: &Scope, name: u64, count: u64, field: &Field, id: u64) -> Cell {
    let made = scope.made(name, id, count);
    let created = ["cdate", "created", "sdate", "adddate", "externalCreated"]
        .iter()
        .any(|start| field.name.starts_with(start));
    Cell::Moment(if created { made } else { scope.later(name, id, made) })
}

fn decimal(number: u64, wire: Wire) -> Cell {
    let text = format!("{}.{:02}", number % 100, (number >> 8) % 100);
    if wire == Wire::String { Cell::Text(text) } else { Cell::Made(text) }
}

fn text(field: &Field, id: u64) -> Cell {
    if field.name.ends_with("mail") || field.name.ends_with("Address") {
        return Cell::Text(format!("someone{id}@example.com"));
    }
    if field.name.ends_with("Url") || field.name.ends_with("screenshot") {
        return Cell::Text(format!("https://www.example.com/{}/{id}", field.name));
    }
    Cell::Text(format!("{} {id}", field.name))
}
