//! Cells of CSV files that a spreadsheet would run as formulas.
//!
//! Such a cell gets a quote in front, by which spreadsheets know a text. The rule looks behind quotes that are there
//! already, so that it can be undone: what is read back is exactly what was written.

/// What formulas begin with, ASCII and full-width; controls are skipped by some readers, which then see what follows.
/// Source: OWASP, "CSV Injection", read 2026-11-20.
const STARTERS: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// What spreadsheets know a text by.
const QUOTE: char = '\'';

/// Whether the cell would be run, quotes in front of it aside. Numbers are numbers, also such with a sign.
pub(crate) fn is_formula(cell: &str) -> bool {
    let rest = cell.trim_start_matches(QUOTE);
    rest.starts_with(STARTERS) && !is_number(rest)
}

/// The cell as it was before a quote was put in front of it.
pub(crate) fn revealed(cell: &str) -> &str {
    match cell.strip_prefix(QUOTE) {
        Some(rest) if is_formula(rest) => rest,
        _ => cell,
    }
}

/// An optional sign, digits, and an optional fraction and exponent.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let begins = unsigned.starts_with(|first: char| first.is_ascii_digit());
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    begins && unsigned.bytes().all(is_plain) && unsigned.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_told_from_numbers_and_texts() {
        let formulas =
            ["=1+1", "+a", "-a", "@SUM(1)", "\tx", "\r=1", "\n=1", "\0", "＝1", "＋1", "－1", "＠a"];
        for cell in formulas.into_iter().chain(["'=1", "''=1", "+1 555", "-1-1", "+", "-", "-.5", "+inf"]) {
            assert!(is_formula(cell), "{cell:?}");
        }
        for cell in ["", "a=1", "-5", "+49123456", "-1.5e-3", "'", "'a", "'-5", " =1", "1-1", "{\"a\":1}"] {
            assert!(!is_formula(cell), "{cell:?}");
        }
    }

    /// Every text of up to four of the characters that matter comes back as it was.
    #[test]
    fn quotes_put_in_front_are_taken_off() {
        let mut texts = vec![String::new()];
        for length in 0..4 {
            let longer: Vec<String> = texts
                .iter()
                .filter(|text| text.chars().count() == length)
                .flat_map(|text| ['\'', '=', '-', '1', 'a', '\u{ff1d}'].map(|next| format!("{text}{next}")))
                .collect();
            texts.extend(longer);
        }
        for text in texts {
            let written = if is_formula(&text) { format!("'{text}") } else { text.clone() };
            assert_eq!(revealed(&written), text, "{written:?}");
            assert!(!written.starts_with(STARTERS) || is_number(&written), "{written:?}");
        }
    }
}
