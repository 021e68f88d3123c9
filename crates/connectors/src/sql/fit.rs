//! How values of a declared type get into a column.

use achub_core::FieldType;
use jiff::civil::Time;

use crate::landing::Cell;

/// How values of a declared type get into a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fit {
    /// What the value becomes before it is sent.
    pub(crate) kind: FieldType,
    /// What the column can hold of that kind.
    pub(crate) limit: Limit,
    /// What is done to it on the way from the staging table into the table.
    pub(crate) moving: Moving,
    /// The column's type has no equality, so its text is compared.
    pub(crate) compare_text: bool,
}

impl Fit {
    /// A column that takes values as they are.
    pub(crate) fn exact(kind: FieldType) -> Fit {
        Fit { kind, limit: Limit::None, moving: Moving::AsIs, compare_text: false }
    }
}

/// A bound of a column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    None,
    /// At most so many characters.
    Chars(usize),
    /// Integers of this range.
    Range(i64, i64),
    /// Decimal numbers of at most so many digits, so many of them behind the point: databases round what has more.
    Decimal {
        precision: usize,
        scale: usize,
    },
    /// A time of the day and nothing else: databases cut off a day or a zone without a word.
    Time,
    /// Text that reads back as it was from a column that turns what looks like a number into one.
    AsSpelled,
}

impl Limit {
    /// Why the cell is out of bounds, if it is.
    pub(crate) fn check(self, cell: &Cell<'_>) -> Result<(), String> {
        match (self, cell) {
            (Limit::Chars(max), Cell::Text(text)) if text.chars().count() > max => {
                Err(format!("{} characters where the column holds {max}", text.chars().count()))
            }
            (Limit::Range(low, high), Cell::Integer(value)) if !(low..=high).contains(value) => {
                Err(format!("{value} where the column holds {low} to {high}"))
            }
            (Limit::Decimal { precision, scale }, Cell::Text(text)) => check_decimal(text, precision, scale),
            (Limit::Time, Cell::Text(text)) if !is_plain_time(text) => {
                Err(format!("{text:?} is not a time of the day"))
            }
            (Limit::AsSpelled, Cell::Text(text)) if !reads_back(text) => {
                Err(format!("{text:?} would become another number"))
            }
            _ => Ok(()),
        }
    }
}

/// What is done to a value on the way from the staging table into the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moving {
    AsIs,
    /// Cast to this type.
    Cast(String),
    /// Written as UTC without a zone.
    DropZone,
    /// Put between these two pieces of a statement.
    Between(&'static str, &'static str),
}

impl Moving {
    /// `value`, an expression of the staged kind, as the table holds it.
    pub(crate) fn apply(&self, value: &str) -> String {
        match self {
            Moving::AsIs => value.to_owned(),
            Moving::Cast(ty) => format!("CAST({value} AS {ty})"),
            Moving::DropZone => format!("({value} AT TIME ZONE 'UTC')"),
            Moving::Between(before, behind) => format!("{before}{value}{behind}"),
        }
    }
}

fn check_decimal(text: &str, precision: usize, scale: usize) -> Result<(), String> {
    let number = text.trim();
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(format!("{text:?} is not a decimal number"));
    }
    let whole = whole.trim_start_matches('0').len();
    if whole > precision.saturating_sub(scale) || fraction.trim_end_matches('0').len() > scale {
        return Err(format!("{number} where the column holds {precision} digits, {scale} behind the point"));
    }
    Ok(())
}

fn is_plain_time(text: &str) -> bool {
    let text = text.trim();
    let is_bare = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
    is_bare && text.contains(':') && text.parse::<Time>().is_ok()
}

fn reads_back(text: &str) -> bool {
    let looks_numeric = text.trim().parse::<f64>().is_ok() && text.bytes().any(|byte| byte.is_ascii_digit());
    let is_integer = || text.parse::<i64>().is_ok_and(|value| value.to_string() == text);
    !looks_numeric || is_integer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_refuse_what_would_be_changed() {
        let text = |text: &'static str| Cell::Text(text.into());
        let decimal = Limit::Decimal { precision: 5, scale: 2 };
        let cases = [
            (decimal, "123.45", true),
            (decimal, "-00123.4500", true),
            (decimal, "1234.5", false),
            (decimal, "1.234", false),
            (decimal, "soon", false),
            (decimal, ".", false),
            (Limit::Time, "23:59:59.5", true),
            (Limit::Time, "2026-03-01 12:00", false),
            (Limit::Time, "12:00:00+02", false),
            (Limit::Chars(2), "äö", true),
            (Limit::Chars(2), "äöü", false),
            (Limit::AsSpelled, "42", true),
            (Limit::AsSpelled, "00123", false),
            (Limit::AsSpelled, "1.50", false),
            (Limit::AsSpelled, "soon", true),
        ];
        for (limit, value, fits) in cases {
            assert_eq!(limit.check(&text(value)).is_ok(), fits, "{limit:?} {value}");
        }
    }
}
