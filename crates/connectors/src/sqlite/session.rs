//! SQLite's types, catalogue and way in.

use achub_core::{Code, Error, FieldType, Table, schema::Storage};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use crate::{
    landing::moment,
    sql::{
        Fault, Fit, Session, Shape, TableName,
        plan::{REPEAT, SEQ},
        quote::{cut, quoted, quoted_list, text_constant},
        session::RowFault,
        wide,
    },
    sqlite::{error, rows::Rows, types},
};

/// Arguments of one statement; SQLite's own limit is 32,766.
const ARGUMENTS_MAX: usize = 8_000;

/// The writing connection of a file.
pub(crate) struct SqliteSession {
    pub(crate) connection: SqliteConnection,
    pub(crate) in_transaction: bool,
}

/// An object `a.b` lies in the table `a_b`: SQLite has no schemas.
pub(crate) fn place(schema: Option<&str>, name: &str) -> TableName {
    match schema {
        Some(schema) => TableName::new(None, format!("{schema}_{name}")),
        None => TableName::new(None, name),
    }
}

#[async_trait]
impl Session for SqliteSession {
    type Rows = Rows;

    /// SQLite has no limit of its own; this one keeps names readable.
    const NAME_BYTES_MAX: usize = 255;
    const TEMPORARY_END: &'static str = "";
    /// A sequence that is the row's own number costs nothing and is found at once.
    const SEQUENCE_END: &'static str = " PRIMARY KEY";
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const CASE_FOLDS: bool = true;

    fn type_sql(ty: FieldType) -> &'static str {
        types::made_for(ty)
    }

    fn column_type(ty: FieldType, storage: Option<Storage>) -> String {
        storage.map_or_else(|| types::made_for(ty).to_owned(), types::stored_as)
    }

    /// What a column does to its values is all that counts.
    fn is_same_type(actual: &str, wanted: &str) -> bool {
        types::affinity(actual) == types::affinity(wanted)
    }

    fn moment(instant: Timestamp) -> String {
        text_constant(&moment::sortable(instant))
    }

    fn argument(n: usize, _ty: FieldType) -> String {
        format!("${n}")
    }

    fn now_sql() -> &'static str {
        "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"
    }

    fn fit(declared: FieldType, actual: &str) -> Fit {
        types::fit(declared, actual)
    }

    fn place(&self, table: &Table) -> TableName {
        place(table.schema.as_deref(), &table.name)
    }

    fn own_place(&self, schema: Option<&str>, name: &str) -> TableName {
        place(schema, name)
    }

    fn temporary(&self, name: &str) -> TableName {
        TableName::new(Some("temp"), name)
    }

    fn in_transaction(&mut self) -> &mut bool {
        &mut self.in_transaction
    }

    async fn execute(&mut self, sql: &str, arguments: &[Option<&str>]) -> Result<u64, Fault> {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for argument in arguments {
            query = query.bind(*argument);
        }
        let done = query.execute(&mut self.connection).await.map_err(|cause| refused(sql, cause))?;
        Ok(done.rows_affected())
    }

    async fn texts(
        &mut self,
        sql: &str,
        arguments: &[Option<&str>],
    ) -> Result<Vec<Vec<Option<String>>>, Fault> {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for argument in arguments {
            query = query.bind(*argument);
        }
        let rows = query.fetch_all(&mut self.connection).await.map_err(|cause| refused(sql, cause))?;
        rows.iter().map(|row| texts(row).map_err(|cause| refused(sql, cause))).collect()
    }

    async fn shape(&mut self, table: &TableName) -> Result<Option<Shape>, Fault> {
        let kind = self
            .texts(
                "SELECT type FROM sqlite_master WHERE lower(name) = lower($1) AND type IN ('table', 'view')",
                &[Some(&table.name)],
            )
            .await?;
        let Some(kind) = kind.into_iter().flatten().next().flatten() else { return Ok(None) };
        let columns =
            self.texts("SELECT name, type FROM pragma_table_info($1)", &[Some(&table.name)]).await?;
        let columns = columns.into_iter().map(pair).collect();
        Ok(Some(Shape { is_table: kind == "table", columns, unique: self.unique(&table.name).await? }))
    }

    async fn make_schema(&mut self, _table: &TableName) -> Result<(), Fault> {
        Ok(())
    }

    /// A write transaction keeps everybody else out already.
    async fn hold_catalogue(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    async fn ingest(
        &mut self,
        staging: &TableName,
        columns: &[&str],
        with_repeat: bool,
        rows: &mut Rows,
    ) -> Result<Vec<(usize, RowFault)>, Fault> {
        let marks = if with_repeat { &[SEQ, REPEAT][..] } else { &[SEQ][..] };
        let names = quoted_list("", marks.iter().chain(columns).copied());
        let width = marks.len() + columns.len();
        let tuple = format!("({})", vec!["?"; width].join(","));
        let mut sql = String::new();
        let mut sql_rows = 0;
        for chunk in rows.chunks(ARGUMENTS_MAX) {
            let (count, arguments) = chunk
                .map_err(|cause| Error::new(Code::Bug, "a value has no form in SQLite").with_source(cause))?;
            if count != sql_rows {
                let tuples = vec![tuple.as_str(); count].join(",");
                sql = format!("INSERT INTO {} ({names}) VALUES {tuples}", staging.sql());
                sql_rows = count;
            }
            sqlx::query_with(AssertSqlSafe(sql.as_str()), arguments)
                .execute(&mut self.connection)
                .await
                .map_err(|cause| error::fault(&format!("cannot write to {staging}"), cause))?;
        }
        Ok(Vec::new())
    }

    /// Views look their tables up by name, so they outlive the replacement.
    async fn drop_for_replacement(&mut self, table: &TableName) -> Result<Vec<String>, Fault> {
        self.execute(&format!("DROP TABLE IF EXISTS {}", table.sql()), &[]).await?;
        Ok(Vec::new())
    }

    async fn is_own_view(&mut self, view: &TableName) -> Result<bool, Fault> {
        let sql = "SELECT sql FROM sqlite_master WHERE lower(name) = lower($1) AND type = 'view'";
        let made = self.texts(sql, &[Some(&view.name)]).await?.into_iter().flatten().next().flatten();
        Ok(made.is_some_and(|made| made.contains(wide::MARK)))
    }

    /// The mark stands in the statement, which SQLite keeps as it is.
    async fn put_view(&mut self, view: &TableName, query: &str) -> Result<(), Fault> {
        self.execute(&format!("DROP VIEW IF EXISTS {}", view.sql()), &[]).await?;
        self.execute(&format!("CREATE VIEW {} AS /* {} */ {query}", view.sql(), wide::MARK), &[]).await?;
        Ok(())
    }

    async fn remake_view(&mut self, _statement: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn empty(&mut self, table: &TableName) -> Result<(), Fault> {
        self.execute(&format!("DELETE FROM {}", table.sql()), &[]).await?;
        Ok(())
    }

    async fn make_index(&mut self, table: &TableName, column: &str) -> Result<(), Fault> {
        let name = cut(&format!("{}_{column}_idx", table.name), Self::NAME_BYTES_MAX);
        let sql =
            format!("CREATE INDEX IF NOT EXISTS {} ON {} ({})", quoted(&name), table.sql(), quoted(column));
        self.execute(&sql, &[]).await?;
        Ok(())
    }

    /// SQLite keeps no comments.
    async fn comment(&mut self, _table: &TableName, _comment: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn comment_column(
        &mut self,
        _table: &TableName,
        _column: &str,
        _comment: &str,
    ) -> Result<(), Fault> {
        Ok(())
    }
}

impl SqliteSession {
    /// The column sets of a table that are unique: its indexes without a condition, and the primary key that is the row
    /// number and has no index.
    async fn unique(&mut self, table: &str) -> Result<Vec<Vec<String>>, Fault> {
        let sql = "SELECT l.name, i.name FROM pragma_index_list($1) AS l, pragma_index_info(l.name) AS i \
                   WHERE l.\"unique\" = 1 AND l.partial = 0 ORDER BY l.name, i.seqno";
        let mut sets: Vec<(String, Vec<String>)> = Vec::new();
        for (index, column) in self.texts(sql, &[Some(table)]).await?.into_iter().map(pair) {
            match sets.last_mut() {
                Some((name, columns)) if *name == index => columns.push(column),
                _ => sets.push((index, vec![column])),
            }
        }
        let primary = self
            .texts("SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk", &[Some(table)])
            .await?;
        let primary: Vec<String> = primary.into_iter().flatten().flatten().collect();
        let sets = sets.into_iter().map(|(_, columns)| columns);
        Ok(sets.chain((!primary.is_empty()).then_some(primary)).collect())
    }
}

fn pair(row: Vec<Option<String>>) -> (String, String) {
    let mut texts = row.into_iter().map(Option::unwrap_or_default);
    (texts.next().unwrap_or_default(), texts.next().unwrap_or_default())
}

fn texts(row: &SqliteRow) -> Result<Vec<Option<String>>, sqlx::Error> {
    (0..row.len()).map(|index| row.try_get_unchecked(index)).collect()
}

/// A failed statement, named by its first words: the rest may be long, and holds names only.
fn refused(sql: &str, cause: sqlx::Error) -> Fault {
    const CHARS_SHOWN: usize = 80;
    let shown: String = sql.chars().take(CHARS_SHOWN).collect();
    error::fault(&format!("cannot run `{shown}`"), cause)
}
