//! A transaction of either database.

use achub_core::{Error, JobName, port::jobs::Fence};
use async_trait::async_trait;

/// Where the two databases' words differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The function that tells at which place of a text another one begins, from 1; 0 where it is not in it.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Dialect::Sqlite => "instr",
            Dialect::Postgres => "strpos",
        }
    }

    /// How often one statement may name a value.
    pub(crate) fn arguments_max(self) -> usize {
        match self {
            // SQLITE_MAX_VARIABLE_NUMBER, https://www.sqlite.org/limits.html.
            Dialect::Sqlite => 32_766,
            // 16 bits in the message Bind, PostgreSQL 15, 55.7.
            Dialect::Postgres => 65_535,
        }
    }
}

/// A value on its way into a statement; nothing has a type too, or PostgreSQL guesses one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Arg {
    Integer(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Arg {
        Arg::Integer(Some(value))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Arg {
        Arg::Integer(value)
    }
}

impl From<Option<f64>> for Arg {
    fn from(value: Option<f64>) -> Arg {
        Arg::Real(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Arg {
        Arg::Text(Some(value.to_owned()))
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Arg {
        Arg::Text(Some(value))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Arg {
        Arg::Text(value)
    }
}

impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Arg {
        Arg::Text(value.map(str::to_owned))
    }
}

/// A value that came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// A row that came back, taken from the left.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Cell>);

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Row {
        Row(cells.into_iter())
    }

    pub(crate) fn integer(&mut self) -> Result<i64, Fault> {
        self.maybe_integer()?.ok_or_else(|| Fault::unreadable("a number is missing"))
    }

    pub(crate) fn maybe_integer(&mut self) -> Result<Option<i64>, Fault> {
        match self.0.next() {
            Some(Cell::Integer(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            other => Err(Fault::unreadable(format!("{other:?} is no whole number"))),
        }
    }

    pub(crate) fn maybe_real(&mut self) -> Result<Option<f64>, Fault> {
        match self.0.next() {
            Some(Cell::Real(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            other => Err(Fault::unreadable(format!("{other:?} is no number"))),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, Fault> {
        self.maybe_text()?.ok_or_else(|| Fault::unreadable("a text is missing"))
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, Fault> {
        match self.0.next() {
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            other => Err(Fault::unreadable(format!("{other:?} is no text"))),
        }
    }
}

/// Why something with the store failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The database's own failure.
    Sql(sqlx::Error),
    /// What this program never writes was found.
    Unreadable(String),
    /// A failure that is told as it is.
    Told(Error),
}

impl Fault {
    pub(crate) fn unreadable(what: impl Into<String>) -> Fault {
        Fault::Unreadable(what.into())
    }

    /// Whether a row would have had the key of another one.
    pub(crate) fn is_duplicate(&self) -> bool {
        let Fault::Sql(cause) = self else { return false };
        cause.as_database_error().is_some_and(|cause| cause.is_unique_violation())
    }
}

impl From<sqlx::Error> for Fault {
    fn from(cause: sqlx::Error) -> Fault {
        Fault::Sql(cause)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Told(error)
    }
}

/// A transaction. Dropped without a commit it leaves no trace.
#[async_trait]
pub(crate) trait Session: Send {
    fn dialect(&self) -> Dialect;

    /// Runs a statement and tells how many rows it wrote.
    async fn execute(&mut self, sql: String, args: Vec<Arg>) -> Result<u64, Fault>;

    /// Runs a statement and gives its rows.
    async fn fetch(&mut self, sql: String, args: Vec<Arg>) -> Result<Vec<Row>, Fault>;

    /// `RN-102` where the lease of `job` is not this one any more; see the stores' own `check_fence`.
    async fn check_fence(&mut self, job: &JobName, fence: Fence) -> Result<(), Fault>;

    async fn commit(self: Box<Self>) -> Result<(), Fault>;
}

/// A store that hands out transactions.
#[async_trait]
pub(crate) trait Door: Send + Sync {
    /// A transaction that sees one state and writes nothing.
    async fn reading(&self) -> Result<Box<dyn Session>, Fault>;

    /// A transaction that writes.
    async fn writing(&self) -> Result<Box<dyn Session>, Fault>;

    /// Overwrites what was deleted, where the database keeps it.
    async fn scrub(&self) -> Result<(), Fault>;

    /// The failure of something attempted.
    fn told(&self, attempt: &str, fault: Fault) -> Error;
}
