//! The words of a column's text: quotes and parentheses keep together what they hold.

/// A word with what stands in parentheses behind it: `decimal(10,2)`.
#[derive(Debug, PartialEq)]
pub(super) struct Term {
    pub(super) word: String,
    pub(super) arguments: Option<String>,
}

/// What stands before and behind the first `|` outside of quotes.
pub(super) fn split_constraint(text: &str) -> (&str, Option<&str>) {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '|') => return (&text[..at], Some(&text[at + 1..])),
            _ => {}
        }
    }
    (text, None)
}

/// The words of a text; what is in parentheses belongs to the word before them.
pub(super) fn terms(text: &str) -> Result<Vec<Term>, String> {
    let mut terms: Vec<Term> = Vec::new();
    for part in split(text, ' ') {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        // `decimal (10,2)`: the parentheses may stand apart.
        if part.starts_with('(')
            && let Some(term) = terms.last_mut().filter(|term| term.arguments.is_none())
        {
            term.arguments = Some(inside(part)?);
            continue;
        }
        let (word, arguments) = match part.find('(') {
            Some(at) => (&part[..at], Some(inside(&part[at..])?)),
            None => (part, None),
        };
        let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_word {
            return Err(format!("is not understood at {part:?}"));
        }
        terms.push(Term { word: word.to_owned(), arguments });
    }
    Ok(terms)
}

fn inside(part: &str) -> Result<String, String> {
    part.strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .map(str::to_owned)
        .ok_or_else(|| format!("has parentheses that never close at {part:?}"))
}

/// Splits at `separator` outside of quotes and parentheses; blanks of any kind count as one separator.
pub(super) fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quote, mut depth) = (None, 0_u32);
    for c in text.chars() {
        let is_separator = c == separator || (separator == ' ' && c.is_whitespace());
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, _) if is_separator && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("there is always a part").push(c);
    }
    parts
}

/// The text between quotes; the quote itself is written twice.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
}
