//! The one place that turns names and numbers into parts of a statement.

use std::fmt;

/// An identifier in double quotes, which both databases read as exactly this name.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Identifiers, each quoted, joined by commas; `prefix` is an alias with its dot, or empty.
pub(crate) fn quoted_list<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("{prefix}{}", quoted(name))).collect();
    names.join(", ")
}

/// A text constant, for statements that take no arguments, such as comments.
pub(crate) fn text_constant(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

/// A name that may be too long for the target, cut so that different names stay different and the same name is always
/// cut in the same way.
pub(crate) fn cut(name: &str, bytes_max: usize) -> String {
    if name.len() <= bytes_max {
        return name.to_owned();
    }
    let mark = format!("_{:08x}", fingerprint(name.as_bytes()) as u32);
    let mut end = bytes_max - mark.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{mark}", &name[..end])
}

/// FNV-1a, 64 bits: the same on every machine and in every version, which a stored name or lock needs.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A table with the schema it lies in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TableName {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl TableName {
    pub(crate) fn new(schema: Option<&str>, name: impl Into<String>) -> TableName {
        TableName { schema: schema.map(str::to_owned), name: name.into() }
    }

    /// Another table in the same schema.
    pub(crate) fn beside(&self, name: impl Into<String>) -> TableName {
        TableName { schema: self.schema.clone(), name: name.into() }
    }

    /// The name as a statement spells it.
    pub(crate) fn sql(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }
}

/// The name for people.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_names_are_doubled() {
        assert_eq!(quoted(r#"a"; drop table x; --"#), r#""a""; drop table x; --""#);
        assert_eq!(TableName::new(Some("s"), "t\"").sql(), r#""s"."t""""#);
        assert_eq!(text_constant("it's"), "'it''s'");
    }

    #[test]
    fn cut_names_stay_different_and_short() {
        let (one, two) = ("ä".repeat(40) + "1", "ä".repeat(40) + "2");
        assert_ne!(cut(&one, 63), cut(&two, 63));
        assert!(cut(&one, 63).len() <= 63);
        assert_eq!(cut("short", 63), "short");
    }
}
