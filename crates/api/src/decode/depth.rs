//! How deeply an answer is nested, before anything is made of it.

use super::unreadable::{Kind, Unreadable};

/// The deepest nesting that is read; an answer of the API needs six levels.
pub const DEPTH_MAX: usize = 64;

/// Refuses a body nested deeper than [`DEPTH_MAX`], in one look at each byte.
///
/// What is skipped or kept as text later is covered too, so no later reader of those texts can be led too deep.
pub(super) fn check(body: &[u8]) -> Result<(), Unreadable> {
    let mut depth = 0_usize;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Unreadable::new(
                        Kind::TooDeep,
                        format!("answer is nested deeper than {DEPTH_MAX} levels"),
                    ));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, Kind, check};

    fn nested(levels: usize) -> Vec<u8> {
        ["[".repeat(levels), "]".repeat(levels)].concat().into_bytes()
    }

    #[test]
    fn only_deeper_nesting_is_refused() {
        assert_eq!(check(&nested(DEPTH_MAX)), Ok(()));
        let refused = check(&nested(DEPTH_MAX + 1)).expect_err("it is one level too deep");
        assert_eq!(refused.kind(), Kind::TooDeep);
    }

    #[test]
    fn brackets_inside_strings_do_not_nest() {
        let text = format!("[\"{}\\\"{}\"]", "[".repeat(100), "{".repeat(100));
        assert_eq!(check(text.as_bytes()), Ok(()));
        assert_eq!(check(b"[\"\\"), Ok(()));
    }
}
