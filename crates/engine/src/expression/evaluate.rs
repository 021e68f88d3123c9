//! Conditions held against values.

use std::{borrow::Cow, cmp::Ordering};

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    expression::{
        Operand,
        grammar::{Comparison, Function, Literal, Node},
    },
    shape::convert::moment,
};

/// What stands behind a name.
pub(super) type LookUp<'l, 'a> = &'l dyn Fn(&str) -> Operand<'a>;

impl Node {
    /// Whether the condition holds.
    pub(super) fn holds<'v>(&self, values: LookUp<'_, 'v>) -> bool {
        match self {
            Node::And(parts) => parts.iter().all(|part| part.holds(values)),
            Node::Or(parts) => parts.iter().any(|part| part.holds(values)),
            Node::Not(inner) => !inner.holds(values),
            Node::Compare(left, comparison, right) => {
                compare(&left.operand(values), *comparison, &right.operand(values))
            }
            Node::In(left, list) => {
                let left = left.operand(values);
                list.iter().any(|item| compare(&left, Comparison::Equal, &item.operand(values)))
            }
            Node::Name(_) | Node::Literal(_) | Node::Call(..) => {
                matches!(self.operand(values), Operand::Boolean(true))
            }
        }
    }

    fn operand<'o, 'v: 'o>(&'o self, values: LookUp<'_, 'v>) -> Operand<'o> {
        match self {
            Node::Name(name) => values(name),
            Node::Literal(literal) => of_literal(literal),
            Node::Call(function, arguments) => {
                let texts: Vec<Option<Cow<'o, str>>> =
                    arguments.iter().map(|inner| inner.operand(values).text()).collect();
                called(*function, &texts)
            }
            condition => Operand::Boolean(condition.holds(values)),
        }
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
