//! What can be compared, by what, with what: the types of the language.

use achub_core::{
    FieldType,
    condition::{Comparison, Condition, Literal, Subject},
    email::normal_domain,
    person::{BuiltIn, PersonField},
};

use crate::{
    audience::{
        fault::Fault,
        grammar::{Parser, any_of, negate},
        moment::{self, Moment, Unit},
    },
    expression::lexer::Token,
};

/// Words that begin no statement.
const RESERVED: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "is",
    "between",
    "contains",
    "starts_with",
    "ends_with",
    "known",
    "empty",
    "true",
    "false",
];

/// How values of a subject behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// Text that is a domain.
    Domain,
    Number,
    Boolean,
    Day,
    Instant,
    /// Several choices.
    Choices,
}

impl Kind {
    fn of(subject: &Subject) -> Kind {
        match subject {
            Subject::EmailDomain | Subject::CompanyDomain => Kind::Domain,
            Subject::CompanyName => Kind::Text,
            Subject::CreatedAt | Subject::UpdatedAt => Kind::Instant,
            Subject::Field(_, field_type) => match field_type {
                FieldType::Text => Kind::Text,
                FieldType::Integer | FieldType::Float => Kind::Number,
                FieldType::Boolean => Kind::Boolean,
                FieldType::Date => Kind::Day,
                FieldType::Timestamp => Kind::Instant,
                FieldType::Json => Kind::Choices,
            },
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Domain)
    }

    fn is_ordered(self) -> bool {
        matches!(self, Kind::Number | Kind::Day | Kind::Instant)
    }

    fn allows(self, comparison: Comparison) -> bool {
        match comparison {
            Comparison::Equals => self != Kind::Choices,
            Comparison::Contains => self.is_text() || self == Kind::Choices,
            Comparison::StartsWith | Comparison::EndsWith => self.is_text(),
            Comparison::Less | Comparison::AtMost | Comparison::Greater | Comparison::AtLeast => {
                self.is_ordered()
            }
        }
    }

    /// What it holds, and what it is compared by.
    fn explained(self) -> &'static str {
        match self {
            Kind::Text | Kind::Domain => {
                "is text; it is compared by =, !=, in, contains, starts_with, ends_with, is known and is empty"
            }
            Kind::Number => {
                "is a number; it is compared by =, !=, <, <=, >, >=, in, between, is known and is empty"
            }
            Kind::Boolean => "is true or false; it is compared by =, !=, is known and is empty",
            Kind::Day | Kind::Instant => {
                "is a time; it is compared by =, !=, <, <=, >, >=, in, between, is known and is empty"
            }
            Kind::Choices => "holds several choices; it is compared by contains, is known and is empty",
        }
    }

    /// What its literals look like.
    fn literal(self) -> &'static str {
        match self {
            Kind::Text | Kind::Domain | Kind::Choices => "a text in quotes",
            Kind::Number => "a number",
            Kind::Boolean => "true or false",
            Kind::Day => "a day such as 2026-01-31",
            Kind::Instant => "a time such as 2026-01-31, 2026-01-31T10:00:00Z or 30 days ago",
        }
    }
}

/// The subject of a word in lower case.
pub(super) fn find(word: &str) -> Option<Subject> {
    Some(match word {
        "email.domain" => Subject::EmailDomain,
        "company.name" => Subject::CompanyName,
        "company.domain" => Subject::CompanyDomain,
        "created_at" => Subject::CreatedAt,
        "updated_at" => Subject::UpdatedAt,
        word => {
            let field = BuiltIn::find(word)?;
            Subject::Field(PersonField::BuiltIn(field), field.field_type())
        }
    })
}

pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Reads what is said of `subject`, which was typed as `shown`.
pub(super) fn compared(parser: &mut Parser<'_>, subject: &Subject, shown: &str) -> Result<Condition, Fault> {
    let statement = Statement { subject, kind: Kind::of(subject), shown };
    let at = parser.at();
    if let Some((comparison, is_negated)) = sign(parser) {
        let condition = statement.one(parser, at, comparison)?;
        return Ok(if is_negated { negate(condition) } else { condition });
    }
    if parser.take(&["is"]) {
        return statement.known(parser);
    }
    let is_negated = parser.take(&["not"]);
    let condition = statement.worded(parser, at, is_negated)?;
    Ok(if is_negated { negate(condition) } else { condition })
}

/// Takes a sign of comparison; true where it is a negated one.
fn sign(parser: &mut Parser<'_>) -> Option<(Comparison, bool)> {
    let Some(Token::Sign(sign)) = parser.peek() else { return None };
    let found = match *sign {
        "=" | "==" => (Comparison::Equals, false),
        "!=" | "<>" => (Comparison::Equals, true),
        "<" => (Comparison::Less, false),
        "<=" => (Comparison::AtMost, false),
        ">" => (Comparison::Greater, false),
        ">=" => (Comparison::AtLeast, false),
        _ => return None,
    };
    parser.bump();
    Some(found)
}

struct Statement<'s> {
    subject: &'s Subject,
    kind: Kind,
    shown: &'s str,
}

impl Statement<'_> {
    /// `is known`, `is not empty` and so on.
    fn known(&self, parser: &mut Parser<'_>) -> Result<Condition, Fault> {
        let is_not = parser.take(&["not"]);
        let is_known = if parser.take(&["known"]) {
            true
        } else if parser.take(&["empty", "unknown", "null"]) {
            false
        } else {
            return Err(parser.expected("\"known\" or \"empty\""));
        };
        let known = Condition::IsKnown(self.subject.clone());
        Ok(if is_known == is_not { negate(known) } else { known })
    }

    /// A comparison that is a word, or none at all where the field is true or false by itself.
    fn worded(&self, parser: &mut Parser<'_>, at: usize, is_negated: bool) -> Result<Condition, Fault> {
        if parser.take(&["in"]) {
            self.check(at, Comparison::Equals)?;
            let entries = parser.list_of(|parser| self.one(parser, at, Comparison::Equals))?;
            return Ok(any_of(entries));
        }
        if parser.take(&["between"]) {
            self.check(at, Comparison::AtLeast)?;
            let from = self.one(parser, at, Comparison::AtLeast)?;
            parser.need("and")?;
            let to = self.one(parser, at, Comparison::AtMost)?;
            return Ok(Condition::All(vec![from, to]));
        }
        if parser.take(&["contains"]) {
            return self.one(parser, at, Comparison::Contains);
        }
        if parser.take(&["starts_with"]) {
            return self.one(parser, at, Comparison::StartsWith);
        }
        if parser.take(&["ends_with"]) {
            return self.one(parser, at, Comparison::EndsWith);
        }
        if self.kind == Kind::Boolean && !is_negated {
            let literal = Literal::Boolean(true);
            return Ok(Condition::Compare(self.subject.clone(), Comparison::Equals, literal));
        }
        let fault = parser.expected("a comparison");
        let what = format!("{} {}", self.shown, self.kind.explained());
        Err(match parser.peek() {
            None => Fault::new(parser.at(), format!("a comparison was expected: {what}")),
            Some(Token::Word(word)) => {
                let known = ["contains", "starts_with", "ends_with", "in", "between", "is known", "is empty"];
                fault.near(word, known.into_iter(), str::to_owned)
            }
            Some(_) => fault,
        })
    }

    fn check(&self, at: usize, comparison: Comparison) -> Result<(), Fault> {
        match self.kind.allows(comparison) {
            true => Ok(()),
            false => Err(Fault::new(at, format!("{} {}", self.shown, self.kind.explained()))),
        }
    }

    /// One comparison with one literal.
    fn one(&self, parser: &mut Parser<'_>, at: usize, comparison: Comparison) -> Result<Condition, Fault> {
        self.check(at, comparison)?;
        let place = parser.at();
        let compare = |literal| Condition::Compare(self.subject.clone(), comparison, literal);
        match self.kind {
            Kind::Text | Kind::Choices => self.text(parser).map(|text| compare(Literal::Text(text))),
            Kind::Domain => {
                let text = self.text(parser)?;
                Ok(compare(Literal::Text(domain(&text, comparison))))
            }
            Kind::Number => self.number(parser).map(|number| compare(Literal::Number(number))),
            Kind::Boolean => self.boolean(parser).map(|value| compare(Literal::Boolean(value))),
            Kind::Day => {
                let start = Moment::Day(self.moment(parser)?.day()).start();
                start.map(|start| compare(Literal::Instant(start))).ok_or_else(|| beyond(place))
            }
            Kind::Instant => {
                let moment = self.moment(parser)?;
                moment::compare(self.subject, comparison, moment).ok_or_else(|| beyond(place))
            }
        }
    }

    fn mismatch(&self, parser: &Parser<'_>) -> Fault {
        parser.expected(&format!("{} for {}", self.kind.literal(), self.shown))
    }

    fn text(&self, parser: &mut Parser<'_>) -> Result<String, Fault> {
        match parser.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                parser.bump();
                Ok(text)
            }
            _ => Err(self.mismatch(parser)),
        }
    }

    fn number(&self, parser: &mut Parser<'_>) -> Result<f64, Fault> {
        let is_negative = parser.take(&["-"]);
        let number = match parser.peek() {
            Some(Token::Number(number)) => number.parse::<f64>().ok().filter(|number| number.is_finite()),
            _ => None,
        };
        let number = number.ok_or_else(|| self.mismatch(parser))?;
        parser.bump();
        Ok(if is_negative { -number } else { number })
    }

    fn boolean(&self, parser: &mut Parser<'_>) -> Result<bool, Fault> {
        if parser.take(&["true", "yes"]) {
            Ok(true)
        } else if parser.take(&["false", "no"]) {
            Ok(false)
        } else {
            Err(self.mismatch(parser))
        }
    }

    fn moment(&self, parser: &mut Parser<'_>) -> Result<Moment, Fault> {
        let at = parser.at();
        let mismatch = self.mismatch(parser);
        match parser.bump() {
            Some(Token::Word(word)) => Moment::of_word(&word, parser.now).ok_or(mismatch),
            Some(Token::Text(text)) => self.written(&text).ok_or(mismatch),
            Some(Token::Number(number)) => match (number.parse(), parser.peek()) {
                (Ok(count), Some(Token::Word(word))) if Unit::find(word).is_some() => {
                    let unit = Unit::find(word).ok_or(mismatch)?;
                    parser.bump();
                    self.relative(parser, at, count, unit)
                }
                _ => self.written(&number).ok_or(mismatch),
            },
            _ => Err(mismatch),
        }
    }

    /// A time that was written out; a field of days is compared with days only.
    fn written(&self, text: &str) -> Option<Moment> {
        Moment::parse(text).filter(|moment| self.kind == Kind::Instant || matches!(moment, Moment::Day(_)))
    }

    /// `ago` or `from now` behind a count and its unit.
    fn relative(&self, parser: &mut Parser<'_>, at: usize, count: i64, unit: Unit) -> Result<Moment, Fault> {
        let count = if parser.take(&["ago"]) {
            count
        } else if parser.take(&["from"]) {
            parser.need("now")?;
            -count
        } else {
            return Err(parser.expected("\"ago\" or \"from now\""));
        };
        Moment::ago(count, unit, parser.now).ok_or_else(|| beyond(at))
    }
}

fn beyond(at: usize) -> Fault {
    Fault::new(at, "no calendar reaches that far")
}

/// A domain or a part of one as the store keeps domains: in ASCII.
fn domain(text: &str, comparison: Comparison) -> String {
    if text.is_ascii() || comparison == Comparison::Contains || comparison == Comparison::StartsWith {
        return text.to_owned();
    }
    let (dot, rest) = match text.strip_prefix('.') {
        Some(rest) => (".", rest),
        None => ("", text),
    };
    match normal_domain(rest) {
        Some(normal) => format!("{dot}{normal}"),
        None => text.to_owned(),
    }
}
