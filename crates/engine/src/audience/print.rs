//! Conditions written in the language they are read from.

use achub_core::{
    condition::{Comparison, Condition, Literal, Subject},
    person::{FieldId, PersonField},
};
use jiff::tz::TimeZone;

use crate::audience::names::Names;

/// Writes `condition` so that reading it gives the same tree.
///
/// A list, tag or field that `names` does not know is written by its number. A join of nothing or of one part, which no
/// text reads as, is written as what it means.
pub fn print(condition: &Condition, names: &Names) -> String {
    match condition {
        Condition::Everybody => "everybody".to_owned(),
        Condition::All(parts) => joined(parts, " and ", "everybody", names),
        Condition::Any(parts) => joined(parts, " or ", "not everybody", names),
        Condition::Not(inner) => match &**inner {
            Condition::IsKnown(subject) => format!("{} is empty", self::subject(subject, names)),
            inner => format!("not {}", part(inner, true, names)),
        },
        Condition::Compare(subject, comparison, literal) => {
            let written = self::literal(subject, literal);
            format!("{} {} {written}", self::subject(subject, names), sign(*comparison))
        }
        Condition::IsKnown(subject) => format!("{} is known", self::subject(subject, names)),
        Condition::Tagged(tag) => {
            let is_found = |name: &str| names.tags.iter().filter(|tag| tag.name == name).count() == 1;
            format!("tag = {}", named(names.tag_name(*tag), is_found, tag.0))
        }
        Condition::Marked(mark) => mark.word().to_owned(),
        Condition::ActiveOn(list) => format!("list = {}", list_name(*list, names)),
        Condition::EverOn(list) => format!("ever on list {}", list_name(*list, names)),
        Condition::Mailable => "mailable".to_owned(),
    }
}

fn joined(parts: &[Condition], joint: &str, none: &str, names: &Names) -> String {
    match parts {
        [] => none.to_owned(),
        [one] => print(one, names),
        parts => {
            let is_all = joint == " and ";
            let written: Vec<String> = parts.iter().map(|inner| part(inner, is_all, names)).collect();
            written.join(joint)
        }
    }
}

/// A part of something; `and` binds closer than `or`, so that alone needs no parentheses there.
fn part(condition: &Condition, binds_closely: bool, names: &Names) -> String {
    let written = print(condition, names);
    match condition {
        Condition::All(parts) if parts.len() > 1 && !binds_closely => written,
        Condition::All(parts) | Condition::Any(parts) if parts.len() > 1 => format!("({written})"),
        _ => written,
    }
}

/// What is compared, as it is typed.
pub(super) fn subject(subject: &Subject, names: &Names) -> String {
    match subject {
        Subject::Field(PersonField::BuiltIn(field), _) => field.word().to_owned(),
        Subject::Field(PersonField::Custom(field), _) => format!("field {}", field_name(*field, names)),
        Subject::EmailDomain => "email.domain".to_owned(),
        Subject::CompanyName => "company.name".to_owned(),
        Subject::CompanyDomain => "company.domain".to_owned(),
        Subject::CreatedAt => "created_at".to_owned(),
        Subject::UpdatedAt => "updated_at".to_owned(),
    }
}

fn field_name(id: FieldId, names: &Names) -> String {
    let is_found = |name: &str| names.fields.iter().filter(|field| field.name == name).count() == 1;
    named(names.field(id).map(|field| field.name.as_str()), is_found, id.0)
}

/// A list, as it is typed.
pub(super) fn list_name(id: achub_core::person::ListId, names: &Names) -> String {
    let is_found = |name: &str| names.lists.iter().filter(|list| list.name == name).count() == 1;
    named(names.list_name(id), is_found, id.0)
}

/// The name in quotes where that alone finds it, else the number.
fn named(name: Option<&str>, is_found: impl Fn(&str) -> bool, number: i64) -> String {
    match name {
        Some(name) if is_found(name) => quoted(name),
        _ => number.to_string(),
    }
}

/// A text in quotes, as the language reads it.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equals => "=",
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
        Comparison::Contains => "contains",
        Comparison::StartsWith => "starts_with",
        Comparison::EndsWith => "ends_with",
    }
}

/// A literal as it is typed. An instant that is compared with days is its day.
pub(super) fn literal(subject: &Subject, literal: &Literal) -> String {
    let is_day = matches!(subject, Subject::Field(_, achub_core::FieldType::Date));
    match literal {
        Literal::Text(text) => quoted(text),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Instant(instant) if is_day => instant.to_zoned(TimeZone::UTC).date().to_string(),
        Literal::Instant(instant) => instant.to_string(),
    }
}
