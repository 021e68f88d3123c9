//! `columns`: types, modifiers and constraints, `name: decimal(10,2) not_null | value > 0`.

use achub_core::{Code, Error, FieldType, schema::Storage};
use achub_engine::shape::Constraint;

use crate::config::{
    keys::Origin,
    nearest::advice,
    replication_file::{
        findings::Findings,
        grant::{self, COLUMN_TYPE, Grant, MODIFIER},
        reader::Reader,
    },
    yaml::{Entry, Place},
};

/// In `columns`: every column that no other entry names.
pub const EVERY_COLUMN: &str = "*";

/// What was asked of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Its name as written, or [`EVERY_COLUMN`].
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The type.
    pub ty: ColumnType,
    /// Rows without a value are put aside.
    pub not_null: bool,
    /// It is part of the table's primary key.
    pub primary_key: bool,
    /// The indexes it is part of.
    pub indexes: Vec<IndexSpec>,
    /// Its comment.
    pub description: Option<String>,
    /// The condition its values must meet.
    pub constraint: Option<Constraint>,
}

/// A column's place in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSpec {
    /// Columns that name the same index share it.
    pub name: Option<String>,
    /// The column's place in it.
    pub priority: u64,
    /// Whether it is a unique one.
    pub unique: bool,
}

/// A type with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// One of the types without numbers.
    Plain(Storage),
    /// `decimal`, `decimal(p)`, `decimal(p,s)`.
    Decimal { precision: Option<u8>, scale: u8 },
    /// `string`, `string(n)`.
    Text { length: Option<u32> },
}

impl ColumnType {
    /// How a target stores it.
    pub fn storage(self) -> Storage {
        match self {
            ColumnType::Plain(storage) => storage,
            ColumnType::Decimal { precision, scale } => Storage::Decimal { precision, scale },
            ColumnType::Text { length } => Storage::String { length },
        }
    }

    /// The kind values are turned into; `None` where the target reads what it stores from any kind: a decimal number is
    /// exact as text, as integer and as double, and turning one into another could only lose digits.
    pub fn kind(self) -> Option<FieldType> {
        Some(match self.storage() {
            Storage::SmallInt | Storage::Integer | Storage::BigInt => FieldType::Integer,
            Storage::Bool => FieldType::Boolean,
            Storage::Date => FieldType::Date,
            Storage::DateTime | Storage::TimestampTz => FieldType::Timestamp,
            Storage::Decimal { .. } => return None,
            Storage::Float => FieldType::Float,
            Storage::Json => FieldType::Json,
            Storage::String { .. } | Storage::Uuid | Storage::Time | Storage::TimeTz | Storage::Binary => {
                FieldType::Text
            }
        })
    }
}

/// Reads the map behind `columns`, its order kept. An entry without a value takes what `defaults` say away and is left out.
///
/// Errors: `CF-104` with place and column; what is reserved or not known goes to `findings`.
pub fn read(reader: &Reader<'_>, entry: &Entry, findings: &mut Findings) -> Result<Vec<ColumnSpec>, Error> {
    let inner = reader.inner("columns");
    let mut columns = Vec::new();
    for entry in reader.entries(entry)? {
        let Some(text) = inner.text(entry)? else { continue };
        let parser = Parser { origin: inner.origin, what: format!("{}: `{}`", inner.what, entry.key), entry };
        columns.extend(parser.column(&text, findings)?);
    }
    Ok(columns)
}

struct Parser<'a> {
    origin: &'a Origin,
    what: String,
    entry: &'a Entry,
}

/// A word with what stands in parentheses behind it: `decimal(10,2)`.
#[derive(Debug, PartialEq)]
struct Term {
    word: String,
    arguments: Option<String>,
}

impl Parser<'_> {
    fn error(&self, what: impl std::fmt::Display) -> Error {
        self.origin.error(Code::BadFile, self.entry.value.place, format!("{} {what}", self.what))
    }

    /// The column; `None` where its type is refused, which `findings` tell.
    fn column(&self, text: &str, findings: &mut Findings) -> Result<Option<ColumnSpec>, Error> {
        let (head, constraint) = split_constraint(text);
        let terms = terms(head).map_err(|what| self.error(what))?;
        let mut terms = terms.into_iter();
        let Some(first) = terms.next() else {
            return Err(self
                .error("names no type")
                .with_hint("write it like `bigint` or `string(50) not_null`"));
        };
        let Some(ty) = self.ty(&first, findings)? else { return Ok(None) };
        let constraint = constraint
            .map(|text| Constraint::parse(text).map_err(|error| error.context(self.place_text())))
            .transpose()?;
        let mut column = ColumnSpec {
            name: self.entry.key.trim().to_owned(),
            place: self.entry.place,
            ty,
            not_null: false,
            primary_key: false,
            indexes: Vec::new(),
            description: None,
            constraint,
        };
        let mut nullable = false;
        for term in terms {
            self.modifier(&mut column, &mut nullable, &term, findings)?;
        }
        match nullable && column.not_null {
            true => Err(self.error("is both `nullable` and `not_null`")),
            false => Ok(Some(column)),
        }
    }

    fn place_text(&self) -> String {
        format!("{}:{}: {}", self.origin.name(), self.entry.value.place, self.what)
    }

    fn ty(&self, term: &Term, findings: &mut Findings) -> Result<Option<ColumnType>, Error> {
        let word = term.word.to_lowercase();
        if grant::grant(COLUMN_TYPE, &word).is_none() {
            return Err(self
                .error(format!("has the unknown type {:?}", term.word))
                .with_hint(advice(&word, grant::names(COLUMN_TYPE))));
        }
        findings.judge(COLUMN_TYPE, &word, self.entry.value.place, &self.what, &format!("the type {word}"));
        let ty = match word.as_str() {
            "decimal" => self.decimal(term)?,
            "string" | "text" => ColumnType::Text { length: self.length(term)? },
            "geometry" => ColumnType::Text { length: None },
            plain => ColumnType::Plain(match plain {
                "bigint" => Storage::BigInt,
                "integer" => Storage::Integer,
                "smallint" => Storage::SmallInt,
                "bool" => Storage::Bool,
                "date" => Storage::Date,
                "datetime" | "timestamp" => Storage::DateTime,
                "timestampz" => Storage::TimestampTz,
                "float" => Storage::Float,
                "json" => Storage::Json,
                "uuid" => Storage::Uuid,
                "time" => Storage::Time,
                "timez" => Storage::TimeTz,
                "binary" => Storage::Binary,
                other => unreachable!("the type `{other}` is granted and not read"),
            }),
        };
        match (ty, &term.arguments) {
            (ColumnType::Plain(_), Some(_)) => Err(self.error(format!("{word} takes no numbers"))),
            _ => Ok(Some(ty)),
        }
    }

    fn decimal(&self, term: &Term) -> Result<ColumnType, Error> {
        let Some(arguments) = &term.arguments else {
            return Ok(ColumnType::Decimal { precision: None, scale: DECIMAL_SCALE });
        };
        let wrong = || {
            self.error(format!(
                "decimal takes one or two numbers, digits and digits behind the point, got ({arguments})"
            ))
        };
        let numbers: Vec<u8> = arguments
            .split(',')
            .map(|number| number.trim().parse().map_err(|_| wrong()))
            .collect::<Result<_, _>>()?;
        let (precision, scale) = match numbers[..] {
            [precision] => (precision, 0),
            [precision, scale] => (precision, scale),
            _ => return Err(wrong()),
        };
        match precision >= 1 && scale <= precision {
            true => Ok(ColumnType::Decimal { precision: Some(precision), scale }),
            false => {
                Err(self.error("decimal needs at least one digit, and no more behind the point than in all"))
            }
        }
    }

    fn length(&self, term: &Term) -> Result<Option<u32>, Error> {
        let Some(arguments) = &term.arguments else { return Ok(None) };
        match arguments.trim().parse::<u32>() {
            Ok(length) if length > 0 => Ok(Some(length)),
            _ => {
                Err(self
                    .error(format!("{} takes one number, the most characters, got ({arguments})", term.word)))
            }
        }
    }

    fn modifier(
        &self,
        column: &mut ColumnSpec,
        nullable: &mut bool,
        term: &Term,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let word = term.word.to_lowercase();
        match grant::grant(MODIFIER, &word) {
            None => {
                return Err(self
                    .error(format!("has the unknown modifier {:?}", term.word))
                    .with_hint(advice(&word, grant::names(MODIFIER))));
            }
            Some(Grant::Done(_)) => {}
            Some(_) => {
                findings.judge(MODIFIER, &word, self.entry.value.place, &self.what, &format!("`{word}`"));
                return Ok(());
            }
        }
        let of_one = |column: &ColumnSpec| match column.name == EVERY_COLUMN {
            true => Err(self.error(format!("`{word}` is for one column, not for all"))),
            false => Ok(()),
        };
        match word.as_str() {
            "not_null" => column.not_null = true,
            "nullable" => *nullable = true,
            "description" => column.description = Some(self.description(term)?),
            "primary_key" => {
                of_one(column)?;
                column.primary_key = true;
            }
            "unique" | "unique_index" | "index" => {
                of_one(column)?;
                column.indexes.push(self.index(&word, term, findings)?);
            }
            other => unreachable!("the modifier `{other}` is granted and not read"),
        }
        Ok(())
    }

    fn description(&self, term: &Term) -> Result<String, Error> {
        let text = term.arguments.as_deref().unwrap_or_default().trim();
        match unquoted(text) {
            Some(text) => Ok(text),
            None => Err(self.error("description needs a text in quotes: description('of this column')")),
        }
    }

    /// `index`, `index(name=n, priority=1, unique=true)`.
    fn index(&self, word: &str, term: &Term, findings: &mut Findings) -> Result<IndexSpec, Error> {
        let mut index = IndexSpec { name: None, priority: 0, unique: word != "index" };
        let pairs = split(term.arguments.as_deref().unwrap_or_default(), ',');
        for pair in pairs.iter().map(|pair| pair.trim()).filter(|pair| !pair.is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(self.error(format!("{word}: {pair:?} is not key=value")));
            };
            let value = unquoted(value.trim()).unwrap_or_else(|| value.trim().to_owned());
            match key.trim().to_lowercase().as_str() {
                "name" => index.name = Some(value),
                "priority" => {
                    index.priority = value.parse().map_err(|_| {
                        self.error(format!("{word}: priority must be a whole number, got {value:?}"))
                    })?;
                }
                "unique" => {
                    let switch = crate::config::keys::switch(&value);
                    index.unique =
                        switch.ok_or_else(|| self.error(format!("{word}: unique must be true or false")))?;
                }
                "where" if index.unique => {
                    return Err(Error::new(
                        Code::NotGranted,
                        self.error(format!("{word}: a unique index over a part of the rows is not done"))
                            .message(),
                    ));
                }
                key @ ("sort" | "where" | "type" | "using" | "include") => {
                    let text = format!("{} {word}: `{key}` is ignored: indexes are plain ones", self.what);
                    findings.warn(self.entry.value.place, &text);
                }
                other => {
                    let known = ["name", "priority", "sort", "where", "type", "using", "include", "unique"];
                    return Err(self
                        .error(format!("{word}: {other:?} is not known"))
                        .with_hint(advice(other, known)));
                }
            }
        }
        Ok(index)
    }
}

/// Digits behind the point of a `decimal` without numbers.
const DECIMAL_SCALE: u8 = 9;

/// What stands before and behind the first `|` outside of quotes.
fn split_constraint(text: &str) -> (&str, Option<&str>) {
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
fn terms(text: &str) -> Result<Vec<Term>, String> {
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
fn split(text: &str, separator: char) -> Vec<String> {
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
fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
}

#[cfg(test)]
mod tests {
    use achub_core::{Error, FieldType, schema::Storage};

    use super::{ColumnSpec, read};
    use crate::config::{
        keys::Origin,
        replication_file::{findings::Findings, reader::Reader},
        yaml::parse,
    };

    fn columns(text: &str) -> Result<(Vec<ColumnSpec>, Vec<String>), Error> {
        let origin = Origin::new("r.yaml");
        let root = parse(&format!("columns: {text}")).unwrap();
        let mut findings = Findings::new(origin.clone(), false);
        let columns = read(&Reader::new(&origin, "stream x"), &root.entries().unwrap()[0], &mut findings)?;
        Ok((columns, findings.close()?))
    }

    fn one(value: &str) -> ColumnSpec {
        let (mut columns, _) =
            columns(&format!("{{ a: \"{value}\" }}")).unwrap_or_else(|error| panic!("{}", error.message()));
        columns.remove(0)
    }

    #[test]
    fn every_type_has_kind_and_storage() {
        for (text, storage, kind) in [
            ("bigint", Storage::BigInt, Some(FieldType::Integer)),
            ("SMALLINT", Storage::SmallInt, Some(FieldType::Integer)),
            ("bool", Storage::Bool, Some(FieldType::Boolean)),
            ("timestamp", Storage::DateTime, Some(FieldType::Timestamp)),
            ("timestampz", Storage::TimestampTz, Some(FieldType::Timestamp)),
            ("decimal(10, 2)", Storage::Decimal { precision: Some(10), scale: 2 }, None),
            ("decimal (10,2)", Storage::Decimal { precision: Some(10), scale: 2 }, None),
            ("decimal", Storage::Decimal { precision: None, scale: 9 }, None),
            ("string(50)", Storage::String { length: Some(50) }, Some(FieldType::Text)),
            ("text", Storage::String { length: None }, Some(FieldType::Text)),
            ("uuid", Storage::Uuid, Some(FieldType::Text)),
            ("float", Storage::Float, Some(FieldType::Float)),
        ] {
            let column = one(text);
            assert_eq!((column.ty.storage(), column.ty.kind()), (storage, kind), "{text}");
        }
    }

    #[test]
    fn modifiers_and_constraint_are_read() {
        let column =
            one("integer not_null primary_key unique index(name=ix, priority=2) unique_index(name='u, x') \
             description('it''s | (this)') | value > 0 || value == -1");
        assert!(column.not_null && column.primary_key);
        let indexes: Vec<_> = column
            .indexes
            .iter()
            .map(|index| (index.name.as_deref(), index.priority, index.unique))
            .collect();
        assert_eq!(indexes, [(None, 0, true), (Some("ix"), 2, false), (Some("u, x"), 0, true)]);
        assert_eq!(column.description.as_deref(), Some("it's | (this)"));
        assert_eq!(column.constraint.unwrap().text(), "value > 0 || value == -1");
        assert!(columns("{ a: ~, b: date }").unwrap().0.iter().all(|column| column.name == "b"));
    }

    #[test]
    fn wrong_columns_are_named() {
        for (text, code, what) in [
            ("{a: bigin}", "CF-104", "r.yaml:1:14: stream x, columns: `a` has the unknown type \"bigin\""),
            ("{a: bigint nt_null}", "CF-104", "r.yaml:1:14: stream x, columns: `a` has the unknown modifier"),
            ("{a: bigint(3)}", "CF-104", "r.yaml:1:14: stream x, columns: `a` bigint takes no numbers"),
            ("{a: 'decimal(2,3)'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` decimal needs"),
            ("{a: 'decimal(x)'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` decimal takes"),
            ("{a: string(0)}", "CF-104", "r.yaml:1:14: stream x, columns: `a` string takes"),
            ("{a: bigint not_null nullable}", "CF-104", "r.yaml:1:14: stream x, columns: `a` is both"),
            (
                "{a: bigint default}",
                "CF-105",
                "r.yaml:1:14: stream x, columns: `a`: `default` is not done: it is reserved",
            ),
            (
                "{a: 'bigint | value >'}",
                "CF-104",
                "r.yaml:1:14: stream x, columns: `a`: the condition \"value >\" is not",
            ),
            ("{a: '| value > 1'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` names no type"),
            (
                "{'*': bigint primary_key}",
                "CF-104",
                "r.yaml:1:16: stream x, columns: `*` `primary_key` is for one",
            ),
            (
                "{a: 'text index(nmae=x)'}",
                "CF-104",
                "r.yaml:1:14: stream x, columns: `a` index: \"nmae\" is not known",
            ),
            ("{a: 'text index(name=x'}", "CF-104", "r.yaml:1:14: stream x, columns: `a` has parentheses"),
            (
                "{a: 'text unique_index(where=x)'}",
                "CF-105",
                "r.yaml:1:14: stream x, columns: `a` unique_index: a unique",
            ),
            ("[a]", "CF-104", "r.yaml:1:10: stream x: `columns` must be a map"),
        ] {
            let error = columns(text).unwrap_err();
            assert_eq!(error.code().id(), code, "{text}: {}", error.message());
            assert!(error.message().starts_with(what), "{text}: {}", error.message());
        }
        let (_, warnings) = columns("{a: geometry, b: 'text index(sort=desc)'}").unwrap();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
