//! Checked access to the keys of a map: unknown keys, missing keys and wrong values are errors that name the place.

use achub_core::{Code, Error, Secret};

use crate::config::{
    nearest::nearest,
    yaml::{Entry, Mistake, Node, Place},
};

/// What a text is called in messages: a path, a variable, an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    name: String,
}

impl Origin {
    /// An origin called `name`.
    pub fn new(name: impl Into<String>) -> Origin {
        Origin { name: name.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A failure at `place`: `env.yaml:3:5: what`.
    pub fn error(&self, code: Code, place: Place, what: impl std::fmt::Display) -> Error {
        Error::new(code, format!("{}:{place}: {what}", self.name))
    }

    /// A text that is not readable at all.
    pub fn mistake(&self, mistake: Mistake) -> Error {
        self.error(Code::BadFile, mistake.place, mistake.what)
    }
}

/// A map whose keys are all accounted for.
pub struct Keys<'a> {
    origin: &'a Origin,
    code: Code,
    /// What the map is: `connection SHOP`, `connection SHOP, secrets`.
    what: String,
    place: Place,
    entries: &'a [Entry],
}

impl<'a> Keys<'a> {
    /// The keys of `node`, which is `what`. Errors have `code`.
    ///
    /// Errors: not a map, or a key that is not among `known`; compared exactly, so that `Type` gets told about `type`.
    pub fn of(
        origin: &'a Origin,
        code: Code,
        what: impl Into<String>,
        node: &'a Node,
        known: &[&str],
    ) -> Result<Keys<'a>, Error> {
        let what = what.into();
        let Some(entries) = node.entries() else {
            let text = format!("{what} must be a map, got {}", node.describe());
            return Err(origin.error(code, node.place, text));
        };
        let keys = Keys { origin, code, what, place: node.place, entries };
        match entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            Some(entry) => Err(keys.unknown(entry, known)),
            None => Ok(keys),
        }
    }

    fn unknown(&self, entry: &Entry, known: &[&str]) -> Error {
        let error = self.error(entry.place, format!("unknown key {:?}", entry.key));
        match nearest(&entry.key, known.iter().copied()) {
            Some(name) => error.with_hint(format!("did you mean {name:?}")),
            None => error.with_hint(format!("known keys: {}", known.join(", "))),
        }
    }

    /// A failure at `place` inside this map.
    pub fn error(&self, place: Place, what: impl std::fmt::Display) -> Error {
        self.origin.error(self.code, place, format!("{}: {what}", self.what))
    }

    /// A failure about the value of `key`, or about the map where the key is missing.
    pub fn error_at(&self, key: &str, what: impl std::fmt::Display) -> Error {
        let place = self.get(key).map_or(self.place, |node| node.place);
        self.error(place, format!("`{key}` {what}"))
    }

    /// The value of `key`, null counted as missing.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }

    /// The text of `key`, if it is there. Errors: a list or a map.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        let Some(node) = self.get(key) else { return Ok(None) };
        match node.text() {
            Some(text) => Ok(Some(text)),
            None => Err(self.error_at(key, format!("must be a text, got {}", node.describe()))),
        }
    }

    /// The text of `key`. Errors: missing or empty; says where an unset variable is the reason.
    pub fn needed(&self, key: &str) -> Result<&'a str, Error> {
        if let Some(unset) = self.get(key).and_then(Node::scalar).and_then(|scalar| scalar.unset.as_ref()) {
            return Err(self.error_at(key, format!("is empty: the variable {unset} is not set")));
        }
        match self.text(key)?.map(str::trim) {
            Some("") => Err(self.error_at(key, "is empty")),
            Some(text) => Ok(text),
            None => Err(self.error_at(key, "is missing")),
        }
    }

    /// The text of `key` as a secret. Errors: those of [`Keys::needed`].
    pub fn secret(&self, key: &str) -> Result<Secret, Error> {
        Ok(Secret::new(self.needed(key)?))
    }

    /// The switch `key`. Errors: something that is neither yes nor no.
    pub fn switch(&self, key: &str) -> Result<Option<bool>, Error> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match switch(text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error_at(key, format!("must be true or false, got {text:?}"))),
        }
    }

    /// The whole number `key` between 1 and `max`. Errors: anything else.
    pub fn number(&self, key: &str, max: u64) -> Result<Option<u64>, Error> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if (1..=max).contains(&number) => Ok(Some(number)),
            _ => Err(self.error_at(key, format!("must be a whole number from 1 to {max}, got {text:?}"))),
        }
    }
}

/// What the words for yes and no mean.
pub fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" => Some(true),
        "false" | "no" | "off" | "0" | "n" => Some(false),
        _ => None,
    }
}
