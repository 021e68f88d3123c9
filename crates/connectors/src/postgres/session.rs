//! PostgreSQL's catalogue and way in.

use achub_core::{Code, Error, FieldType, Table};
use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, Row,
    postgres::{PgConnectOptions, PgRow},
};

use crate::{
    postgres::{
        arrays::{Array, Rows},
        error, types,
    },
    sql::{
        Fault, Fit, RowSink, Session, Shape, TableName,
        plan::{REPEAT, SEQ},
        quote::{cut, fingerprint, quoted, quoted_list, text_constant},
        session::RowFault,
        wide,
    },
};

/// How long another run may take to let go of a walk. A process that was killed leaves its server process behind for a
/// moment, until that notices.
const LOCK_WAIT: &str = "2s";

/// What one statement carries, about. The client holds it three times until it is sent.
const STATEMENT_BYTES_MAX: usize = 8 << 20;

/// A connection of its own.
pub(crate) struct PostgresSession {
    connection: PgConnection,
    default_schema: String,
    user: String,
    in_transaction: bool,
}

impl PostgresSession {
    /// Connects, and makes times read and written as UTC.
    pub(crate) async fn connect(
        options: &PgConnectOptions,
        default_schema: &str,
        role: Option<&str>,
    ) -> Result<PostgresSession, Error> {
        let place = format!("{}:{}", options.get_host(), options.get_port());
        let user = options.get_username().to_owned();
        let connection = PgConnection::connect_with(options)
            .await
            .map_err(|cause| error::fault(&format!("cannot connect to {place}"), &user, cause).error)?;
        let default_schema = default_schema.to_owned();
        let mut session = PostgresSession { connection, default_schema, user, in_transaction: false };
        session
            .execute("SET timezone = 'UTC'; SET datestyle = 'ISO'; SET client_min_messages = 'error'", &[])
            .await?;
        if let Some(role) = role {
            session.execute(&format!("SET ROLE {}", quoted(role)), &[]).await?;
            session.user = role.to_owned();
        }
        Ok(session)
    }

    /// Takes a lock that lasts as long as the connection. Errors: `RN-101` with who holds it.
    pub(crate) async fn lock(&mut self, what: &str, key: &str) -> Result<(), Error> {
        let key = fingerprint(key.as_bytes()).cast_signed();
        self.execute(&format!("SET lock_timeout = '{LOCK_WAIT}'"), &[]).await?;
        let taken = self.execute(&format!("SELECT pg_advisory_lock({key})"), &[]).await;
        let Err(fault) = taken else {
            self.execute("SET lock_timeout = 0", &[]).await?;
            return Ok(());
        };
        let is_held = matches!(fault.error.code(), Code::GaveWay);
        if !is_held {
            return Err(fault.error);
        }
        let holder = self.holder(key).await?;
        Err(Error::new(Code::Busy, format!("{what} is being loaded{holder}")).with_source(fault.error))
    }

    async fn holder(&mut self, key: i64) -> Result<String, Fault> {
        let sql = format!(
            "SELECT a.application_name, CAST(a.pid AS text) FROM pg_locks AS l JOIN pg_stat_activity AS a \
             ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
             AND (CAST(CAST(l.classid AS bigint) AS bit(64)) << 32 | CAST(CAST(l.objid AS bigint) AS bit(64))) \
             = CAST(CAST({key} AS bigint) AS bit(64))"
        );
        let rows = self.texts(&sql, &[]).await?;
        Ok(match rows.into_iter().next().as_deref() {
            Some([Some(name), Some(pid)]) => format!(" by {name} (server process {pid})"),
            _ => String::new(),
        })
    }

    fn refused(&self, sql: &str, cause: sqlx::Error) -> Fault {
        const CHARS_SHOWN: usize = 80;
        let shown: String = sql.chars().take(CHARS_SHOWN).collect();
        error::fault(&format!("cannot run `{shown}`"), &self.user, cause)
    }

    /// Appends some rows by one statement.
    ///
    /// Arrays and not COPY: rows and the end of the statement leave in one piece. COPY takes at least two, the second
    /// of which waits for the first to be acknowledged, 40 ms over TCP, because sqlx 0.9 cannot switch that delay of
    /// small packets (Nagle's algorithm) off. COPY is worth another look when sqlx sets `TCP_NODELAY`.
    async fn append(
        &mut self,
        staging: &TableName,
        names: &[&str],
        rows: &Rows,
        (first, end): (usize, usize),
    ) -> Result<(), sqlx::Error> {
        // A column without any value is left out: the type of its array is not known, and null is its default.
        let (names, arrays): (Vec<&str>, Vec<Array<'_>>) =
            rows.arrays(first, end).map(|(place, array)| (names[place], array)).unzip();
        let values: Vec<String> = (1..=arrays.len()).map(|n| format!("unnest(${n})")).collect();
        let names = quoted_list("", names.iter().copied());
        let sql = format!("INSERT INTO {} ({names}) SELECT {}", staging.sql(), values.join(", "));
        let query = arrays.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), sqlx::query::Query::bind);
        query.execute(&mut self.connection).await?;
        Ok(())
    }

    fn schema_of<'a>(&'a self, table: &'a TableName) -> &'a str {
        table.schema.as_deref().unwrap_or(&self.default_schema)
    }

    /// The comment of a view, `None` where there is no such view.
    async fn view_comment(&mut self, view: &TableName) -> Result<Option<String>, Fault> {
        let schema = self.schema_of(view).to_owned();
        let sql = "SELECT coalesce(obj_description(c.oid, 'pg_class'), '') FROM pg_class AS c JOIN pg_namespace AS n \
                   ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'v'";
        let rows = self.texts(sql, &[Some(&schema), Some(&view.name)]).await?;
        Ok(rows.into_iter().flatten().next().flatten())
    }
}

#[async_trait]
impl Session for PostgresSession {
    type Rows = Rows;

    /// `NAMEDATALEN` less one; a longer name would be cut without a word.
    const NAME_BYTES_MAX: usize = 63;
    const TEMPORARY_END: &'static str = " ON COMMIT DELETE ROWS";
    const SEQUENCE_END: &'static str = " NOT NULL";
    const BEGIN: &'static str = "BEGIN";
    const CASE_FOLDS: bool = false;

    fn type_sql(ty: FieldType) -> &'static str {
        types::made_for(ty)
    }

    fn can_widen(actual: &str, wanted: &str) -> bool {
        types::can_widen(actual, wanted)
    }

    fn object_of(key: &str, value: &str, condition: &str) -> String {
        format!("json_object_agg({key}, {value}) FILTER (WHERE {condition})")
    }

    fn isolate(level: &str) -> Option<String> {
        Some(format!("SET TRANSACTION ISOLATION LEVEL {level}"))
    }

    fn argument(n: usize, ty: FieldType) -> String {
        match ty {
            FieldType::Text => format!("${n}"),
            _ => format!("CAST(${n} AS {})", types::made_for(ty)),
        }
    }

    fn now_sql() -> &'static str {
        "clock_timestamp()"
    }

    fn fit(_declared: FieldType, actual: &str) -> Fit {
        types::fit(actual)
    }

    fn place(&self, table: &Table) -> TableName {
        self.own_place(table.schema.as_deref(), &table.name)
    }

    fn own_place(&self, schema: Option<&str>, name: &str) -> TableName {
        TableName::new(Some(schema.unwrap_or(&self.default_schema)), name)
    }

    fn temporary(&self, name: &str) -> TableName {
        TableName::new(Some("pg_temp"), name)
    }

    fn in_transaction(&mut self) -> &mut bool {
        &mut self.in_transaction
    }

    async fn execute(&mut self, sql: &str, arguments: &[Option<&str>]) -> Result<u64, Fault> {
        let done = if arguments.is_empty() {
            // One round trip, and no place in the statement cache for what will not come again.
            self.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await
        } else {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for argument in arguments {
                query = query.bind(*argument);
            }
            query.execute(&mut self.connection).await
        };
        done.map(|done| done.rows_affected()).map_err(|cause| self.refused(sql, cause))
    }

    async fn texts(
        &mut self,
        sql: &str,
        arguments: &[Option<&str>],
    ) -> Result<Vec<Vec<Option<String>>>, Fault> {
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(!arguments.is_empty());
        for argument in arguments {
            query = query.bind(*argument);
        }
        let rows = query.fetch_all(&mut self.connection).await;
        let rows = rows.map_err(|cause| self.refused(sql, cause))?;
        rows.iter().map(|row| texts(row).map_err(|cause| self.refused(sql, cause))).collect()
    }

    async fn shape(&mut self, table: &TableName) -> Result<Option<Shape>, Fault> {
        let schema = self.schema_of(table).to_owned();
        let place = [Some(schema.as_str()), Some(table.name.as_str())];
        let sql = "SELECT CAST(c.relkind AS text), CAST(a.attname AS text), format_type(a.atttypid, a.atttypmod) \
                   FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                   LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                   WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY a.attnum";
        let rows = self.texts(sql, &place).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let is_table = matches!(first.first(), Some(Some(kind)) if kind == "r" || kind == "p");
        let columns =
            rows.iter().filter_map(|row| Some((row.get(1)?.clone()?, row.get(2)?.clone()?))).collect();
        let sql = "SELECT CAST(i.indexrelid AS text), CAST(a.attname AS text) FROM pg_index AS i \
                   JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                   CROSS JOIN LATERAL unnest(CAST(i.indkey AS smallint[])) WITH ORDINALITY AS k (number, place) \
                   JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number \
                   WHERE n.nspname = $1 AND c.relname = $2 AND i.indisunique AND i.indisvalid \
                   AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts \
                   ORDER BY i.indexrelid, k.place";
        let mut sets: Vec<(String, Vec<String>)> = Vec::new();
        for row in self.texts(sql, &place).await? {
            let [Some(index), Some(column)] = row.as_slice() else { continue };
            match sets.last_mut() {
                Some((last, columns)) if last == index => columns.push(column.clone()),
                _ => sets.push((index.clone(), vec![column.clone()])),
            }
        }
        let unique = sets.into_iter().map(|(_, columns)| columns).collect();
        Ok(Some(Shape { is_table, columns, unique }))
    }

    async fn make_schema(&mut self, table: &TableName) -> Result<(), Fault> {
        let schema = self.schema_of(table).to_owned();
        let there = self.texts("SELECT '1' FROM pg_namespace WHERE nspname = $1", &[Some(&schema)]).await?;
        if there.is_empty() {
            self.execute(&format!("CREATE SCHEMA {}", quoted(&schema)), &[]).await?;
        }
        Ok(())
    }

    async fn hold_catalogue(&mut self) -> Result<(), Fault> {
        let key = fingerprint(b"achub catalogue").cast_signed();
        self.execute(&format!("SELECT pg_advisory_xact_lock({key})"), &[]).await?;
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
        let names: Vec<&str> = marks.iter().chain(columns).copied().collect();
        let mut refused = Vec::new();
        let mut waiting = parts(rows.len(), rows.size().div_ceil(STATEMENT_BYTES_MAX));
        while let Some((first, end)) = waiting.pop() {
            self.execute("SAVEPOINT achub_rows", &[]).await?;
            let Err(cause) = self.append(staging, &names, rows, (first, end)).await else {
                self.execute("RELEASE SAVEPOINT achub_rows", &[]).await?;
                continue;
            };
            let fault = error::fault(&format!("cannot write to {staging}"), &self.user, cause);
            let Some(row) = fault.row.clone() else { return Err(fault) };
            self.execute("ROLLBACK TO SAVEPOINT achub_rows; RELEASE SAVEPOINT achub_rows", &[]).await?;
            if end - first == 1 {
                refused.push((first, *row));
            } else {
                let middle = first + (end - first) / 2;
                waiting.extend([(middle, end), (first, middle)]);
            }
        }
        Ok(refused)
    }

    async fn drop_for_replacement(&mut self, table: &TableName) -> Result<Vec<String>, Fault> {
        let views = self.drop_views(table).await?;
        self.execute(&format!("DROP TABLE IF EXISTS {}", table.sql()), &[]).await?;
        Ok(views)
    }

    async fn drop_views(&mut self, table: &TableName) -> Result<Vec<String>, Fault> {
        let schema = self.schema_of(table).to_owned();
        let sql = "SELECT DISTINCT CAST(vn.nspname AS text), CAST(v.relname AS text), \
                   coalesce(obj_description(v.oid, 'pg_class'), ''), pg_get_viewdef(v.oid) \
                   FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid \
                   JOIN pg_class AS v ON v.oid = r.ev_class JOIN pg_namespace AS vn ON vn.oid = v.relnamespace \
                   JOIN pg_class AS c ON c.oid = d.refobjid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                   WHERE d.classid = CAST('pg_rewrite' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass) \
                   AND n.nspname = $1 AND c.relname = $2 AND v.oid <> c.oid";
        let mut remade = Vec::new();
        for row in self.texts(sql, &[Some(&schema), Some(&table.name)]).await? {
            let [Some(schema), Some(name), Some(comment), Some(definition)] = row.as_slice() else {
                continue;
            };
            let view = TableName::new(Some(schema), name);
            if comment != wide::MARK {
                let message = format!("cannot replace or alter table {table}: the view {view} depends on it");
                return Err(Error::new(Code::TableChanged, message)
                    .with_hint("use mode truncate, which keeps the table, or drop the view")
                    .into());
            }
            self.execute(&format!("DROP VIEW {}", view.sql()), &[]).await?;
            let definition = definition.trim_end_matches(';');
            let mark = text_constant(wide::MARK);
            remade
                .push(format!("CREATE VIEW {0} AS {definition}; COMMENT ON VIEW {0} IS {mark}", view.sql()));
        }
        Ok(remade)
    }

    async fn is_own_view(&mut self, view: &TableName) -> Result<bool, Fault> {
        Ok(self.view_comment(view).await?.is_some_and(|comment| comment == wide::MARK))
    }

    /// Replaces the view where it only got columns at its end, which keeps grants on it; else makes it anew.
    async fn put_view(&mut self, view: &TableName, query: &str) -> Result<(), Fault> {
        let (name, mark) = (view.sql(), text_constant(wide::MARK));
        self.execute("SAVEPOINT achub_view", &[]).await?;
        if self.execute(&format!("CREATE OR REPLACE VIEW {name} AS {query}"), &[]).await.is_err() {
            self.execute("ROLLBACK TO SAVEPOINT achub_view", &[]).await?;
            self.execute(&format!("DROP VIEW IF EXISTS {name}"), &[]).await?;
            self.execute(&format!("CREATE VIEW {name} AS {query}"), &[]).await?;
        }
        self.execute(&format!("COMMENT ON VIEW {name} IS {mark}"), &[]).await?;
        Ok(())
    }

    async fn remake_view(&mut self, statement: &str) -> Result<(), Fault> {
        self.execute("SAVEPOINT achub_view", &[]).await?;
        // A view over columns that are gone is made anew by whoever asks for it, with the columns of then.
        let end = match self.execute(statement, &[]).await {
            Ok(_) => "RELEASE SAVEPOINT achub_view",
            Err(_) => "ROLLBACK TO SAVEPOINT achub_view; RELEASE SAVEPOINT achub_view",
        };
        self.execute(end, &[]).await?;
        Ok(())
    }

    /// Its rows go at the end of the transaction.
    async fn empty(&mut self, _table: &TableName) -> Result<(), Fault> {
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

fn texts(row: &PgRow) -> Result<Vec<Option<String>>, sqlx::Error> {
    (0..row.len()).map(|index| row.try_get_unchecked(index)).collect()
}

/// Cuts `count` rows into at most so many parts of about one size, the first one last.
fn parts(count: usize, parts: usize) -> Vec<(usize, usize)> {
    let size = count.div_ceil(parts.max(1)).max(1);
    let mut parts: Vec<(usize, usize)> =
        (0..count).step_by(size).map(|first| (first, count.min(first + size))).collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_row_once() {
        let cases = [
            (0, 0, vec![]),
            (10, 1, vec![(0, 10)]),
            (10, 3, vec![(8, 10), (4, 8), (0, 4)]),
            (2, 5, vec![(1, 2), (0, 1)]),
        ];
        for (count, wanted, expected) in cases {
            assert_eq!(parts(count, wanted), expected, "{count} rows in {wanted} parts");
        }
    }
}
