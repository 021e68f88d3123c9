//! `transforms`: names for all text fields, names by field, or stages of bare calls.

use achub_core::{Code, Error};
use achub_engine::shape::Transform;

use crate::config::{
    nearest::advice,
    replication_file::{
        grant::{self, TRANSFORM},
        reader::Reader,
    },
    yaml::{Entry, Kind, Node},
};

/// A transform and the field it is for, by the name as written; `None`: every text field.
pub type Asked = (Option<String>, Transform);

/// The names of the family that is refused by name.
const CODINGS: [&str; 2] = ["encode_", "decode_"];

/// Reads what stands behind `transforms`.
///
/// Errors: `CF-104` for what is no transform, `CF-105` for those that are not done, with the name or expression.
pub fn read(reader: &Reader<'_>, entry: &Entry) -> Result<Vec<Asked>, Error> {
    let parser = Parser { reader, entry };
    let mut asked = Vec::new();
    match &entry.value.kind {
        Kind::Scalar(_) if entry.value.is_null() => {}
        Kind::Scalar(_) => asked.push((None, parser.name(&entry.value)?)),
        Kind::Map(columns) => parser.columns(columns, &mut asked)?,
        Kind::List(items) => {
            for item in items {
                match &item.kind {
                    Kind::Map(columns) => parser.columns(columns, &mut asked)?,
                    _ => asked.push((None, parser.name(item)?)),
                }
            }
        }
    }
    Ok(asked)
}

struct Parser<'a> {
    reader: &'a Reader<'a>,
    entry: &'a Entry,
}

impl Parser<'_> {
    fn error(&self, code: Code, node: &Node, what: String) -> Error {
        let text = format!("{}: `{}`: {what}", self.reader.what, self.entry.key);
        self.reader.origin.error(code, node.place, text)
    }

    fn columns(&self, columns: &[Entry], asked: &mut Vec<Asked>) -> Result<(), Error> {
        for column in columns {
            let names = match &column.value.kind {
                Kind::List(items) => items.as_slice(),
                _ if column.value.is_null() => &[],
                _ => std::slice::from_ref(&column.value),
            };
            let field = Some(column.key.trim().to_owned()).filter(|name| name != "*");
            for name in names {
                asked.push((field.clone(), self.name(name)?));
            }
        }
        Ok(())
    }

    /// A name, or a bare call of one on the value: `lower(value)`.
    fn name(&self, node: &Node) -> Result<Transform, Error> {
        let Some(text) = node.text().map(str::trim) else {
            let what = format!("a transform is a name, got {}", node.describe());
            return Err(self.error(Code::BadFile, node, what));
        };
        let called = text.strip_suffix(')').and_then(|call| call.split_once('('));
        let name = match called {
            Some((name, argument)) if argument.trim() == "value" => name.trim(),
            _ => text,
        };
        let found = Transform::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, transform)) = found {
            return Ok(*transform);
        }
        if CODINGS.iter().any(|prefix| name.starts_with(prefix)) {
            let what = format!("`{name}` is not done: encodings are the work of other tools");
            return Err(self.error(Code::NotGranted, node, what));
        }
        if name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            let what =
                format!("the expression {text:?} is not done; only bare calls such as `lower(value)` are");
            return Err(self.error(Code::NotGranted, node, what));
        }
        let what = format!("there is no transform {name:?}");
        Err(self.error(Code::BadFile, node, what).with_hint(advice(name, grant::names(TRANSFORM))))
    }
}

#[cfg(test)]
mod tests {
    use achub_core::Error;
    use achub_engine::shape::Transform;

    use super::{Asked, read};
    use crate::config::{
        keys::Origin,
        replication_file::{grant::TRANSFORM, reader::Reader},
        yaml::parse,
    };

    fn transforms(text: &str) -> Result<Vec<Asked>, Error> {
        let origin = Origin::new("r.yaml");
        let root = parse(&format!("transforms: {text}")).unwrap();
        read(&Reader::new(&origin, "stream x"), &root.entries().unwrap()[0])
    }

    #[test]
    fn all_forms_mean_the_same() {
        let all = |transform| (None, transform);
        let of = |field: &str, transform| (Some(field.to_owned()), transform);
        use Transform::{Lower, TrimSpace};
        for (text, expected) in [
            ("[trim_space, lower]", vec![all(TrimSpace), all(Lower)]),
            ("lower", vec![all(Lower)]),
            ("{'*': [trim_space], email: lower}", vec![all(TrimSpace), of("email", Lower)]),
            (
                "[{email: 'lower( value )'}, {email: trim_space}]",
                vec![of("email", Lower), of("email", TrimSpace)],
            ),
            ("", vec![]),
        ] {
            assert_eq!(transforms(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_run_is_quoted() {
        for (text, code, what) in [
            ("[lowr]", "CF-104", "r.yaml:1:14: stream x: `transforms`: there is no transform \"lowr\""),
            ("[encode_base64]", "CF-105", "r.yaml:1:14: stream x: `transforms`: `encode_base64` is not done"),
            (
                "[{a: 'value + 1'}]",
                "CF-105",
                "r.yaml:1:18: stream x: `transforms`: the expression \"value + 1\" is not done",
            ),
            (
                "{a: {b: c}}",
                "CF-104",
                "r.yaml:1:17: stream x: `transforms`: a transform is a name, got a map",
            ),
        ] {
            let error = transforms(text).unwrap_err();
            assert_eq!(error.code().id(), code, "{text}");
            assert!(error.message().starts_with(what), "{text}: {}", error.message());
        }
    }

    #[test]
    fn table_and_engine_know_the_same_names() {
        let known: Vec<&str> = Transform::NAMES.iter().map(|(name, _)| *name).collect();
        let granted: Vec<&str> = crate::config::replication_file::grant::names(TRANSFORM).collect();
        assert_eq!(known, granted);
    }
}
