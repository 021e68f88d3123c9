//! Pure changes of single values.

use std::fmt::Write as _;

use achub_core::{FieldType, Value};
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

use crate::shape::accents;

/// Which fields a transform is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    /// Every field of text.
    AllText,
    /// The field of this name.
    Named(String),
}

/// A pure change of one value. All but the hashes leave what is no text as it is.
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
    /// Characters that cannot be printed go, line ends and tabs among them.
    ReplaceNonPrintable,
    /// NUL characters go.
    ReplaceNul,
    /// MD5, as hexadecimal digits. A number or time is hashed as its text.
    HashMd5,
    /// SHA-256, as hexadecimal digits. A number or time is hashed as its text.
    HashSha256,
    /// SHA-512, as hexadecimal digits. A number or time is hashed as its text.
    HashSha512,
    /// 32 hexadecimal digits, however they are grouped, become a UUID's text. Other texts stay.
    ParseUuid,
    /// A bit (`0`, `1`, `b'0'`, `b'1'`, or the character of that number) becomes `false` or `true`. Other texts stay.
    ParseBit,
}

impl Transform {
    /// Every transform with the name that replication files give it.
    pub const NAMES: &[(&'static str, Transform)] = &[
        ("trim_space", Transform::TrimSpace),
        ("lower", Transform::Lower),
        ("upper", Transform::Upper),
        ("empty_as_null", Transform::EmptyAsNull),
        ("replace_accents", Transform::ReplaceAccents),
        ("remove_diacritics", Transform::RemoveDiacritics),
        ("replace_non_printable", Transform::ReplaceNonPrintable),
        ("replace_0x00", Transform::ReplaceNul),
        ("hash_md5", Transform::HashMd5),
        ("hash_sha256", Transform::HashSha256),
        ("hash_sha512", Transform::HashSha512),
        ("parse_uuid", Transform::ParseUuid),
        ("parse_bit", Transform::ParseBit),
    ];

    /// The kind of a field of `ty` behind this transform.
    pub(super) fn result(self, ty: FieldType) -> FieldType {
        match self {
            Transform::HashMd5 | Transform::HashSha256 | Transform::HashSha512 => FieldType::Text,
            _ => ty,
        }
    }

    /// The value behind this transform. Null stays null.
    pub(super) fn apply(self, value: Value) -> Value {
        match (self, value) {
            (_, Value::Null) => Value::Null,
            (Transform::HashMd5, value) => digest::<Md5>(&value),
            (Transform::HashSha256, value) => digest::<Sha256>(&value),
            (Transform::HashSha512, value) => digest::<Sha512>(&value),
            (transform, Value::Text(text)) => transform.of_text(text),
            (_, value) => value,
        }
    }

    fn of_text(self, text: Box<str>) -> Value {
        match self {
            Transform::TrimSpace if text.trim().len() == text.len() => Value::Text(text),
            Transform::TrimSpace => Value::text(text.trim()),
            Transform::Lower => Value::text(text.to_lowercase()),
            Transform::Upper => Value::text(text.to_uppercase()),
            Transform::EmptyAsNull if text.is_empty() => Value::Null,
            Transform::EmptyAsNull => Value::Text(text),
            Transform::ReplaceAccents => Value::text(accents::plain(&text)),
            Transform::RemoveDiacritics => Value::text(accents::without_marks(&text)),
            Transform::ReplaceNonPrintable => {
                Value::text(text.chars().filter(|&c| is_printable(c)).collect::<String>())
            }
            Transform::ReplaceNul if !text.contains('\0') => Value::Text(text),
            Transform::ReplaceNul => Value::text(text.replace('\0', "")),
            Transform::ParseUuid => uuid(&text).map_or(Value::Text(text), Value::text),
            Transform::ParseBit => bit(&text).map_or(Value::Text(text), |bit| Value::text(bit.to_string())),
            Transform::HashMd5 | Transform::HashSha256 | Transform::HashSha512 => Value::Text(text),
        }
    }
}

fn digest<D: Digest>(value: &Value) -> Value {
    let digest = match value {
        Value::Text(text) | Value::Json(text) => D::digest(text.as_bytes()),
        other => D::digest(other.display().as_bytes()),
    };
    let mut digits = String::with_capacity(digest.len() * 2);
    for byte in digest.iter() {
        write!(digits, "{byte:02x}").expect("a string takes everything");
    }
    Value::text(digits)
}

/// Control characters, invisible marks of direction and joining, and the byte order mark cannot be printed.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn uuid(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | '{' | '}' | ' ')).collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits).to_ascii_lowercase();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let group = |from: usize, to: usize| &digits[from..to];
    Some([group(0, 8), group(8, 12), group(12, 16), group(16, 20), group(20, 32)].join("-"))
}

fn bit(text: &str) -> Option<bool> {
    match text {
        "0" | "\0" | "b'0'" | "B'0'" => Some(false),
        "1" | "\u{1}" | "b'1'" | "B'1'" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use achub_core::Value;

    use super::Transform;

    fn check(name: &str, text: &str, expected: Option<&str>) {
        let (_, transform) = Transform::NAMES.iter().find(|(known, _)| *known == name).unwrap();
        let expected = expected.map_or(Value::Null, Value::text);
        assert_eq!(transform.apply(Value::text(text)), expected, "{name} of {text:?}");
    }

    #[test]
    fn every_name_does_what_it_says() {
        for (name, text, expected) in [
            ("trim_space", " a b\t\n", "a b"),
            ("lower", "ÄB", "äb"),
            ("upper", "straße", "STRASSE"),
            ("empty_as_null", " ", " "),
            ("replace_accents", "Ångström façade Łódź Øre", "Angstrom facade Lodz Ore"),
            ("remove_diacritics", "Ångström Øre e\u{301}", "Angstrom Øre e"),
            ("replace_non_printable", "a\u{7}b\r\n\u{200b}c\u{feff}d", "abcd"),
            ("replace_0x00", "a\0b\n", "ab\n"),
            ("hash_md5", "abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("hash_sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("parse_uuid", "{00112233-4455-6677-8899-AABBCCDDEEFF}", "00112233-4455-6677-8899-aabbccddeeff"),
            ("parse_uuid", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"),
            ("parse_uuid", "not one", "not one"),
            ("parse_bit", "\u{1}", "true"),
            ("parse_bit", "b'0'", "false"),
            ("parse_bit", "2", "2"),
        ] {
            check(name, text, Some(expected));
        }
        check("empty_as_null", "", None);
        let Value::Text(long) = Transform::HashSha512.apply(Value::text("abc")) else { panic!("a text") };
        assert!(long.starts_with("ddaf35a193617aba") && long.len() == 128, "{long}");
    }

    #[test]
    fn hashes_take_numbers_and_leave_null() {
        let of_number = Transform::HashMd5.apply(Value::Integer(7));
        assert_eq!(of_number, Transform::HashMd5.apply(Value::text("7")));
        assert_eq!(Transform::HashMd5.apply(Value::Null), Value::Null);
        assert_eq!(Transform::Lower.apply(Value::Integer(7)), Value::Integer(7));
    }
}
