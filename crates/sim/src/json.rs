//! Writing JSON straight into bytes.
//!
//! A page of contacts with its sideloads is a megabyte; building a tree of values first would take most of its time.

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// Appends `number` in decimal.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    // 20 digits hold the greatest u64.
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `number` as a string, the way ids are sent.
pub(crate) fn push_quoted(out: &mut Vec<u8>, number: u64) {
    out.push(b'"');
    push_number(out, number);
    out.push(b'"');
}

/// Appends `["1","2"]`.
pub(crate) fn push_ids(out: &mut Vec<u8>, ids: &[u64]) {
    out.push(b'[');
    for (at, id) in ids.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_quoted(out, *id);
    }
    out.push(b']');
}

/// Appends a value that was stored by a write.
pub(crate) fn push_value(out: &mut Vec<u8>, value: &serde_json::Value) {
    serde_json::to_writer(out, value).expect("writing JSON into memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::{push_ids, push_string};

    #[test]
    fn every_text_reads_back_as_itself() {
        for text in ["", "plain", "a\"b\\c", "line\nfeed\ttab\u{0}", "Ł𝄞🙂", "\u{7f}"] {
            let mut out = Vec::new();
            push_string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn ids_are_strings_in_an_array() {
        let mut out = Vec::new();
        push_ids(&mut out, &[1, 10, u64::MAX]);
        assert_eq!(out, br#"["1","10","18446744073709551615"]"#);
    }
}
