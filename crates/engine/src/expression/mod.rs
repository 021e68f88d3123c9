//! Conditions that people write into files: comparisons, `and`, `or`, `not`, a few functions of texts, and nothing that
//! could reach anything.

mod evaluate;
mod grammar;
pub(crate) mod lexer;

use std::borrow::Cow;

use achub_core::{Code, Error, Value};
use jiff::{Timestamp, civil::Date};

use grammar::Node;

/// A condition that was understood.
///
/// It is made of names, numbers, texts in quotes, `true`, `false` and `null`; compared by `=`, `!=`, `<`, `<=`, `>`, `>=`,
/// `in [a, b]`, `is null`; joined by `and`, `or`, `not` (also `&&`, `||`, `!`) and parentheses; and of the functions
/// `length`, `lower`, `upper`, `trim`, `contains`, `starts_with` and `ends_with`. A text that is compared with a number is
/// taken for the number it spells, a day or instant that is compared with a text for the one it spells.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Node,
}

/// What stands behind a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand<'a> {
    /// No value. It is equal to `null` and to nothing else, and neither less nor more than anything.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// A calendar day.
    Date(Date),
    /// An instant.
    Moment(Timestamp),
}

impl Expression {
    /// Reads a condition. `knows` says of a name why it cannot be used, where it cannot.
    ///
    /// Errors: `CF-104` with the place where it is not understood.
    pub fn parse(text: &str, knows: &dyn Fn(&str) -> Result<(), String>) -> Result<Expression, Error> {
        let text = text.trim();
        let root = grammar::parse(text, knows).map_err(|mistake| {
            let what = format!("the condition {text:?} is not understood at character {}", mistake.at + 1);
            Error::new(Code::BadFile, format!("{what}: {}", mistake.what))
        })?;
        Ok(Expression { text: text.to_owned(), root })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names it asks for, in their order.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.names(&mut names);
        names
    }

    /// Whether `null` is written in it, so that no value is judged by it too.
    pub fn names_null(&self) -> bool {
        self.root.names_null()
    }

    /// Whether it holds for what stands behind the names.
    pub fn holds<'v>(&self, values: &dyn Fn(&str) -> Operand<'v>) -> bool {
        self.root.holds(values)
    }
}

impl<'a> From<&'a Value> for Operand<'a> {
    fn from(value: &'a Value) -> Operand<'a> {
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
}

#[cfg(test)]
mod tests {
    use super::{Expression, Operand};

    fn figures(name: &str) -> Operand<'static> {
        match name {
            "run.total_rows" => Operand::Integer(12),
            "state.end-1.status" => Operand::Text("success".into()),
            _ => Operand::Null,
        }
    }

    #[test]
    fn dotted_names_are_looked_up() {
        for (text, expected) in [
            ("run.total_rows > 0 and state.end-1.status == 'success'", true),
            ("run.error is null", true),
            ("run.error > 0 or not run.error > 0", true),
            ("run.total_rows in [1, 2]", false),
        ] {
            let expression = Expression::parse(text, &|_| Ok(())).expect("a condition");
            assert_eq!(expression.holds(&figures), expected, "{text}");
        }
    }

    #[test]
    fn names_are_told_in_their_order() {
        let text = "b.c > 1 and (a in [d, 2] or not lower(e) = 'x')";
        let expression = Expression::parse(text, &|_| Ok(())).expect("a condition");

        assert_eq!(expression.names(), ["b.c", "a", "d", "e"]);
    }

    #[test]
    fn unknown_name_is_refused_with_its_place() {
        let error = Expression::parse("1 = nobody", &|name| Err(format!("{name} is not known"))).unwrap_err();

        assert!(error.message().ends_with("at character 5: nobody is not known"), "{}", error.message());
    }
}
