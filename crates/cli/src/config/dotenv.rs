//! `.env.sling`: lines `KEY=value`.

use crate::config::yaml::{Mistake, Place};

/// The variables of the file in its order.
///
/// Blank lines and lines that begin with `#` are skipped. A value that begins with `'` or `"` ends at the next such
/// quote, which may be lines later. There are no other escapes and no `export`.
///
/// Errors: a line without `=`, a key with a blank in it, a quote that never closes, text after a closing quote.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, Mistake> {
    let mut variables = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let mistake =
            |what: &str| Mistake { place: Place { line: index + 1, column: 1 }, what: what.to_owned() };
        let (key, value) = trimmed.split_once('=').ok_or_else(|| mistake("a line must be KEY=value"))?;
        let key = key.trim_end();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(mistake("a line must be KEY=value, without `export` and blanks in the key"));
        }
        let value = value.trim_start();
        let value = match value.chars().next().filter(|first| matches!(first, '\'' | '"')) {
            None => value.to_owned(),
            Some(quote) => quoted(&value[1..], quote, &mut lines).map_err(mistake)?,
        };
        variables.push((key.to_owned(), value));
    }
    Ok(variables)
}

fn quoted<'a>(
    first: &str,
    quote: char,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut rest = first;
    loop {
        if let Some((inside, after)) = rest.split_once(quote) {
            value.push_str(inside);
            return match after.trim().is_empty() || after.trim_start().starts_with('#') {
                true => Ok(value),
                false => Err("there is text after the closing quote"),
            };
        }
        value.push_str(rest);
        value.push('\n');
        rest = lines.next().ok_or("a quote is opened and never closed")?.1;
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines_quotes_and_comments_are_read() {
        let text = "# c\n\nA=1\nB = 'two words'\nC=\"first\n  second\"\nD=\nE=a=b#c\r\n";
        let expected = [("A", "1"), ("B", "two words"), ("C", "first\n  second"), ("D", ""), ("E", "a=b#c")];
        let read = parse(text).unwrap();
        let read: Vec<(&str, &str)> =
            read.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line, what) in [
            ("A=1\nnonsense", 2, "a line must be KEY=value"),
            ("export A=1", 1, "a line must be KEY=value, without"),
            ("A=1\nB='x\ny", 2, "a quote is opened and never closed"),
            ("A='x' y", 1, "there is text after the closing quote"),
        ] {
            let mistake = parse(text).unwrap_err();
            assert_eq!(mistake.place.line, line, "{text:?}");
            assert!(mistake.what.starts_with(what), "{text:?}: {}", mistake.what);
        }
    }
}
