//! The error that crosses the ports.

use std::{error::Error as StdError, fmt};

use crate::code::{Class, Code};

/// A failure a user may have to read: which kind, what was attempted, in whose words.
///
/// The cause stays in the source chain and is not part of the text.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: String,
    hint: Option<String>,
    details: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure with `code`; `message` says what was attempted and what happened, lower case, no full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error { code, message: message.into(), hint: None, details: Vec::new(), source: None }
    }

    /// Adds what to do, where it is better known here than on the code's page.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a line of detail, such as `("got", url)`.
    pub fn with_detail(mut self, name: &'static str, text: impl Into<String>) -> Error {
        self.details.push((name, text.into()));
        self
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }

    /// Puts what was being done in front of the message: `context: message`.
    pub fn context(mut self, context: impl fmt::Display) -> Error {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What this means for whoever started the work.
    pub fn class(&self) -> Class {
        self.code.page().class
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do: this error's own advice, else that of the code's page.
    pub fn hint(&self) -> &str {
        self.hint.as_deref().unwrap_or(self.code.page().action)
    }

    /// Named lines of detail in the order they were added.
    pub fn details(&self) -> &[(&'static str, String)] {
        &self.details
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
