//! DuckDB's catalogue and way in.

use std::{collections::HashMap, path::Path};

use achub_core::{Column, Error, FieldType, Table, schema::Storage};
use async_trait::async_trait;

use crate::{
    duckdb::{
        call::{self, Answer},
        catalogue, error, ingest,
        library::LibrarySearch,
        open::{self, Instance},
        rows::Rows,
        types, unfit,
        worker::Worker,
    },
    sql::{
        Fault, Fit, Session, Shape, TableName, TablePlan,
        merge::Range,
        quote::{cut, quoted, text_constant},
        session::RowFault,
        wide,
    },
};

/// The schema of tables whose object names none; DuckDB makes it with every file.
pub(super) const DEFAULT_SCHEMA: &str = "main";

/// The writing connection of a file.
pub(crate) struct DuckdbSession {
    pub(super) worker: Worker,
    /// The open file, for connections of their own.
    pub(super) instance: Instance,
    in_transaction: bool,
    /// The columns of staging tables, until a statement may have changed them. Asking costs more than an append.
    pub(super) staged: HashMap<TableName, Vec<Column>>,
}

/// The schema in which statements find temporary tables. By the catalogue it is a database of its own.
const TEMPORARY: &str = "temp";

/// The database and the schema of a table, as the catalogue has them.
pub(super) fn place_of(table: &TableName) -> (&'static str, &str) {
    match table.schema.as_deref() {
        Some(TEMPORARY) => (TEMPORARY, DEFAULT_SCHEMA),
        schema => (open::DATABASE, schema.unwrap_or(DEFAULT_SCHEMA)),
    }
}

/// Where a table lies.
pub(super) fn place(schema: Option<&str>, name: &str) -> TableName {
    TableName::new(Some(schema.unwrap_or(DEFAULT_SCHEMA)), name)
}

impl DuckdbSession {
    /// Opens the file at `path`, which is made where it is missing.
    pub(super) async fn open(path: &Path, library: &LibrarySearch) -> Result<DuckdbSession, Error> {
        let (path, library) = (path.to_owned(), library.clone());
        let (worker, instance) = Worker::start(move || open::open(&path, &library)).await?;
        Ok(DuckdbSession { worker, instance, in_transaction: false, staged: HashMap::new() })
    }

    /// Runs a statement.
    pub(super) async fn answer(&mut self, sql: &str, arguments: &[Option<&str>]) -> Result<Answer, Fault> {
        if !leaves_tables_alone(sql) {
            self.staged.clear();
        }
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
    /// DuckDB keeps the index of a key in memory, and its rows are merged as well without one (decision 0012).
    const DECLARES_KEYS: bool = false;
    const CASE_FOLDS: bool = true;

    fn type_sql(ty: FieldType) -> &'static str {
        types::made_for(ty)
    }

    fn column_type(ty: FieldType, storage: Option<Storage>) -> String {
        storage.map_or_else(|| types::made_for(ty).to_owned(), types::stored_as)
    }

    fn can_widen(actual: &str, wanted: &str) -> bool {
        types::can_widen(actual, wanted)
    }

    /// What DuckDB calls `json_group_object` is a macro and takes no condition; a map would refuse a key that comes twice.
    fn object_of(key: &str, value: &str, condition: &str) -> String {
        let member = format!("CAST(to_json({key}) AS text) || ':' || CAST(to_json({value}) AS text)");
        format!("CAST('{{' || string_agg({member}, ',') FILTER (WHERE {condition}) || '}}' AS JSON)")
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
        TableName::new(Some(TEMPORARY), name)
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
        catalogue::shape(self, table).await
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

    async fn is_own_view(&mut self, view: &TableName) -> Result<bool, Fault> {
        let sql = "SELECT comment FROM duckdb_views() WHERE database_name = current_database() \
                   AND lower(schema_name) = lower($1) AND lower(view_name) = lower($2)";
        let found = self.texts(sql, &[view.schema.as_deref(), Some(&view.name)]).await?;
        Ok(found.into_iter().flatten().flatten().any(|comment| comment == wide::MARK))
    }

    async fn put_view(&mut self, view: &TableName, query: &str) -> Result<(), Fault> {
        let (name, mark) = (view.sql(), text_constant(wide::MARK));
        self.execute(&format!("CREATE OR REPLACE VIEW {name} AS {query}"), &[]).await?;
        self.execute(&format!("COMMENT ON VIEW {name} IS {mark}"), &[]).await?;
        Ok(())
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

/// Whether a statement is of the kinds that make, alter and drop no table. Taking back a transaction is not among them:
/// it may take back a table.
fn leaves_tables_alone(sql: &str) -> bool {
    const KINDS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT"];
    let first = sql.split_whitespace().next().unwrap_or_default();
    KINDS.contains(&first) && !sql.contains(';')
}

/// A failed statement, named by its first words: the rest may be long, and holds names only.
fn refused(sql: &str, cause: adbc_core::error::Error) -> Fault {
    const CHARS_SHOWN: usize = 80;
    let shown: String = sql.chars().take(CHARS_SHOWN).collect();
    error::fault(&format!("cannot run `{shown}`"), cause)
}
