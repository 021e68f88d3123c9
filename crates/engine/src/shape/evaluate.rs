//! Conditions held against values.

use std::{borrow::Cow, cmp::Ordering};

use achub_core::Value;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::shape::{
    convert::moment,
    grammar::{Comparison, Expression, Function, Literal},
};

/// What a part of a condition comes to.
#[derive(Debug, Clone)]
enum Operand<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Date(Date),
    Moment(Timestamp),
}

impl Expression {
    /// Whether the condition holds for `value`.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Expression::And(parts) => parts.iter().all(|part| part.holds(value)),
            Expression::Or(parts) => parts.iter().any(|part| part.holds(value)),
            Expression::Not(inner) => !inner.holds(value),
            Expression::Compare(left, comparison, right) => {
                compare(&left.operand(value), *comparison, &right.operand(value))
            }
            Expression::In(left, list) => {
                let left = left.operand(value);
                list.iter().any(|item| compare(&left, Comparison::Equal, &item.operand(value)))
            }
            Expression::Value | Expression::Literal(_) | Expression::Call(..) => {
                matches!(self.operand(value), Operand::Boolean(true))
            }
        }
    }

    fn operand<'a>(&'a self, value: &'a Value) -> Operand<'a> {
        match self {
            Expression::Value => of_value(value),
            Expression::Literal(literal) => of_literal(literal),
            Expression::Call(function, values) => {
                let texts: Vec<Option<Cow<'a, str>>> =
                    values.iter().map(|inner| inner.operand(value).text()).collect();
                called(*function, &texts)
            }
            condition => Operand::Boolean(condition.holds(value)),
        }
    }
}

fn of_value(value: &Value) -> Operand<'_> {
    match value {
        Value::Null => Operand::Null,
        Value::Boolean(value) => Operand::Boolean(*value),
        Value::Integer(value) => Operand::Integer(*value),
        Value::Float(value) => Operand::Float(*value),
        Value::Text(text) | Value::Json(text) => Operand::Text(Cow::Borrowed(text)),
        Value::Date(day) => Operand::Date(*day),
        Value::Timestamp(moment) => Operand::Moment(*moment),
    }
}

fn of_literal(literal: &Literal) -> Operand<'_> {
    match literal {
        Literal::Null => Operand::Null,
        Literal::Boolean(value) => Operand::Boolean(*value),
        Literal::Integer(value) => Operand::Integer(*value),
        Literal::Float(value) => Operand::Float(*value),
        Literal::Text(text) => Operand::Text(Cow::Borrowed(text)),
    }
}

/// A function of texts; of null it is null.
fn called<'a>(function: Function, texts: &[Option<Cow<'a, str>>]) -> Operand<'a> {
    let (Some(Some(first)), second) = (texts.first(), texts.get(1).cloned().flatten()) else {
        return Operand::Null;
    };
    let asked = |holds: fn(&str, &str) -> bool| match &second {
        Some(second) => Operand::Boolean(holds(first, second)),
        None => Operand::Null,
    };
    match function {
        Function::Length => Operand::Integer(first.chars().count().try_into().unwrap_or(i64::MAX)),
        Function::Lower => Operand::Text(first.to_lowercase().into()),
        Function::Upper => Operand::Text(first.to_uppercase().into()),
        Function::Trim => Operand::Text(first.trim().to_owned().into()),
        Function::Contains => asked(|text, part| text.contains(part)),
        Function::StartsWith => asked(|text, part| text.starts_with(part)),
        Function::EndsWith => asked(|text, part| text.ends_with(part)),
    }
}

/// Two values that cannot be compared are different, and neither is less.
fn compare(left: &Operand<'_>, comparison: Comparison, right: &Operand<'_>) -> bool {
    let order = order(left, right);
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::Different => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::AtMost => order.is_some_and(Ordering::is_le),
        Comparison::More => order == Some(Ordering::Greater),
        Comparison::AtLeast => order.is_some_and(Ordering::is_ge),
    }
}

fn order(left: &Operand<'_>, right: &Operand<'_>) -> Option<Ordering> {
    use Operand::{Boolean, Date, Float, Integer, Moment, Null, Text};
    match (left, right) {
        (Null, Null) => Some(Ordering::Equal),
        (Boolean(left), Boolean(right)) => Some(left.cmp(right)),
        (Integer(left), Integer(right)) => Some(left.cmp(right)),
        (Text(left), Text(right)) => Some(left.cmp(right)),
        (Date(left), Date(right)) => Some(left.cmp(right)),
        (Moment(left), Moment(right)) => Some(left.cmp(right)),
        (Integer(_) | Float(_), Integer(_) | Float(_)) => left.double()?.partial_cmp(&right.double()?),
        (Date(day), Text(text)) => Some(day.cmp(&day_of(text)?)),
        (Text(text), Date(day)) => Some(day_of(text)?.cmp(day)),
        (Moment(left), Text(text)) => Some(left.cmp(&moment(text)?)),
        (Text(text), Moment(right)) => Some(moment(text)?.cmp(right)),
        (Text(text), Integer(_) | Float(_)) => order(&number(text)?, right),
        (Integer(_) | Float(_), Text(text)) => order(left, &number(text)?),
        _ => None,
    }
}

fn day_of(text: &str) -> Option<Date> {
    moment(text).map(|moment| moment.to_zoned(TimeZone::UTC).date())
}

fn number(text: &str) -> Option<Operand<'static>> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(number) => Some(Operand::Integer(number)),
        Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Operand::Float),
    }
}

impl<'a> Operand<'a> {
    fn double(&self) -> Option<f64> {
        match self {
            Operand::Integer(number) => Some(*number as f64),
            Operand::Float(number) => Some(*number),
            _ => None,
        }
    }

    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Operand::Null => None,
            Operand::Boolean(value) => Some(value.to_string().into()),
            Operand::Integer(value) => Some(value.to_string().into()),
            Operand::Float(value) => Some(value.to_string().into()),
            Operand::Text(text) => Some(text),
            Operand::Date(day) => Some(day.to_string().into()),
            Operand::Moment(moment) => Some(moment.to_string().into()),
        }
    }
}
