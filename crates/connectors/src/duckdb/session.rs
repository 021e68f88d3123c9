//! DuckDB's catalogue and way in.

use std::path::Path;

use achub_core::{Error, FieldType, Table};
use async_trait::async_trait;

use crate::{
    duckdb::{
        call::{self, Answer},
        error, ingest,
        library::LibrarySearch,
        open,
        rows::Rows,
        types, unfit,
        worker::Worker,
    },
    sql::{
        Fault, Fit, Session, Shape, TableName, TablePlan,
        merge::Range,
        quote::{cut, quoted, text_constant},
        session::RowFault,
    },
};

/// The schema of tables whose object names none; DuckDB makes it with every file.
pub(super) const DEFAULT_SCHEMA: &str = "main";

/// The writing connection of a file.
pub(super) struct DuckdbSession {
    pub(super) worker: Worker,
    in_transaction: bool,
}

/// Where a table lies.
pub(super) fn place(schema: Option<&str>, name: &str) -> TableName {
    TableName::new(Some(schema.unwrap_or(DEFAULT_SCHEMA)), name)
}

impl DuckdbSession {
    /// Opens the file at `path`, which is made where it is missing.
    pub(super) async fn open(path: &Path, library: &LibrarySearch) -> Result<DuckdbSession, Error> {
        let (path, library) = (path.to_owned(), library.clone());
        let worker = Worker::start(move || open::open(&path, &library)).await?;
        Ok(DuckdbSession { worker, in_transaction: false })
    }

    /// Runs a statement.
    pub(super) async fn answer(&mut self, sql: &str, arguments: &[Option<&str>]) -> Result<Answer, Fault> {
        let arguments: Vec<Option<String>> =
            arguments.iter().map(|argument| argument.map(str::to_owned)).collect();
        let statement = sql.to_owned();
        let answer = self.worker.run(move |connection| call::run(connection, &statement, &arguments)).await?;
        answer.map_err(|cause| refused(sql, cause))
    }
}

#[async_trait]
impl Session for DuckdbSession {
    type Rows = Rows;

    /// DuckDB has no limit of its own; this one keeps names readable.
    const NAME_BYTES_MAX: usize = 255;
    const TEMPORARY_END: &'static str = "";
    /// A staging table has no constraint: DuckDB's bulk append drops rows without a word where one refuses a row.
    const SEQUENCE_END: &'static str = "";
    const BEGIN: &'static str = "BEGIN TRANSACTION";
    const HAS_SAVEPOINTS: bool = false;
    const CASE_FOLDS: bool = true;

    fn type_sql(ty: FieldType) -> &'static str {
        types::made_for(ty)
    }

    fn argument(n: usize, ty: FieldType) -> String {
        match ty {
            FieldType::Text => format!("${n}"),
            _ => format!("CAST(${n} AS {})", types::made_for(ty)),
        }
    }

    fn now_sql() -> &'static str {
        "now()"
    }

    fn fit(_declared: FieldType, actual: &str) -> Fit {
        types::fit(actual)
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
        Ok(self.answer(sql, arguments).await?.touched())
    }

    async fn texts(
        &mut self,
        sql: &str,
        arguments: &[Option<&str>],
    ) -> Result<Vec<Vec<Option<String>>>, Fault> {
        Ok(self.answer(sql, arguments).await?.rows)
    }

    async fn shape(&mut self, table: &TableName) -> Result<Option<Shape>, Fault> {
        // Names are the same where only the case of ASCII letters differs; `lower` knows more letters than that.
        let same = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
        let schema = table.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
        let arguments = [Some(schema), Some(table.name.as_str())];
        let sql = "SELECT 'table', schema_name, table_name FROM duckdb_tables() \
                   WHERE database_name = current_database() AND lower(schema_name) = lower($1) \
                   AND lower(table_name) = lower($2) \
                   UNION ALL SELECT 'view', schema_name, view_name FROM duckdb_views() \
                   WHERE database_name = current_database() AND lower(schema_name) = lower($1) \
                   AND lower(view_name) = lower($2)";
        let found = self.texts(sql, &arguments).await?;
        let found = found.iter().find_map(|row| match row.as_slice() {
            [Some(kind), Some(in_schema), Some(name)]
                if same(in_schema, schema) && same(name, &table.name) =>
            {
                Some((kind, in_schema, name))
            }
            _ => None,
        });
        let Some((kind, in_schema, name)) = found else { return Ok(None) };
        let sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() \
                   AND schema_name = $1 AND table_name = $2 ORDER BY column_index";
        let columns = self.texts(sql, &[Some(in_schema), Some(name)]).await?;
        let columns = columns.into_iter().filter_map(|row| {
            let mut texts = row.into_iter().flatten();
            texts.next().zip(texts.next())
        });
        // Keys are not asked for: rows are merged without a declared one.
        Ok(Some(Shape { is_table: kind == "table", columns: columns.collect(), unique: Vec::new() }))
    }

    async fn make_schema(&mut self, table: &TableName) -> Result<(), Fault> {
        let schema = table.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
        self.execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema)), &[]).await?;
        Ok(())
    }

    /// The file is this connection's alone.
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
        ingest::ingest(self, staging, columns, with_repeat, rows.take()).await
    }

    /// Views look their tables up by name, so they outlive the replacement.
    async fn drop_for_replacement(&mut self, table: &TableName) -> Result<Vec<String>, Fault> {
        self.execute(&format!("DROP TABLE IF EXISTS {}", table.sql()), &[]).await?;
        Ok(Vec::new())
    }

    async fn remake_view(&mut self, _statement: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn unfit(&mut self, plan: &TablePlan, range: Range) -> Result<Vec<(i64, RowFault)>, Fault> {
        unfit::unfit(self, plan, range).await
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

    async fn comment(&mut self, table: &TableName, comment: &str) -> Result<(), Fault> {
        self.execute(&format!("COMMENT ON TABLE {} IS {}", table.sql(), text_constant(comment)), &[]).await?;
        Ok(())
    }
}

/// A failed statement, named by its first words: the rest may be long, and holds names only.
fn refused(sql: &str, cause: adbc_core::error::Error) -> Fault {
    const CHARS_SHOWN: usize = 80;
    let shown: String = sql.chars().take(CHARS_SHOWN).collect();
    error::fault(&format!("cannot run `{shown}`"), cause)
}
