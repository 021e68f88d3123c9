//! The pieces of which conditions are written, here and in audiences.

/// Why a condition is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The character, counted from 0.
    pub(crate) at: usize,
    /// What is wrong.
    pub(crate) what: String,
}

/// A piece of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A name or a word of the language, dots and dashes included.
    Word(String),
    /// A number, a day or an instant, as it was written.
    Number(String),
    /// A text, without its quotes.
    Text(String),
    /// A sign.
    Sign(&'static str),
}

const SIGNS: &[&str] =
    &["&&", "||", "==", "!=", "<>", "<=", ">=", "=", "<", ">", "!", "(", ")", "[", "]", ",", "-"];

/// Cuts a text into its pieces, each with the character at which it begins, counted from 0.
pub(crate) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Mistake> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = characters.get(at) {
        let run = |is_part: &dyn Fn(char) -> bool| -> String {
            characters[at..].iter().copied().take_while(|&c| is_part(c)).collect()
        };
        let (length, token) = if first.is_whitespace() {
            at += 1;
            continue;
        } else if first.is_alphabetic() || first == '_' {
            let word = run(&|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
            (word.chars().count(), Token::Word(word))
        } else if first.is_ascii_digit() {
            let number = match starts_day(&characters[at..]) {
                true => run(&|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '+')),
                false => run(&|c| c.is_ascii_alphanumeric() || c == '.'),
            };
            (number.len(), Token::Number(number))
        } else if matches!(first, '\'' | '"') {
            quoted(&characters, at)?
        } else {
            let rest: String = characters[at..].iter().take(2).collect();
            let sign = SIGNS
                .iter()
                .find(|sign| rest.starts_with(**sign))
                .ok_or_else(|| Mistake { at, what: format!("\"{first}\" is not understood") })?;
            (sign.len(), Token::Sign(sign))
        };
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

/// Whether it begins as a day does, `2026-01-31`: no number is followed by a minus and two digits without a blank.
fn starts_day(characters: &[char]) -> bool {
    let form = "dddd-dd-dd";
    characters.len() >= form.len()
        && form
            .chars()
            .zip(characters)
            .all(|(form, c)| if form == 'd' { c.is_ascii_digit() } else { *c == form })
}

/// A text in quotes; the quote itself is written twice or behind a backslash.
fn quoted(characters: &[char], start: usize) -> Result<(usize, Token), Mistake> {
    let quote = characters[start];
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(&c) = characters.get(at) {
        let follower = characters.get(at + 1);
        if c == '\\' && follower.is_some_and(|&follower| follower == quote || follower == '\\')
            || c == quote && follower == Some(&quote)
        {
            text.extend(follower);
            at += 2;
        } else if c == quote {
            return Ok((at + 1 - start, Token::Text(text)));
        } else {
            text.push(c);
            at += 1;
        }
    }
    Err(Mistake { at: start, what: "the text is not closed".to_owned() })
}
