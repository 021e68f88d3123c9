//! The only place that prints.
//!
//! Data goes to standard output, words to standard error. A closed pipe is no failure: it ends the program quietly.

mod clean;
mod failure;
mod number;
pub mod progress;
mod table;

use std::io::{self, IsTerminal as _, Write as _};

use achub_core::{Code, Error};
use serde_json::{Value, json};

pub use failure::{Failure, exit_code};
pub use number::{count, duration, per_second};
pub use table::Table;

/// The version of every JSON view; moves when a view loses or renames a member.
const FORMAT_VERSION: u32 = 1;

/// How the program talks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Data as JSON.
    pub is_json: bool,
    /// Tables as comma-separated values.
    pub is_csv: bool,
    /// Only data and errors.
    pub is_quiet: bool,
    /// Colour on standard error.
    pub has_color: bool,
    /// What is shown while a run works.
    pub progress: progress::Style,
    /// Whether questions may be asked.
    pub may_ask: bool,
    /// Words as JSON, one object a line.
    pub says_json: bool,
}

/// The form of data that Sling's `-o` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Aligned on a terminal, tab-separated otherwise.
    Text,
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorWhen {
    /// Whether words on standard error get colour, by the flag, `NO_COLOR` and `CLICOLOR_FORCE`.
    pub fn decide(self, no_color: bool, force: bool) -> bool {
        match self {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => !no_color && (force || io::stderr().is_terminal()),
        }
    }
}

/// Whether a person sits in front: both the questions and the answers go through a terminal.
pub fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether words go to a terminal.
pub fn words_to_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Asks a person who sits in front; no is the default.
///
/// Errors: `CF-106` where the question was broken off.
pub fn confirm(question: &str) -> Result<bool, Error> {
    inquire::Confirm::new(question)
        .with_default(false)
        .prompt()
        .map_err(|error| Error::new(Code::BadArgument, "the question was not answered").with_source(error))
}

/// Where data goes that is printed as it comes. A terminal's control characters are left in it.
pub fn data_writer() -> impl io::Write + Send + 'static {
    io::stdout()
}

impl Output {
    /// The same with data in `form`, where one is asked for.
    pub fn in_form(self, form: Option<Form>) -> Output {
        match form {
            Some(form) => Output { is_json: form == Form::Json, is_csv: form == Form::Csv, ..self },
            None => self,
        }
    }

    /// Prints a table, or the same rows as JSON under `view`.
    pub fn table(&self, view: &str, table: &Table) -> Result<(), Failure> {
        if self.is_json {
            return self.json(view, json!({ "rows": table.objects() }));
        }
        let text = match io::stdout().is_terminal() {
            _ if self.is_csv => table.comma_separated(),
            true => table.aligned(),
            false => table.separated(),
        };
        self.data(&text)
    }

    /// Prints a JSON view; `value` is an object.
    pub fn json(&self, view: &str, value: Value) -> Result<(), Failure> {
        let mut object = serde_json::Map::new();
        object.insert("format_version".to_owned(), json!(FORMAT_VERSION));
        object.insert("view".to_owned(), json!(view));
        if let Value::Object(members) = value {
            object.extend(members);
        }
        self.data(&format!("{}\n", Value::Object(object)))
    }

    /// Prints data as it is; on a terminal without control characters.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.is_terminal() {
            true => stdout.write_all(clean::lines(text).as_bytes())?,
            false => stdout.write_all(text.as_bytes())?,
        }
        Ok(stdout.flush()?)
    }

    /// Says something to whoever started the program, unless quiet.
    pub fn say(&self, text: &str) {
        match (self.is_quiet, self.says_json) {
            (true, _) => {}
            (false, true) => self.line("info", text),
            (false, false) => self.words(text),
        }
    }

    /// Says what to look at next.
    pub fn next(&self, command: &str) {
        self.say(&format!("\n{}  {command}", self.bold("Next")));
    }

    /// Says something that could be ignored.
    pub fn warn(&self, text: &str) {
        match (self.is_quiet, self.says_json) {
            (true, _) => {}
            (false, true) => self.line("warn", text),
            (false, false) => self.words(&format!("{} {text}", self.paint("warning:", "33"))),
        }
    }

    /// Says one of several checks that went well or not.
    pub fn check(&self, passed: Option<bool>, text: &str) {
        let mark = match passed {
            Some(true) => self.paint("  ok", "32"),
            Some(false) => self.paint("fail", "31"),
            None => "   –".to_owned(),
        };
        self.say(&format!("{mark}  {text}"));
    }

    /// Prints a failure: what happened, what it means, what to do.
    pub fn error(&self, error: &Error) {
        match self.is_json || self.says_json {
            true => self.words(&failure::json(error, FORMAT_VERSION).to_string()),
            false => self.words(&failure::block(error, &|text| self.paint(text, "1;31"))),
        }
    }

    /// Words as an object: `{"level":"info","message":"…"}`.
    fn line(&self, level: &str, text: &str) {
        self.words(&json!({ "level": level, "message": text.trim() }).to_string());
    }

    fn words(&self, text: &str) {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{}", clean::words(text, self.has_color));
    }

    fn bold(&self, text: &str) -> String {
        self.paint(text, "1")
    }

    fn paint(&self, text: &str, style: &str) -> String {
        match self.has_color {
            true => format!("\u{1b}[{style}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}
