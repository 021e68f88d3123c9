//! JSON strings as text.

use std::borrow::Cow;

/// What stands for half a surrogate pair: the replacement character, escaped.
const REPLACEMENT: &str = "\\ufffd";

/// The text of a JSON string, `raw` being its spelling with quotes.
///
/// Half a surrogate pair, which the API sends where it cut a text in the middle of an emoji, becomes U+FFFD.
pub(super) fn unescaped(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let whole = serde_json::from_str(raw).or_else(|_| serde_json::from_str(&surrogates_whole(raw)));
    Cow::Owned(whole.unwrap_or_else(|_| inner.to_owned()))
}

/// The JSON document `raw` with every half of a surrogate pair replaced, so that any reader takes it.
pub(super) fn surrogates_whole(raw: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = raw[at..].find('\\') {
        let start = at + found;
        at = start + 2;
        match unit(raw, start) {
            Some(0xD800..=0xDBFF) if matches!(unit(raw, start + 6), Some(0xDC00..=0xDFFF)) => at = start + 12,
            Some(0xD800..=0xDFFF) => {
                clean.push_str(&raw[copied..start]);
                clean.push_str(REPLACEMENT);
                at = start + 6;
                copied = at;
            }
            _ => {}
        }
        // A backslash is followed by an ASCII character in all valid JSON; anything else ends the search.
        if !raw.is_char_boundary(at) || at > raw.len() {
            break;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(raw);
    }
    clean.push_str(&raw[copied..]);
    Cow::Owned(clean)
}

/// The UTF-16 unit escaped at byte `start` as `\uXXXX`.
fn unit(raw: &str, start: usize) -> Option<u32> {
    let escape = raw.get(start..start + 6)?;
    u32::from_str_radix(escape.strip_prefix("\\u")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{surrogates_whole, unescaped};

    fn check(raw: &str, text: &str) {
        assert_eq!(unescaped(raw), text, "{raw}");
    }

    #[test]
    fn escapes_are_resolved() {
        check(r#""plain""#, "plain");
        check(r#""a\/b\n\u00e9""#, "a/b\né");
        check(r#""\ud83d\ude00""#, "😀");
        check(r#""""#, "");
    }

    #[test]
    fn half_surrogates_become_replacement_character() {
        check(r#""cut \ud83d""#, "cut \u{fffd}");
        check(r#""\ude00\ud83d\ude00\ud83d x\\ud83d""#, "\u{fffd}😀\u{fffd} x\\ud83d");
        assert_eq!(surrogates_whole(r#"{"a":"\udc00"}"#), r#"{"a":"\ufffd"}"#);
    }

    proptest! {
        #[test]
        fn any_string_reads_as_serde_reads_it(text in ".*") {
            let raw = serde_json::to_string(&text).expect("a string is JSON");
            prop_assert_eq!(unescaped(&raw), text);
        }

        #[test]
        fn any_text_is_taken_without_panic(text in "[\\\\ud89cé\"]{0,30}") {
            surrogates_whole(&text);
            unescaped(&text);
        }
    }
}
