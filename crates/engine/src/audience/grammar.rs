//! The language of audiences, read into a condition: statements joined by `and`, `or`, `not` and parentheses.

use achub_core::{
    condition::{Condition, Subject},
    person::{Mark, PersonField},
};
use jiff::Timestamp;

use crate::{
    audience::{
        fault::Fault,
        names::{Names, Typed},
        subject,
    },
    expression::lexer::{Token, tokens},
};

/// The most characters of a condition.
const LENGTH_MAX: usize = 20_000;
/// How deep a condition may nest; people write three.
const DEPTH_MAX: usize = 32;
/// The most statements of a condition, each entry of a list counted. SQLite nests expressions up to 1,000 deep, and a
/// chain of `or` is one such nesting.
const STATEMENTS_MAX: usize = 500;

/// Words a statement may begin with, beside the fields that everybody has and the names of custom fields.
pub(super) const STATEMENTS: &[&str] = &[
    "everybody",
    "mailable",
    "tag",
    "list",
    "ever on list",
    "on list",
    "field",
    "email.domain",
    "company.name",
    "company.domain",
    "created_at",
    "updated_at",
    "unsubscribed",
    "bounced",
    "spam",
    "blocked",
    "dropped",
];

/// Reads a condition.
pub(super) fn parse(text: &str, names: &Names, now: Timestamp) -> Result<Condition, Fault> {
    let length = text.chars().count();
    if length > LENGTH_MAX {
        return Err(Fault::new(LENGTH_MAX, format!("it is longer than {LENGTH_MAX} characters")));
    }
    let mut parser =
        Parser { tokens: tokens(text)?, next: 0, end: length, depth: 0, statements: 0, names, now };
    if parser.peek().is_none() {
        return Err(Fault::new(0, "it is empty; \"everybody\" selects all"));
    }
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(_) => Err(parser.expected("\"and\", \"or\" or the end")),
    }
}

pub(super) struct Parser<'a> {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
    statements: usize,
    names: &'a Names,
    pub(super) now: Timestamp,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    /// The next token, taken.
    pub(super) fn bump(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += usize::from(token.is_some());
        token
    }

    /// The character at which the next token begins.
    pub(super) fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    pub(super) fn expected(&self, what: &str) -> Fault {
        let got = match self.peek() {
            None => "it ends here".to_owned(),
            Some(Token::Word(text) | Token::Number(text)) => format!("got {text}"),
            Some(Token::Text(text)) => format!("got {text:?}"),
            Some(Token::Sign(sign)) => format!("got {sign:?}"),
        };
        Fault::new(self.at(), format!("{what} was expected, {got}"))
    }

    /// Takes the next token where it is one of these signs or words.
    pub(super) fn take(&mut self, spellings: &[&str]) -> bool {
        let is_it = match self.peek() {
            Some(Token::Sign(sign)) => spellings.contains(sign),
            Some(Token::Word(word)) => spellings.iter().any(|known| known.eq_ignore_ascii_case(word)),
            _ => false,
        };
        self.next += usize::from(is_it);
        is_it
    }

    pub(super) fn need(&mut self, spelling: &str) -> Result<(), Fault> {
        match self.take(&[spelling]) {
            true => Ok(()),
            false => Err(self.expected(&format!("{spelling:?}"))),
        }
    }

    fn any(&mut self) -> Result<Condition, Fault> {
        self.joined(&["or", "||"], Self::all, Condition::Any)
    }

    fn all(&mut self) -> Result<Condition, Fault> {
        self.joined(&["and", "&&"], Self::part, Condition::All)
    }

    fn joined(
        &mut self,
        joints: &[&str],
        part: fn(&mut Self) -> Result<Condition, Fault>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, Fault> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.take(joints) {
            parts.push(part(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
    }

    fn part(&mut self) -> Result<Condition, Fault> {
        let at = self.at();
        if self.take(&["not", "!"]) {
            self.deepen(at, 1)?;
            let inner = self.part()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take(&["("]) {
            self.deepen(at, 1)?;
            let inner = self.any()?;
            self.need(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        let statement = self.statement()?;
        self.count(at, &statement)?;
        Ok(statement)
    }

    fn deepen(&mut self, at: usize, levels: usize) -> Result<(), Fault> {
        self.depth += levels;
        match self.depth > DEPTH_MAX {
            true => Err(Fault::new(at, format!("it is nested deeper than {DEPTH_MAX}"))),
            false => Ok(()),
        }
    }

    /// A statement may stand for several: an entry of a list each, the ends of a range.
    fn count(&mut self, at: usize, statement: &Condition) -> Result<(), Fault> {
        let (leaves, nesting) = size(statement);
        self.statements += leaves;
        if self.statements > STATEMENTS_MAX {
            let what = format!("it has more than {STATEMENTS_MAX} statements and entries of lists");
            return Err(Fault::new(at, format!("{what}; tag the people instead, or use SQL")));
        }
        self.deepen(at, nesting)?;
        self.depth -= nesting;
        Ok(())
    }

    fn statement(&mut self) -> Result<Condition, Fault> {
        let at = self.at();
        let Some(Token::Word(word)) = self.peek().cloned() else {
            return Err(self.expected("a statement such as tag = \"…\""));
        };
        self.next += 1;
        let lower = word.to_ascii_lowercase();
        if let Some(mark) = Mark::find(&lower) {
            return Ok(Condition::Marked(mark));
        }
        match lower.as_str() {
            "everybody" => Ok(Condition::Everybody),
            "mailable" => Ok(Condition::Mailable),
            "tag" => self.named(|names, typed, at| names.find_tag(typed, at).map(Condition::Tagged)),
            "list" => self.named(|names, typed, at| names.find_list(typed, at).map(Condition::ActiveOn)),
            "ever" => {
                self.need("on")?;
                self.list().map(Condition::EverOn)
            }
            "on" => self.list().map(Condition::ActiveOn),
            "field" => {
                let at = self.at();
                let typed = self.name("the field")?;
                let field = self.names.find_field(&typed, at)?;
                let subject = Subject::Field(PersonField::Custom(field.id), field.field_type);
                subject::compared(self, &subject, &format!("field {:?}", field.name))
            }
            _ => self.about_a_field(&lower, &word, at),
        }
    }

    fn about_a_field(&mut self, lower: &str, word: &str, at: usize) -> Result<Condition, Fault> {
        if let Some(subject) = subject::find(lower) {
            return subject::compared(self, &subject, lower);
        }
        if subject::is_reserved(lower) {
            self.next -= 1;
            return Err(self.expected("a statement such as tag = \"…\""));
        }
        let field = self.names.find_bare_field(word, at)?;
        let subject = Subject::Field(PersonField::Custom(field.id), field.field_type);
        subject::compared(self, &subject, word)
    }

    fn list(&mut self) -> Result<achub_core::person::ListId, Fault> {
        self.need("list")?;
        let at = self.at();
        let typed = self.name("the list")?;
        self.names.find_list(&typed, at)
    }

    /// `= "…"`, `!= "…"`, `in ("…", "…")` or `not in (…)`, over things that have names.
    fn named(
        &mut self,
        statement: fn(&Names, &Typed, usize) -> Result<Condition, Fault>,
    ) -> Result<Condition, Fault> {
        let one = |parser: &mut Self| {
            let at = parser.at();
            let typed = parser.name("its name")?;
            statement(parser.names, &typed, at)
        };
        if self.take(&["=", "=="]) {
            return one(self);
        }
        if self.take(&["!=", "<>"]) {
            return one(self).map(negate);
        }
        let is_negated = self.take(&["not"]);
        if !self.take(&["in"]) {
            return Err(self.expected("=, != or in"));
        }
        let any = any_of(self.list_of(one)?);
        Ok(if is_negated { negate(any) } else { any })
    }

    /// A name in quotes, or a number of the store.
    fn name(&mut self, what: &str) -> Result<Typed, Fault> {
        let typed = match self.peek() {
            Some(Token::Text(name)) => Some(Typed::Name(name.clone())),
            Some(Token::Number(number)) => number.parse().ok().map(Typed::Number),
            _ => None,
        };
        let typed = typed.ok_or_else(|| self.expected(&format!("{what} in quotes")))?;
        self.next += 1;
        Ok(typed)
    }

    /// Entries in parentheses with commas between them, at least one.
    pub(super) fn list_of<T>(
        &mut self,
        entry: impl Fn(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let close = if self.take(&["["]) {
            "]"
        } else {
            self.need("(")?;
            ")"
        };
        let mut entries = vec![entry(self)?];
        while self.take(&[","]) {
            entries.push(entry(self)?);
        }
        self.need(close)?;
        Ok(entries)
    }
}

pub(super) fn negate(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

pub(super) fn any_of(mut conditions: Vec<Condition>) -> Condition {
    if conditions.len() == 1 { conditions.remove(0) } else { Condition::Any(conditions) }
}

/// How many leaves a condition has, and how deep they lie.
fn size(condition: &Condition) -> (usize, usize) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            let sizes: Vec<(usize, usize)> = parts.iter().map(size).collect();
            let deepest = sizes.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
            (sizes.iter().map(|(leaves, _)| leaves).sum(), deepest + 1)
        }
        Condition::Not(inner) => {
            let (leaves, depth) = size(inner);
            (leaves, depth + 1)
        }
        _ => (1, 0),
    }
}
