//! Several choices in one text.

use std::fmt;

use thiserror::Error;

/// What stands before, between and after the values.
const DELIMITER: &str = "||";

/// The values of a checkbox or listbox field: `||red||blue||` on the wire.
///
/// Source: vendor reference, "Bulk import contacts"; recorded field values of 2021.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MultiValue(Vec<String>);

/// A value that would be read back as two.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAValue {
    /// The value at this index contains or touches the delimiter.
    #[error("choice {0} contains the delimiter `||` or ends in `|`")]
    Delimiter(usize),
    /// The value at this index is empty, which the wire cannot tell from no value.
    #[error("choice {0} is empty")]
    Empty(usize),
}

impl MultiValue {
    /// These values, refused where reading them back would give others.
    pub fn new(values: Vec<String>) -> Result<MultiValue, NotAValue> {
        for (index, value) in values.iter().enumerate() {
            // `a|` followed by the delimiter would be cut one character early.
            if value.contains(DELIMITER) || value.starts_with('|') || value.ends_with('|') {
                return Err(NotAValue::Delimiter(index));
            }
            if value.is_empty() {
                return Err(NotAValue::Empty(index));
            }
        }
        Ok(MultiValue(values))
    }

    /// Reads the wire spelling. A text without delimiters is one value, the empty text none.
    pub fn parse(text: &str) -> MultiValue {
        let values = text.split(DELIMITER).filter(|value| !value.is_empty()).map(str::to_owned);
        MultiValue(values.collect())
    }

    /// The values in their order.
    pub fn values(&self) -> &[String] {
        &self.0
    }
}

/// The wire spelling; no value is the empty text.
impl fmt::Display for MultiValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for value in &self.0 {
            write!(f, "{DELIMITER}{value}")?;
        }
        f.write_str(if self.0.is_empty() { "" } else { DELIMITER })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MultiValue, NotAValue};

    fn check(wire: &str, values: &[&str]) {
        assert_eq!(MultiValue::parse(wire).values(), values, "{wire}");
    }

    #[test]
    fn choices_are_read_between_delimiters() {
        check("||red||blue||", &["red", "blue"]);
        check("||Option 2||", &["Option 2"]);
        check("plain", &["plain"]);
        check("", &[]);
        check("||||", &[]);
    }

    #[test]
    fn choices_with_delimiter_are_refused() {
        let new = |value: &str| MultiValue::new(vec!["a".to_owned(), value.to_owned()]);
        for value in ["x||y", "|x", "x|", "|"] {
            assert_eq!(new(value), Err(NotAValue::Delimiter(1)), "{value}");
        }
        assert_eq!(new(""), Err(NotAValue::Empty(1)));
        assert_eq!(new("x|y").expect("a single bar is fine").to_string(), "||a||x|y||");
    }

    proptest! {
        #[test]
        fn accepted_choices_read_back_the_same(values in prop::collection::vec("[a-c|]{0,4}", 0..4)) {
            if let Ok(choices) = MultiValue::new(values.clone()) {
                let read = MultiValue::parse(&choices.to_string());
                prop_assert_eq!(read.values(), &values[..]);
            }
        }
    }
}
