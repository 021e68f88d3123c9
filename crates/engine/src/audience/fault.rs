//! What is wrong with a condition, and where.

use achub_core::{Code, Error};

use crate::expression::lexer::Mistake;

/// How much of a long text is shown around the place.
const SHOWN_MAX: usize = 72;
/// How alike a name has to be to what was typed to be offered instead, from 0 to 1.
const LIKENESS_MIN: f64 = 0.6;
/// How many are offered.
const OFFERED_MAX: usize = 3;

/// Why a condition is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The character, counted from 0.
    at: usize,
    /// What is wrong, or what was expected.
    what: String,
    /// What might have been meant, as it is typed.
    near: Vec<String>,
}

impl Fault {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Fault {
        Fault { at, what: what.into(), near: Vec::new() }
    }

    /// Offers those of `known` that are like `typed`, each as `shown` spells it.
    pub(super) fn near<'k>(
        mut self,
        typed: &str,
        known: impl Iterator<Item = &'k str>,
        shown: impl Fn(&str) -> String,
    ) -> Fault {
        self.near = nearest(typed, known).into_iter().map(shown).collect();
        self
    }

    /// The error, with the place under the text.
    pub(super) fn error(self, text: &str) -> Error {
        let place = self.at + 1;
        let question = match self.near.first() {
            Some(first) => format!(", did you mean {first}?"),
            None => String::new(),
        };
        let message = format!("the condition cannot be read at character {place}: {}{question}", self.what);
        let error = Error::new(Code::BadCondition, message).with_detail("at", pointer(text, self.at));
        match self.near.len() {
            0 | 1 => error,
            _ => error.with_detail("near", self.near.join(", ")),
        }
    }
}

impl From<Mistake> for Fault {
    fn from(mistake: Mistake) -> Fault {
        Fault::new(mistake.at, mistake.what)
    }
}

/// The most alike first.
fn nearest<'k>(typed: &str, known: impl Iterator<Item = &'k str>) -> Vec<&'k str> {
    let typed = typed.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .map(|name| (strsim::normalized_damerau_levenshtein(&typed, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(OFFERED_MAX);
    scored.into_iter().map(|(_, name)| name).collect()
}

/// The line that holds the character, cut where it is long, and `^` under the character.
fn pointer(text: &str, at: usize) -> String {
    let before: Vec<char> = text.chars().take(at).collect();
    let line_start = before.iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
    let line: Vec<char> = text.chars().skip(line_start).take_while(|c| *c != '\n').collect();
    let column = at - line_start;
    let cut = column.saturating_sub(SHOWN_MAX / 2).min(line.len().saturating_sub(SHOWN_MAX));
    let (left, shown) = (if cut > 0 { "…" } else { "" }, &line[cut..line.len().min(cut + SHOWN_MAX)]);
    let right = if cut + SHOWN_MAX < line.len() { "…" } else { "" };
    let shown: String = shown.iter().map(|c| if c.is_control() { ' ' } else { *c }).collect();
    let indent = " ".repeat(column - cut + left.chars().count());
    format!("{left}{shown}{right}\n{indent}^")
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn caret_stands_under_the_place() {
        assert_eq!(pointer("tag = 5", 6), "tag = 5\n      ^");
        assert_eq!(pointer("bounced\nand tug = 5", 12), "and tug = 5\n    ^");
        assert_eq!(pointer("ä and", 5), "ä and\n     ^");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(200), "b".repeat(200));
        let shown = pointer(&text, 200);

        let (line, caret) = shown.split_once('\n').unwrap();
        assert!(line.chars().count() <= super::SHOWN_MAX + 2, "{line}");
        assert_eq!(line.chars().nth(caret.chars().count() - 1), Some('X'));
    }
}
