//! One entry of `columns`, read word by word.

use achub_core::{Code, Error, schema::Storage};
use achub_engine::shape::Constraint;

use super::{
    ColumnSpec, ColumnType, EVERY_COLUMN, IndexSpec,
    syntax::{Term, split, split_constraint, terms, unquoted},
};
use crate::config::{
    keys::{Origin, switch},
    nearest::advice,
    replication_file::{
        findings::Findings,
        grant::{self, COLUMN_TYPE, Grant, MODIFIER},
    },
    yaml::Entry,
};

/// Digits behind the point of a `decimal` without numbers.
const DECIMAL_SCALE: u8 = 9;

/// Reads the value of an entry.
pub(super) struct Parser<'a> {
    pub(super) origin: &'a Origin,
    pub(super) what: String,
    pub(super) entry: &'a Entry,
}

impl Parser<'_> {
    fn error(&self, what: impl std::fmt::Display) -> Error {
        self.origin.error(Code::BadFile, self.entry.value.place, format!("{} {what}", self.what))
    }

    /// The column; `None` where its type is refused, which `findings` tell.
    pub(super) fn column(&self, text: &str, findings: &mut Findings) -> Result<Option<ColumnSpec>, Error> {
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
                    let switch = switch(&value);
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
