//! Conditions as SQL with bound values. Each part is true or false, never unknown: what is not known makes a comparison false
//! and its negation true.

use achub_core::{
    FieldType,
    condition::{Comparison, Condition, Literal, Subject},
    consent::ListStatus,
    person::{BuiltIn, FieldId, PersonField},
};
use jiff::Timestamp;

use super::{micros, value};
use crate::sql::session::{Arg, Dialect};

/// A statement about the person `p` on its way.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) dialect: Dialect,
    pub(crate) args: Vec<Arg>,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect) -> Sql {
        Sql { dialect, args: Vec::new() }
    }

    /// Binds a value and gives its place in the text.
    pub(crate) fn arg(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        format!("${}", self.args.len())
    }

    /// The text that is true of whom the condition holds for.
    pub(crate) fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Everybody => "TRUE".to_owned(),
            Condition::All(parts) => self.joined(parts, " AND ", "TRUE"),
            Condition::Any(parts) => self.joined(parts, " OR ", "FALSE"),
            Condition::Not(inner) => format!("NOT ({})", self.condition(inner)),
            Condition::Compare(subject, comparison, literal) => self.compare(subject, *comparison, literal),
            Condition::IsKnown(subject) => self.is_known(subject),
            Condition::Tagged(tag) => {
                let tag = self.arg(tag.0);
                self.exists(&format!("person_tag x WHERE x.person = p.id AND x.tag = {tag}"))
            }
            Condition::Marked(mark) => {
                let mark = self.arg(mark.word());
                self.exists(&format!("person_mark x WHERE x.person = p.id AND x.mark = {mark}"))
            }
            Condition::ActiveOn(list) => {
                let (list, active) = (self.arg(list.0), self.arg(ListStatus::Active.number()));
                let rows = "membership x WHERE x.person = p.id";
                self.exists(&format!("{rows} AND x.list = {list} AND x.status = {active}"))
            }
            Condition::EverOn(list) => {
                let list = self.arg(list.0);
                self.exists(&format!("membership x WHERE x.person = p.id AND x.list = {list}"))
            }
            Condition::Mailable => self.mailable(),
        }
    }

    fn joined(&mut self, parts: &[Condition], word: &str, none: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|part| self.condition(part)).collect();
        if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(word)) }
    }

    /// Whether there is such a row.
    ///
    /// SQLite would turn a bare `EXISTS` into a join and walk along whatever it takes for rare, and then has to sort; who
    /// drives is decided in `page`, by looking.
    fn exists(&self, rows: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("(EXISTS (SELECT 1 FROM {rows}) IS TRUE)"),
            Dialect::Postgres => format!("EXISTS (SELECT 1 FROM {rows})"),
        }
    }

    fn mailable(&mut self) -> String {
        let active = self.arg(ListStatus::Active.number());
        let mark = self.exists("person_mark x WHERE x.person = p.id");
        let keys = "p.email_key, coalesce(p.email_folded, p.email_key)";
        let suppressed = self.exists(&format!("suppression x WHERE x.email_key IN ({keys})"));
        let on_list = self.exists(&format!("membership x WHERE x.person = p.id AND x.status = {active}"));
        format!("(p.email IS NOT NULL AND NOT {mark} AND NOT {suppressed} AND {on_list})")
    }

    fn compare(&mut self, subject: &Subject, comparison: Comparison, literal: &Literal) -> String {
        match subject {
            Subject::Field(PersonField::Custom(field), field_type) => {
                let Some(test) = self.value_test(*field_type, comparison, literal) else {
                    return "FALSE".to_owned();
                };
                self.value_exists(*field, &test)
            }
            Subject::Field(PersonField::BuiltIn(BuiltIn::LifetimeValue), _) => {
                self.number("p.lifetime_value", comparison, literal).map_or_else(never, known)
            }
            Subject::Field(PersonField::BuiltIn(field), _) => {
                self.text(built_in(*field), comparison, literal).map_or_else(never, known)
            }
            Subject::EmailDomain => {
                self.text("p.email_domain", comparison, literal).map_or_else(never, known)
            }
            Subject::CompanyName => {
                let name = "coalesce(c.name_folded, lower(c.name))";
                let test = self.text(name, comparison, literal);
                test.map_or_else(never, |test| self.company_exists(&test))
            }
            Subject::CompanyDomain => {
                let test = self.text("c.domain", comparison, literal);
                test.map_or_else(never, |test| self.company_exists(&test))
            }
            Subject::CreatedAt => self.instant("p.created_us", comparison, literal).unwrap_or_else(never),
            Subject::UpdatedAt => self.instant("p.updated_us", comparison, literal).unwrap_or_else(never),
        }
    }

    fn is_known(&mut self, subject: &Subject) -> String {
        match subject {
            Subject::Field(PersonField::Custom(field), _) => self.value_exists(*field, "v.filled = 1"),
            Subject::Field(PersonField::BuiltIn(BuiltIn::LifetimeValue), _) => {
                "p.lifetime_value IS NOT NULL".to_owned()
            }
            Subject::Field(PersonField::BuiltIn(field), _) => known(format!("p.{} <> ''", field.word())),
            Subject::EmailDomain => known("p.email_domain <> ''".to_owned()),
            Subject::CompanyName => self.company_exists("c.name <> ''"),
            Subject::CompanyDomain => self.company_exists("c.domain <> ''"),
            Subject::CreatedAt | Subject::UpdatedAt => "TRUE".to_owned(),
        }
    }

    fn value_exists(&mut self, field: FieldId, test: &str) -> String {
        let field = self.arg(field.0);
        self.exists(&format!("person_value v WHERE v.person = p.id AND v.field = {field} AND {test}"))
    }

    fn company_exists(&self, test: &str) -> String {
        let rows = "person_company m JOIN company c ON c.id = m.company WHERE m.person = p.id";
        self.exists(&format!("{rows} AND {test}"))
    }

    /// A test of the row `v` of a custom field; `None` where such a value is never so.
    fn value_test(
        &mut self,
        field_type: FieldType,
        comparison: Comparison,
        literal: &Literal,
    ) -> Option<String> {
        match (field_type, literal) {
            (FieldType::Text, _) => self.text("coalesce(v.folded, lower(v.value))", comparison, literal),
            (FieldType::Json, Literal::Text(text)) if comparison == Comparison::Contains => {
                let choice = self.arg(value::choice(text));
                Some(format!("{}(v.folded, {choice}) > 0", self.dialect.place()))
            }
            (FieldType::Boolean, Literal::Boolean(wanted)) if comparison == Comparison::Equals => {
                let wanted = self.arg(Some(if *wanted { 1.0 } else { 0.0 }));
                Some(format!("v.number = {wanted}"))
            }
            (FieldType::Integer | FieldType::Float, _) => self.number("v.number", comparison, literal),
            (FieldType::Date | FieldType::Timestamp, _) => self.instant("v.instant", comparison, literal),
            _ => None,
        }
    }

    fn text(&mut self, of: &str, comparison: Comparison, literal: &Literal) -> Option<String> {
        let Literal::Text(text) = literal else { return None };
        let text = text.to_lowercase();
        Some(match comparison {
            Comparison::Equals => format!("{of} = {}", self.arg(text)),
            Comparison::Contains => format!("{}({of}, {}) > 0", self.dialect.place(), self.arg(text)),
            Comparison::StartsWith => {
                let text = self.arg(text);
                format!("substr({of}, 1, length({text})) = {text}")
            }
            Comparison::EndsWith => {
                let text = self.arg(text);
                format!(
                    "(length({of}) >= length({text}) AND substr({of}, length({of}) - length({text}) + 1) = {text})"
                )
            }
            Comparison::Less | Comparison::AtMost | Comparison::Greater | Comparison::AtLeast => {
                return None;
            }
        })
    }

    fn number(&mut self, of: &str, comparison: Comparison, literal: &Literal) -> Option<String> {
        let Literal::Number(number) = literal else { return None };
        // The databases would sort it somewhere; it is in no order with any number.
        if number.is_nan() {
            return None;
        }
        let sign = sign(comparison)?;
        Some(format!("{of} {sign} {}", self.arg(Some(*number))))
    }

    /// Stored moments are whole microseconds; one that is wanted may lie between two of them.
    fn instant(&mut self, of: &str, comparison: Comparison, literal: &Literal) -> Option<String> {
        let Literal::Instant(moment) = literal else { return None };
        let (at_or_before, is_whole) = floor(*moment);
        let (sign, than) = match comparison {
            Comparison::Equals if !is_whole => return None,
            Comparison::Less if !is_whole => ("<=", at_or_before),
            Comparison::AtLeast if !is_whole => (">", at_or_before),
            other => (sign(other)?, at_or_before),
        };
        Some(format!("{of} {sign} {}", self.arg(than)))
    }
}

fn floor(moment: Timestamp) -> (i64, bool) {
    let nanos = moment.as_nanosecond();
    let micro = i64::try_from(nanos.div_euclid(1_000)).unwrap_or_else(|_| micros(moment));
    (micro, nanos.rem_euclid(1_000) == 0)
}

fn sign(comparison: Comparison) -> Option<&'static str> {
    Some(match comparison {
        Comparison::Equals => "=",
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => return None,
    })
}

/// What is never true, because the two cannot be compared.
fn never() -> String {
    "FALSE".to_owned()
}

/// A test that is false where its column is not known.
fn known(test: String) -> String {
    format!("coalesce({test}, FALSE)")
}

/// A text that everybody can have, in lower case.
fn built_in(field: BuiltIn) -> &'static str {
    match field {
        BuiltIn::Email => "coalesce(p.email_folded, p.email_key)",
        BuiltIn::FirstName => "coalesce(p.first_folded, lower(p.first_name))",
        BuiltIn::LastName => "coalesce(p.last_folded, lower(p.last_name))",
        BuiltIn::Company => "coalesce(p.company_folded, lower(p.company))",
        BuiltIn::Source => "coalesce(p.source_folded, lower(p.source))",
        BuiltIn::SourcePage => "coalesce(p.source_page_folded, lower(p.source_page))",
        BuiltIn::Ip => "p.ip",
        // Compared as a number before it comes here.
        BuiltIn::LifetimeValue => "CAST(NULL AS text)",
    }
}
