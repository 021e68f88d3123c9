//! Runs and facts.

use achub_core::{
    AccountName, Error, ReplicationName, RunId,
    port::state::{Fact, RunRecord, StateStore},
};
use async_trait::async_trait;

use super::{SqliteStore, broken};
use crate::stored::{nanoseconds, status_of, status_word, timestamp};

const PUT_RUN: &str = "
    INSERT INTO run (id, replication, started_at_ns, finished_at_ns, status, summary)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (id) DO UPDATE
       SET replication = excluded.replication, started_at_ns = excluded.started_at_ns,
           finished_at_ns = excluded.finished_at_ns, status = excluded.status, summary = excluded.summary";

const RUNS: &str = "
    SELECT id, replication, started_at_ns, finished_at_ns, status, summary
      FROM run ORDER BY started_at_ns DESC, id DESC LIMIT ?1";

const RUNS_OF_REPLICATION: &str = "
    SELECT id, replication, started_at_ns, finished_at_ns, status, summary
      FROM run WHERE replication = ?2 ORDER BY started_at_ns DESC, id DESC LIMIT ?1";

const PUT_FACT: &str = "
    INSERT INTO account_fact (account, name, value, found_at_ns) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (account, name) DO UPDATE SET value = excluded.value, found_at_ns = excluded.found_at_ns";

const FACT: &str = "SELECT value, found_at_ns FROM account_fact WHERE account = ?1 AND name = ?2";

/// Id, replication, start, end, status and summary, as the two statements above name them.
type RunRow = (String, String, i64, Option<i64>, String, String);

#[async_trait]
impl StateStore for SqliteStore {
    async fn put_run(&self, run: &RunRecord) -> Result<(), Error> {
        sqlx::query(PUT_RUN)
            .bind(run.id.as_str())
            .bind(run.replication.as_str())
            .bind(nanoseconds(run.started_at)?)
            .bind(run.finished_at.map(nanoseconds).transpose()?)
            .bind(status_word(run.status))
            .bind(run.summary.to_string())
            .execute(&self.durable)
            .await
            .map_err(|cause| self.broken("remember a run", cause))?;
        Ok(())
    }

    async fn runs(&self, replication: Option<&ReplicationName>, count: u32) -> Result<Vec<RunRecord>, Error> {
        let query = match replication {
            None => sqlx::query_as::<_, RunRow>(RUNS).bind(count),
            Some(name) => sqlx::query_as(RUNS_OF_REPLICATION).bind(count).bind(name.as_str()),
        };
        let rows =
            query.fetch_all(&self.durable).await.map_err(|cause| self.broken("read the last runs", cause))?;
        rows.into_iter().map(|row| self.run(row)).collect()
    }

    async fn put_fact(&self, account: &AccountName, name: &str, fact: &Fact) -> Result<(), Error> {
        sqlx::query(PUT_FACT)
            .bind(account.as_str())
            .bind(name)
            .bind(fact.value.to_string())
            .bind(nanoseconds(fact.found_at)?)
            .execute(&self.durable)
            .await
            .map_err(|cause| self.broken("remember a fact about an account", cause))?;
        Ok(())
    }

    async fn fact(&self, account: &AccountName, name: &str) -> Result<Option<Fact>, Error> {
        let row: Option<(String, i64)> = sqlx::query_as(FACT)
            .bind(account.as_str())
            .bind(name)
            .fetch_optional(&self.durable)
            .await
            .map_err(|cause| self.broken("read a fact about an account", cause))?;
        row.map(|(value, found_at_ns)| {
            Ok(Fact { value: self.json(&value)?, found_at: timestamp(found_at_ns) })
        })
        .transpose()
    }
}

impl SqliteStore {
    fn run(&self, row: RunRow) -> Result<RunRecord, Error> {
        let (id, replication, started_at_ns, finished_at_ns, word, summary) = row;
        let status = status_of(&word).map_err(|cause| self.unreadable(cause))?;
        Ok(RunRecord {
            id: RunId::new(id),
            replication: ReplicationName::new(replication),
            started_at: timestamp(started_at_ns),
            finished_at: finished_at_ns.map(timestamp),
            status,
            summary: self.json(&summary)?,
        })
    }

    fn json(&self, text: &str) -> Result<serde_json::Value, Error> {
        serde_json::from_str(text).map_err(|cause| self.unreadable(cause))
    }

    /// The failure of something found in the file that this program never puts there.
    pub(super) fn unreadable(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        broken(&self.path, "understand the state", cause)
    }
}
