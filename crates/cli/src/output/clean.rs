//! Text from outside must not steer the terminal.

/// Data for a terminal: no control characters but line ends and tabs.
pub fn lines(text: &str) -> String {
    text.chars().filter(|&c| matches!(c, '\n' | '\t') || !steers(c)).collect()
}

/// Words of ours, which may carry colours of ours, with text from outside in them.
pub fn words(text: &str, has_color: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match own_color(rest).filter(|_| has_color) {
            Some(length) => {
                clean.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            None => {
                if c == '\n' || !steers(c) {
                    clean.push(c);
                }
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    clean
}

/// One cell: line ends and tabs become blanks too.
pub fn cell(text: &str) -> String {
    text.chars()
        .map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c })
        .filter(|&c| !steers(c))
        .collect()
}

/// Control characters, and those that turn the direction of writing round.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The length of a colour sequence at the start of `text`: `ESC [ digits m`, nothing else.
fn own_color(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find('m')?;
    let digits = inner[..end].chars().all(|c| c.is_ascii_digit() || c == ';');
    (digits && end <= 5).then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::{cell, lines, words};

    #[test]
    fn control_characters_never_reach_a_terminal() {
        let hostile = "a\u{1b}]0;title\u{7}\u{1b}[2Jb\u{9b}31m\u{202e}c\r\n";
        assert_eq!(lines(hostile), "a]0;title[2Jb31mc\n");
        assert_eq!(words(hostile, true), "a]0;title[2Jb31mc\n");
        assert_eq!(cell("x\ty\nz\u{1b}"), "x y z");
        assert_eq!(words("\u{1b}[1;31merror\u{1b}[0m x", true), "\u{1b}[1;31merror\u{1b}[0m x");
        assert_eq!(words("\u{1b}[1;31merror\u{1b}[0m", false), "[1;31merror[0m");
    }
}
