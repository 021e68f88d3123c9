//! The fields of a collection, each tied to the way its value is made. Tied once, at the start, because a page holds
//! tens of thousands of values.

use achub_api::stream::{Field, Role, Stream, Type};

use super::{Cell, Make, Rows, Scope, contacts, crm, generic, keys::target, links::Links, marketing, rows};
use crate::chance::salt;

/// One field of a collection and where its value comes from.
#[derive(Debug)]
pub(crate) struct Column {
    /// What the stream table says of it.
    pub(crate) field: &'static Field,
    /// The name as it is written: `"cdate":`.
    pub(crate) key: String,
    /// Where its value comes from.
    pub(crate) source: Source,
}

/// Where the value of a field comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The id of the row.
    Id,
    /// The `links` of the row.
    Links(Links),
    /// Ids of other rows, put in by whoever writes the row.
    Ids,
    /// Something known about this very field.
    Make(Make),
    /// The id of the row this one follows, as many steps up as there are.
    Ancestor(Vec<Rows>),
    /// The id of some row among so many.
    Pick { salt: u64, count: u64, nullable: bool },
    /// The value of another column, spelled differently.
    Twin(usize),
    /// Anything of the right type.
    Generic { salt: u64, count: u64, is_cursor: bool },
}

impl Column {
    /// The seeded value of row `id`; `columns` are all columns of the collection.
    pub(crate) fn cell(&self, scope: &Scope, columns: &[Column], id: u64) -> Cell {
        match &self.source {
            Source::Id => Cell::id(id),
            Source::Make(make) => make(scope, id),
            Source::Ancestor(steps) => {
                steps.iter().try_fold(id, |id, rows| rows.parent(id)).map_or(Cell::Null, Cell::id)
            }
            Source::Pick { salt, nullable: true, .. } if scope.one_in(salt.rotate_left(7), id, 4) => {
                Cell::Null
            }
            Source::Pick { count: 0, .. } => Cell::Number(0),
            Source::Pick { salt, count, .. } => Cell::id(scope.pick(*salt, id, *count)),
            Source::Twin(at) => columns[*at].cell(scope, columns, id),
            Source::Generic { salt, count, is_cursor } => {
                generic::value(scope, *salt, *count, self.field, *is_cursor, id)
            }
            Source::Links(_) | Source::Ids => Cell::Null,
        }
    }

    /// What the field holds in a row that a write just created and did not name it in.
    pub(crate) fn blank(&self, id: u64) -> Cell {
        match self.source {
            Source::Id => Cell::id(id),
            _ => generic::blank(self.field),
        }
    }
}

/// The columns of `stream` in an account of `contacts` contacts.
pub(crate) fn columns(stream: &'static Stream, contacts: u64) -> Vec<Column> {
    let own = |field: &'static Field| Column {
        field,
        key: format!("\"{}\":", field.name),
        source: source(stream, field, contacts),
    };
    stream.fields.iter().map(own).collect()
}

fn source(stream: &'static Stream, field: &'static Field, contacts: u64) -> Source {
    let known = [contacts::MAKERS, crm::MAKERS, marketing::MAKERS].into_iter().flatten();
    let made =
        known.into_iter().find(|(envelope, name, _)| *envelope == stream.envelope && *name == field.name);
    let own = salt(stream.envelope);
    let is_cursor = is_cursor(stream, field.name);
    let anything = || Source::Generic { salt: own, count: rows::count(stream.envelope, contacts), is_cursor };
    match (field, made) {
        (_, Some((_, _, make))) => Source::Make(*make),
        (Field { role: Role::Noise, .. }, _) => Source::Links(Links::of(stream)),
        (Field { role: Role::Sideload, .. }, _) => Source::Ids,
        (Field { name: "id", .. }, _) => Source::Id,
        (Field { ty: Type::LocalTimestamp { twin }, .. }, _) => match position(stream, twin) {
            Some(at) => Source::Twin(at),
            None => anything(),
        },
        (Field { ty: Type::Integer | Type::Text, .. }, _)
            if target(stream.envelope, field.name).is_some() =>
        {
            let pointed = target(stream.envelope, field.name).expect("the guard has seen one");
            reference(stream, field, pointed, contacts)
        }
        _ => anything(),
    }
}

/// Whether readers follow changes by this field, or by its zone-less twin.
fn is_cursor(stream: &Stream, name: &str) -> bool {
    let Some(cursor) = stream.cursor else { return false };
    let twin = stream.field(cursor.field).map(|field| field.ty);
    cursor.field == name || matches!(twin, Some(Type::LocalTimestamp { twin }) if twin == name)
}

fn position(stream: &Stream, name: &str) -> Option<usize> {
    stream.fields.iter().position(|field| field.name == name)
}

/// A field that points at a collection this one follows gets its ancestor; any other points at some row.
fn reference(stream: &Stream, field: &Field, pointed: &'static str, contacts: u64) -> Source {
    let mut steps = Vec::new();
    let mut at = stream.envelope;
    while let rows @ Rows::Follow { of, .. } = rows::filled(at) {
        steps.push(rows);
        if of == pointed {
            return Source::Ancestor(steps);
        }
        at = of;
    }
    // The number depends on what is pointed at, so that `campaign` and `campaignid` of a row agree.
    let salt = salt(stream.envelope) ^ salt(pointed);
    Source::Pick { salt, count: rows::count(pointed, contacts), nullable: field.nullable }
}
