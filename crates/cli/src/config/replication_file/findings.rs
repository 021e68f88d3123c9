//! What a file asks for that is not done: collected, so that one look at the message shows all of it.

use achub_core::{Code, Error};

use crate::config::{
    keys::Origin,
    nearest::nearest,
    replication_file::grant::{Grant, Table, grant, names},
    yaml::{Entry, Place},
};

/// Warnings and refusals of one file.
#[derive(Debug)]
pub struct Findings {
    origin: Origin,
    strict: bool,
    refused: Vec<String>,
    unknown: Vec<(String, Option<String>)>,
    warnings: Vec<String>,
}

impl Findings {
    /// Nothing found yet. `strict` refuses unknown keys.
    pub fn new(origin: Origin, strict: bool) -> Findings {
        Findings { origin, strict, refused: Vec::new(), unknown: Vec::new(), warnings: Vec::new() }
    }

    /// Judges the key of `entry`, which stands in `what` (empty for the file itself). True: carry it out.
    pub fn key(&mut self, table: Table, entry: &Entry, what: &str) -> bool {
        self.judge(table, &entry.key, entry.place, what, &format!("`{}`", entry.key))
    }

    /// Judges `name`; `shown` is how it is called in messages.
    pub fn judge(&mut self, table: Table, name: &str, place: Place, what: &str, shown: &str) -> bool {
        let at = |text: String| match what {
            "" => format!("{}:{place}: {text}", self.origin.name()),
            _ => format!("{}:{place}: {what}: {text}", self.origin.name()),
        };
        match grant(table, name) {
            Some(Grant::Done(_)) => return true,
            Some(Grant::Same(_)) => {}
            Some(Grant::Warned(why)) => self.warnings.push(at(format!("{shown} is ignored: {why}"))),
            Some(Grant::Refused(why)) => self.refused.push(at(format!("{shown} is not done: {why}"))),
            None => {
                let near = nearest(name, names(table)).map(|near| format!("did you mean `{near}`"));
                self.unknown.push((at(format!("{shown} is not known")), near));
            }
        }
        false
    }

    /// Adds a warning about `place`.
    pub fn warn(&mut self, place: Place, text: &str) {
        self.warnings.push(format!("{}:{place}: {text}", self.origin.name()));
    }

    /// The warnings, each once. Errors: `CF-104` for unknown keys where strict, else `CF-105` with all refusals.
    pub fn close(mut self) -> Result<Vec<String>, Error> {
        if self.strict && !self.unknown.is_empty() {
            let hint = self.unknown.iter().find_map(|(_, near)| near.clone());
            let hint = hint.unwrap_or_else(|| "take the key out, or run without --strict".to_owned());
            let texts = self.unknown.into_iter().map(|(text, _)| text).collect();
            return Err(all(Code::BadFile, texts).with_hint(hint));
        }
        if !self.refused.is_empty() {
            return Err(all(Code::NotGranted, self.refused));
        }
        for (text, near) in self.unknown {
            let near = near.map(|near| format!(", {near}")).unwrap_or_default();
            self.warnings.push(format!("{text} and ignored{near}"));
        }
        let mut seen = std::collections::HashSet::new();
        self.warnings.retain(|warning| seen.insert(warning.clone()));
        Ok(self.warnings)
    }
}

/// One error for several texts: the first is the message, the rest are details.
fn all(code: Code, texts: Vec<String>) -> Error {
    let mut texts = texts.into_iter();
    let first = texts.next().expect("there is at least one text");
    texts.fold(Error::new(code, first), |error, text| error.with_detail("also", text))
}
