//! Text with NUL characters, which PostgreSQL has no room for and people's data does have.
//!
//! U+0000 is stored as U+001A and `0`, and U+001A itself as U+001A and `1`: nothing is lost, equal texts stay equal and
//! different ones different, and text without the two is stored as it is.

use std::borrow::Cow;

const ESCAPE: char = '\u{1a}';

/// The form in which `text` is stored.
pub(crate) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => stored.extend([ESCAPE, '0']),
            ESCAPE => stored.extend([ESCAPE, '1']),
            other => stored.push(other),
        }
    }
    Cow::Owned(stored)
}

/// The text that was stored as `stored`. What this program never stores comes back as it is.
pub(crate) fn read(stored: String) -> String {
    if !stored.contains(ESCAPE) {
        return stored;
    }
    stored.replace("\u{1a}0", "\0").replace("\u{1a}1", "\u{1a}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_as_it_was() {
        for text in ["", "plain", "\0", "\u{1a}", "\u{1a}0", "a\0\0b", "\u{1a}1\0", "\u{1a}\u{1a}01", "é\0ü"]
        {
            let kept = stored(text).into_owned();
            assert!(!kept.contains('\0'), "{text:?} is stored as {kept:?}");
            assert_eq!(read(kept), text);
        }
    }
}
