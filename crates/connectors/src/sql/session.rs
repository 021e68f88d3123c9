//! What a database brings along.

use achub_core::{Error, FieldType, Table, schema::Storage};
use async_trait::async_trait;
use jiff::Timestamp;

pub(crate) use crate::sql::fit::{Fit, Limit, Moving};
use crate::{
    landing::Cell,
    sql::{
        TableName, TablePlan,
        merge::Range,
        quote::{quoted, text_constant},
        storage,
    },
};

/// A statement that failed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) error: Error,
    /// Given where the cause is a row and not the statement: another row may well be taken.
    pub(crate) row: Option<Box<RowFault>>,
}

/// What a database said about a row it would not take.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowFault {
    /// The column, where the database names it; else empty.
    pub(crate) column: String,
    pub(crate) reason: String,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault { error, row: None }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        fault.error
    }
}

/// A table as the catalogue describes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// Whether rows can be written to it: `false` for views.
    pub(crate) is_table: bool,
    /// Names and types of its columns, in order.
    pub(crate) columns: Vec<(String, String)>,
    /// The column sets that are unique, primary key included.
    pub(crate) unique: Vec<Vec<String>>,
}

/// Rows on their way into a staging table, in the database's own encoding.
pub(crate) trait RowSink: Default + Send + Sync {
    /// Begins a row. `repeat` is the staging table's mark, where it has one.
    fn begin(&mut self, seq: i64, repeat: Option<bool>);
    /// Adds the next cell, or says why the database cannot hold it.
    fn cell(&mut self, cell: &Cell<'_>) -> Result<(), String>;
    /// Ends the row.
    fn end(&mut self);
    /// Takes back the row that was begun.
    fn undo(&mut self);
    /// How many rows were ended.
    fn len(&self) -> usize;
    /// Forgets the rows and keeps the memory.
    fn clear(&mut self);
}

/// A connection. Whoever writes does so between [`begin`] and [`commit`].
#[async_trait]
pub(crate) trait Session: Send {
    /// Its row encoding.
    type Rows: RowSink;

    /// The longest identifier, bytes.
    const NAME_BYTES_MAX: usize;

    /// What stands behind the statement that makes a temporary staging table.
    const TEMPORARY_END: &'static str;

    /// What stands behind the type of a staging table's sequence.
    const SEQUENCE_END: &'static str;

    /// The statement that begins a transaction that will write.
    const BEGIN: &'static str;

    /// Whether part of a transaction can be taken back. Where it cannot, [`Session::unfit`] finds what would be refused.
    const HAS_SAVEPOINTS: bool = true;

    /// Whether tables get a unique key of what their rows are merged by.
    const DECLARES_KEYS: bool = true;

    /// Whether names that differ only by ASCII case are the same column.
    const CASE_FOLDS: bool;

    /// The type of columns made for values of `ty`.
    fn type_sql(ty: FieldType) -> &'static str;

    /// The type of a column that a person asked something of.
    fn column_type(ty: FieldType, storage: Option<Storage>) -> String {
        let made = |ty| Self::type_sql(ty);
        storage.map_or_else(
            || made(ty).to_owned(),
            |storage| {
                let (json, instant) = (made(FieldType::Json), made(FieldType::Timestamp));
                storage::standard(storage, json, instant, made(FieldType::Float))
            },
        )
    }

    /// Whether two spellings mean one type.
    fn is_same_type(actual: &str, wanted: &str) -> bool {
        actual.eq_ignore_ascii_case(wanted)
    }

    /// Whether a column of type `actual` can become one of `wanted` without a change of any value.
    fn can_widen(_actual: &str, _wanted: &str) -> bool {
        false
    }

    /// This instant, as an expression of the type of timestamps.
    fn moment(instant: Timestamp) -> String {
        format!("CAST('{instant}' AS {})", Self::type_sql(FieldType::Timestamp))
    }

    /// The statement that sets the isolation of the transaction that was just begun, `None` where every transaction is
    /// isolated as well as can be.
    fn isolate(_level: &str) -> Option<String> {
        None
    }

    /// The aggregate that makes a JSON object of keys and values, both text, of the rows that meet `condition`; null where
    /// there are none.
    fn object_of(key: &str, value: &str, condition: &str) -> String {
        format!("json_group_object({key}, {value}) FILTER (WHERE {condition})")
    }

    /// Argument `n` (from 1), which is sent as text, as a value of `ty`.
    fn argument(n: usize, ty: FieldType) -> String;

    /// This moment, as an expression of the type of timestamps.
    fn now_sql() -> &'static str;

    /// How values of `declared` type get into a column of type `actual`.
    fn fit(declared: FieldType, actual: &str) -> Fit;

    /// Where a table of this description lies.
    fn place(&self, table: &Table) -> TableName;

    /// Where a table of the hub's own lies: `schema` is the state schema, `None` for the default.
    fn own_place(&self, schema: Option<&str>, name: &str) -> TableName;

    /// The name of a table that lives as long as the connection.
    fn temporary(&self, name: &str) -> TableName;

    /// Whether a transaction was begun and not ended; kept by [`begin`] and [`commit`].
    fn in_transaction(&mut self) -> &mut bool;

    /// Runs a statement, gives the rows it touched.
    async fn execute(&mut self, sql: &str, arguments: &[Option<&str>]) -> Result<u64, Fault>;

    /// Runs a query whose columns are all text.
    async fn texts(
        &mut self,
        sql: &str,
        arguments: &[Option<&str>],
    ) -> Result<Vec<Vec<Option<String>>>, Fault>;

    /// A table as the catalogue describes it, `None` where there is none.
    async fn shape(&mut self, table: &TableName) -> Result<Option<Shape>, Fault>;

    /// Makes the schema of a table where it is missing.
    async fn make_schema(&mut self, table: &TableName) -> Result<(), Fault>;

    /// Keeps others from making tables until this transaction ends.
    async fn hold_catalogue(&mut self) -> Result<(), Fault>;

    /// Appends rows to a staging table with these columns; `with_repeat`: it also has the mark for repeats. Gives the rows, counted from 0, that the database refused
    /// one by one; on an error none was appended.
    async fn ingest(
        &mut self,
        staging: &TableName,
        columns: &[&str],
        with_repeat: bool,
        rows: &mut Self::Rows,
    ) -> Result<Vec<(usize, RowFault)>, Fault>;

    /// Drops a table that is made again in this transaction; views of ours go with it and are returned to be made again.
    async fn drop_for_replacement(&mut self, table: &TableName) -> Result<Vec<String>, Fault>;

    /// Makes again a view that [`Session::drop_for_replacement`] dropped, unless its columns are no longer there.
    async fn remake_view(&mut self, statement: &str) -> Result<(), Fault>;

    /// The rows of a staging table, by their sequence, that their table could not take. Asked only where there are no
    /// savepoints: there a refused row would end the transaction, and cannot be found by trying.
    async fn unfit(&mut self, _plan: &TablePlan, _range: Range) -> Result<Vec<(i64, RowFault)>, Fault> {
        Ok(Vec::new())
    }

    /// Empties a temporary table, unless the end of the transaction does.
    async fn empty(&mut self, table: &TableName) -> Result<(), Fault>;

    /// Makes an index over one column where it is missing.
    async fn make_index(&mut self, table: &TableName, column: &str) -> Result<(), Fault>;

    /// Keeps a sentence with a table, where the database can.
    async fn comment(&mut self, table: &TableName, comment: &str) -> Result<(), Fault>;

    /// Keeps a sentence with a column, where the database can.
    async fn comment_column(&mut self, table: &TableName, column: &str, comment: &str) -> Result<(), Fault> {
        let (column, comment) = (quoted(column), text_constant(comment));
        self.execute(&format!("COMMENT ON COLUMN {}.{column} IS {comment}", table.sql()), &[]).await?;
        Ok(())
    }

    /// Drops views of ours that keep a table's columns from being changed, and gives them to be made again.
    async fn drop_views(&mut self, _table: &TableName) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }

    /// Whether there is a view of this name that [`wide::make`](crate::sql::wide::make) made.
    async fn is_own_view(&mut self, view: &TableName) -> Result<bool, Fault>;

    /// Makes a view of ours, in place of the one that is there, and marks it.
    async fn put_view(&mut self, view: &TableName, query: &str) -> Result<(), Fault>;

    /// Gives a column another type that holds all its values.
    async fn widen(&mut self, table: &TableName, column: &str, ty: &str) -> Result<(), Fault> {
        let sql = format!("ALTER TABLE {} ALTER COLUMN {} TYPE {ty}", table.sql(), quoted(column));
        self.execute(&sql, &[]).await?;
        Ok(())
    }
}

/// Begins a transaction. One that was given up half way, by an error or by dropping the future that ran it, is rolled
/// back first.
pub(crate) async fn begin<S: Session>(session: &mut S) -> Result<(), Fault> {
    if *session.in_transaction() {
        rollback(session).await?;
    }
    *session.in_transaction() = true;
    session.execute(S::BEGIN, &[]).await?;
    Ok(())
}

/// Makes the transaction durable.
pub(crate) async fn commit<S: Session>(session: &mut S) -> Result<(), Fault> {
    session.execute("COMMIT", &[]).await?;
    *session.in_transaction() = false;
    Ok(())
}

/// Takes the transaction back, where one is open.
pub(crate) async fn rollback<S: Session>(session: &mut S) -> Result<(), Fault> {
    if !*session.in_transaction() {
        return Ok(());
    }
    let done = session.execute("ROLLBACK", &[]).await;
    *session.in_transaction() = false;
    // The database may have rolled back by itself, and says so; the connection is clean either way.
    match done {
        Err(fault) if fault.error.code() == achub_core::Code::TargetUnreachable => Err(fault),
        _ => Ok(()),
    }
}

/// Ends the transaction by how the work in it went: committed, or rolled back with the error of the work.
pub(crate) async fn end<S: Session, T>(session: &mut S, work: Result<T, Fault>) -> Result<T, Error> {
    match work {
        Ok(value) => {
            commit(session).await?;
            Ok(value)
        }
        Err(fault) => {
            // The error of the work is the one that counts.
            let _ = rollback(session).await;
            Err(fault.error)
        }
    }
}

/// The only column of the only row of a query, as a number.
pub(crate) async fn number<S: Session>(session: &mut S, sql: &str) -> Result<u64, Fault> {
    let rows = session.texts(sql, &[]).await?;
    Ok(numbers(&rows).first().copied().unwrap_or(0))
}

/// The columns of the first row of a query, as numbers; what is no number is 0.
pub(crate) fn numbers(rows: &[Vec<Option<String>>]) -> Vec<u64> {
    let Some(row) = rows.first() else { return Vec::new() };
    row.iter().map(|text| text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0)).collect()
}
