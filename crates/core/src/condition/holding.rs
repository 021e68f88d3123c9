//! Conditions held against one person: the meaning that every translation of a condition has to keep.

use std::cmp::Ordering;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    condition::{Comparison, Condition, Literal, Subject},
    consent::ListStatus,
    person::{Company, Person},
    value::Value,
};

/// One person with what conditions ask about her beside her own record.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The person.
    pub person: &'a Person,
    /// The companies she belongs to.
    pub companies: &'a [Company],
    /// Whether her address is suppressed.
    pub is_suppressed: bool,
}

impl Condition {
    /// Whether it is true of a person.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let person = facts.person;
        match self {
            Condition::Everybody => true,
            Condition::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Condition::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Condition::Not(inner) => !inner.holds(facts),
            Condition::Compare(subject, comparison, literal) => {
                facts.values(subject).iter().any(|value| compare(value, *comparison, literal))
            }
            Condition::IsKnown(subject) => facts.values(subject).iter().any(is_filled),
            Condition::Tagged(tag) => person.tags.contains(tag),
            Condition::Marked(mark) => person.is_marked(*mark),
            Condition::ActiveOn(list) => person
                .memberships
                .iter()
                .any(|membership| membership.list == *list && is_active(membership.permission.status)),
            Condition::EverOn(list) => person.memberships.iter().any(|membership| membership.list == *list),
            Condition::Mailable => facts.is_mailable(),
        }
    }
}

fn is_active(status: ListStatus) -> bool {
    status == ListStatus::Active
}

impl Facts<'_> {
    /// What stands behind a subject: one value, or one for each company. Where nothing is known it is empty or `Null`.
    pub fn values(&self, subject: &Subject) -> Vec<Value> {
        let person = self.person;
        match subject {
            Subject::Field(field, _) => vec![person.value(*field)],
            Subject::EmailDomain => {
                person.email.iter().map(|email| Value::text(email.domain().to_owned())).collect()
            }
            Subject::CompanyName => {
                self.companies.iter().map(|company| Value::text(company.name.as_str())).collect()
            }
            Subject::CompanyDomain => self
                .companies
                .iter()
                .filter_map(|company| company.domain.as_deref())
                .map(Value::text)
                .collect(),
            Subject::CreatedAt => vec![Value::Timestamp(person.created_at)],
            Subject::UpdatedAt => vec![Value::Timestamp(person.updated_at)],
        }
    }

    /// See [`Condition::Mailable`].
    pub fn is_mailable(&self) -> bool {
        self.person.email.is_some()
            && self.person.marks.is_empty()
            && !self.is_suppressed
            && self.person.memberships.iter().any(|membership| is_active(membership.permission.status))
    }
}

/// Whether there is a value that says anything. Of several choices none is nothing.
pub fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Text(text) => !text.is_empty(),
        Value::Json(text) => !matches!(text.trim(), "" | "null" | "[]" | "{}" | "\"\""),
        _ => true,
    }
}

/// Compares a value with a literal; what cannot be compared is false.
fn compare(value: &Value, comparison: Comparison, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Text(text), Literal::Text(wanted)) => compare_text(text, comparison, wanted),
        (Value::Json(choices), Literal::Text(wanted)) => {
            comparison == Comparison::Contains && has_choice(choices, wanted)
        }
        (Value::Boolean(value), Literal::Boolean(wanted)) => {
            comparison == Comparison::Equals && value == wanted
        }
        (Value::Integer(value), Literal::Number(wanted)) => {
            ordered((*value as f64).partial_cmp(wanted), comparison)
        }
        (Value::Float(value), Literal::Number(wanted)) => ordered(value.partial_cmp(wanted), comparison),
        (Value::Timestamp(value), Literal::Instant(wanted)) => ordered(Some(value.cmp(wanted)), comparison),
        (Value::Date(day), Literal::Instant(wanted)) => {
            let start = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
            ordered(start.ok().map(|start: Timestamp| start.cmp(wanted)), comparison)
        }
        _ => false,
    }
}

fn compare_text(text: &str, comparison: Comparison, wanted: &str) -> bool {
    let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    match comparison {
        Comparison::Equals => text == wanted,
        Comparison::Contains => text.contains(&wanted),
        Comparison::StartsWith => text.starts_with(&wanted),
        Comparison::EndsWith => text.ends_with(&wanted),
        Comparison::Less | Comparison::AtMost | Comparison::Greater | Comparison::AtLeast => false,
    }
}

fn has_choice(choices: &str, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    let choices: Vec<serde_json::Value> = serde_json::from_str(choices).unwrap_or_default();
    choices.iter().filter_map(serde_json::Value::as_str).any(|choice| choice.to_lowercase() == wanted)
}

fn ordered(order: Option<Ordering>, comparison: Comparison) -> bool {
    let Some(order) = order else { return false };
    match comparison {
        Comparison::Equals => order.is_eq(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => false,
    }
}
