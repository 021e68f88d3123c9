//! Logs of runs and notes about their records.

use achub_core::{
    Error, Outcome, RunId, StreamName,
    port::journal::{JournalStore, LogLine, RowFilter, RowNote},
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{PostgresStore, text};
use crate::stored::{level_of, nanoseconds, timestamp};

const APPEND_LOG: &str =
    "INSERT INTO run_log (run, at_ns, level, stream, message) VALUES ($1, $2, $3, $4, $5)";

const LOG: &str = "
    SELECT at_ns, level, stream, message
      FROM (SELECT * FROM run_log WHERE run = $1 ORDER BY line DESC LIMIT $2) AS newest ORDER BY line";

const APPEND_ROW: &str = "
    INSERT INTO run_row (run, stream, record_key, outcome, column_name, reason) VALUES ($1, $2, $3, $4, $5, $6)";

const ROWS: &str = "
    SELECT stream, record_key, outcome, column_name, reason FROM run_row
     WHERE run = $1 AND (CAST($2 AS TEXT) IS NULL OR stream = $2) AND (CAST($3 AS TEXT) IS NULL OR outcome = $3)
     ORDER BY number LIMIT $4";

const COUNT_ROWS: &str = "
    SELECT count(*) FROM run_row
     WHERE run = $1 AND (CAST($2 AS TEXT) IS NULL OR stream = $2) AND (CAST($3 AS TEXT) IS NULL OR outcome = $3)";

const FORGET: [&str; 2] = [
    "DELETE FROM run_log WHERE run IN (SELECT id FROM run WHERE started_at_ns < $1)",
    "DELETE FROM run_row WHERE run IN (SELECT id FROM run WHERE started_at_ns < $1)",
];

/// Stream, key, outcome, column and reason.
type NoteRow = (String, String, String, String, String);

#[async_trait]
impl JournalStore for PostgresStore {
    async fn append_log(&self, run: &RunId, lines: &[LogLine]) -> Result<(), Error> {
        let failed = |cause| self.broken("write the log of a run", cause);
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        for line in lines {
            sqlx::query(APPEND_LOG)
                .bind(run.as_str())
                .bind(nanoseconds(line.at)?)
                .bind(line.level.word())
                .bind(line.stream.as_ref().map(StreamName::as_str))
                .bind(text::stored(&line.message))
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn log(&self, run: &RunId, count: u32) -> Result<Vec<LogLine>, Error> {
        let rows: Vec<(i64, String, Option<String>, String)> = sqlx::query_as(LOG)
            .bind(run.as_str())
            .bind(i64::from(count))
            .fetch_all(&self.pool)
            .await
            .map_err(|cause| self.broken("read the log of a run", cause))?;
        let line = |(at_ns, level, stream, message): (i64, String, Option<String>, String)| {
            let level = level_of(&level).map_err(|cause| self.unreadable(cause))?;
            Ok(LogLine {
                at: timestamp(at_ns),
                level,
                stream: stream.map(StreamName::new),
                message: text::read(message),
            })
        };
        rows.into_iter().map(line).collect()
    }

    async fn append_rows(&self, run: &RunId, rows: &[RowNote]) -> Result<(), Error> {
        let failed = |cause| self.broken("write notes about records", cause);
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        for row in rows {
            sqlx::query(APPEND_ROW)
                .bind(run.as_str())
                .bind(row.stream.as_str())
                .bind(text::stored(&row.key))
                .bind(row.outcome.word())
                .bind(text::stored(&row.column))
                .bind(text::stored(&row.reason))
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn rows(&self, run: &RunId, filter: &RowFilter, count: u32) -> Result<(Vec<RowNote>, u64), Error> {
        let failed = |cause| self.broken("read notes about records", cause);
        let stream = filter.stream.as_ref().map(StreamName::as_str);
        let outcome = filter.outcome.map(Outcome::word);
        let rows: Vec<NoteRow> = sqlx::query_as(ROWS)
            .bind(run.as_str())
            .bind(stream)
            .bind(outcome)
            .bind(i64::from(count))
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        let all: i64 = sqlx::query_scalar(COUNT_ROWS)
            .bind(run.as_str())
            .bind(stream)
            .bind(outcome)
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        let notes: Result<Vec<RowNote>, Error> = rows.into_iter().map(|row| self.note(row)).collect();
        Ok((notes?, u64::try_from(all).unwrap_or(0)))
    }

    async fn forget_before(&self, moment: Timestamp) -> Result<(), Error> {
        let failed = |cause| self.broken("forget old logs", cause);
        let before = nanoseconds(moment)?;
        for statement in FORGET {
            sqlx::query(statement).bind(before).execute(&self.pool).await.map_err(failed)?;
        }
        Ok(())
    }
}

impl PostgresStore {
    fn note(&self, (stream, key, outcome, column, reason): NoteRow) -> Result<RowNote, Error> {
        let outcome = Outcome::find(&outcome)
            .ok_or_else(|| self.unreadable(format!("no outcome is called {outcome:?}")))?;
        let [key, column, reason] = [key, column, reason].map(text::read);
        Ok(RowNote { stream: StreamName::new(stream), key, outcome, column, reason })
    }
}
