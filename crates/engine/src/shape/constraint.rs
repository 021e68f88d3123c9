//! Conditions that the values of a column must meet.

use achub_core::{Error, Value};

use crate::expression::{Expression, Operand};

/// What happens to a row with a value that breaks a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBroken {
    /// It lands, and is counted.
    Warn,
    /// It does not land (outcome `skipped`).
    Skip,
    /// The stream fails.
    Abort,
}

/// A condition over one value, which it calls `value`: `value > 0`. See [`Expression`].
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint(Expression);

impl Constraint {
    /// Reads a condition.
    ///
    /// Errors: `CF-104` with the place where it is not understood.
    pub fn parse(text: &str) -> Result<Constraint, Error> {
        let knows = |name: &str| match name {
            "value" => Ok(()),
            other => Err(format!("{other:?} is not known, did you mean `value`")),
        };
        Expression::parse(text, &knows).map(Constraint).map_err(|error| {
            error.with_hint(
                "a condition is like `value > 0`, `value in ['a', 'b']` or `length(value) <= 20 and value != ''`",
            )
        })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether `value` meets the condition. Null meets every condition that does not ask for it.
    pub fn holds(&self, value: &Value) -> bool {
        (value.is_null() && !self.0.names_null()) || self.0.holds(&|_| Operand::from(value))
    }
}

#[cfg(test)]
mod tests {
    use achub_core::Value;

    use super::Constraint;

    fn check(condition: &str, value: Value, expected: bool) {
        let constraint = Constraint::parse(condition).unwrap_or_else(|error| panic!("{}", error.message()));
        assert_eq!(constraint.holds(&value), expected, "{condition} for {value:?}");
    }

    #[test]
    fn conditions_judge_values() {
        let day = || Value::Date("2025-03-02".parse().unwrap());
        let moment = || Value::Timestamp("2025-03-02T10:00:00Z".parse().unwrap());
        for (condition, value, expected) in [
            ("value > 0", Value::Integer(1), true),
            ("value > 0", Value::Integer(0), false),
            ("value>=-1.5 && value<1e3", Value::Float(-1.5), true),
            ("value > 0", Value::text("12"), true),
            ("value > 0", Value::text("abc"), false),
            ("value != 0", Value::text("abc"), true),
            ("value = 9007199254740993", Value::Integer(9_007_199_254_740_993), true),
            ("value = 9007199254740993", Value::Integer(9_007_199_254_740_992), false),
            ("value == 'a''b'", Value::text("a'b"), true),
            ("value <> \"x\" or false", Value::text("x"), false),
            ("value in ['a', \"b\"]", Value::text("b"), true),
            ("value not in (1, 2)", Value::Integer(2), false),
            ("length(value) <= 3", Value::text("äöü"), true),
            ("len(trim(value)) > 3", Value::text(" ab "), false),
            ("lower(value) == 'ab' and not starts_with(value, 'b')", Value::text("AB"), true),
            ("contains(value, '@')", Value::text("a.b"), false),
            ("ends_with(value, '.de') || ends_with(value, '.at')", Value::text("x.at"), true),
            ("value", Value::Boolean(true), true),
            ("!value", Value::Boolean(true), false),
            ("value == false", Value::Boolean(false), true),
            ("value >= '2025-01-01'", day(), true),
            ("value < '2025-03-02'", moment(), false),
            ("value <= '2025-03-02T10:00:00Z'", moment(), true),
            ("(value > 1 or value < 0) and value != 5", Value::Integer(5), false),
        ] {
            check(condition, value, expected);
        }
    }

    #[test]
    fn null_meets_what_does_not_ask() {
        check("value > 0", Value::Null, true);
        check("not (value > 0)", Value::Null, true);
        check("value is not null", Value::Null, false);
        check("value is null or value > 0", Value::Null, true);
        check("value != nil", Value::Null, false);
        check("value != null", Value::Integer(1), true);
    }

    #[test]
    fn unknown_syntax_is_refused_with_place() {
        for (condition, at, what) in [
            ("", 1, "a condition was expected, it ends here"),
            ("value >", 8, "a value was expected, it ends here"),
            ("value >> 0", 8, "a value was expected, got \">\""),
            ("value > 0 0", 11, "the end was expected, got \"0\""),
            ("vlaue > 0", 1, "\"vlaue\" is not known, did you mean `value`"),
            ("value > 'x", 9, "the text is not closed"),
            ("value > 0 && (value < 5", 24, "\")\" was expected, it ends here"),
            ("value like 'a%'", 7, "the end was expected, got \"like\""),
            ("sqrt(value) > 2", 1, "there is no function \"sqrt\""),
            ("length(value, 2) > 1", 1, "length takes 1 value, got 2"),
            ("value + 1 > 2", 7, "\"+\" is not understood"),
            ("length(value)", 1, "a condition was expected, this is a value"),
            ("value in []", 11, "a value was expected, got \"]\""),
            ("value is 5", 10, "`null` was expected, got \"5\""),
            ("value > 1.2.3", 9, "1.2.3 is not a number"),
        ] {
            let error = Constraint::parse(condition).unwrap_err();
            let expected = format!("the condition {condition:?} is not understood at character {at}: {what}");
            assert!(error.message().starts_with(&expected), "{}\n{expected}", error.message());
        }
        let deep = format!("{}value{}", "(".repeat(500), ")".repeat(500));
        assert!(Constraint::parse(&deep).is_err(), "depth is bounded");
    }
}
