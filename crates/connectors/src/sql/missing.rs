//! `_achub_missing`: rows that one complete read did not show, until a second one does or does not.

use achub_core::{FieldType, ReplicationName, RunId};

use crate::sql::{Fault, Session, TableName, TablePlan, quote::text_constant, session::number};

/// The table's name in the state schema.
pub(crate) const TABLE: &str = "_achub_missing";

/// Makes the table where it is missing.
pub(crate) async fn create<S: Session>(session: &mut S, place: &TableName) -> Result<(), Fault> {
    let (text, timestamp) = (S::type_sql(FieldType::Text), S::type_sql(FieldType::Timestamp));
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (replication {text} NOT NULL, \"table\" {text} NOT NULL, \
         \"key\" {text} NOT NULL, run {text} NOT NULL, seen_at {timestamp} NOT NULL)",
        place.sql()
    );
    session.execute(&sql, &[]).await?;
    Ok(())
}

/// The sightings of one table by one replication. A key is its text, as rows that are put aside spell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sightings<'a> {
    /// Where they are written down.
    pub(crate) place: &'a TableName,
    pub(crate) replication: &'a ReplicationName,
    pub(crate) plan: &'a TablePlan,
}

impl Sightings<'_> {
    /// Whether there are any.
    pub(crate) async fn are_any<S: Session>(self, session: &mut S) -> Result<bool, Fault> {
        let sql = format!("SELECT '1' FROM {} WHERE {} LIMIT 1", self.place.sql(), self.these());
        Ok(!session.texts(&sql, &[]).await?.is_empty())
    }

    /// Forgets rows that are shown again: those in the staging table.
    pub(crate) async fn forget_shown<S: Session>(self, session: &mut S) -> Result<(), Fault> {
        let (staging, shown) = (self.plan.staging.sql(), self.plan.staged_key_text());
        self.forget(session, &format!("\"key\" IN (SELECT {shown} FROM {staging} AS s)")).await
    }

    /// Forgets all rows of the table.
    pub(crate) async fn forget_all<S: Session>(self, session: &mut S) -> Result<(), Fault> {
        self.forget(session, "1 = 1").await
    }

    /// Forgets all rows but those of `absent`, a table with the one column `k`.
    pub(crate) async fn forget_others<S: Session>(
        self,
        session: &mut S,
        absent: &TableName,
    ) -> Result<(), Fault> {
        self.forget(session, &format!("NOT EXISTS (SELECT 1 FROM {} WHERE k = \"key\")", absent.sql())).await
    }

    /// Forgets the rows that another run than this one has missed.
    pub(crate) async fn forget_confirmed<S: Session>(
        self,
        session: &mut S,
        run: &RunId,
    ) -> Result<(), Fault> {
        self.forget(session, &format!("run <> {}", text_constant(run.as_str()))).await
    }

    /// Writes down the rows of `absent` that are missed for the first time.
    pub(crate) async fn note<S: Session>(
        self,
        session: &mut S,
        absent: &TableName,
        run: &RunId,
    ) -> Result<(), Fault> {
        let [replication, table, run] =
            [self.replication.as_str(), &self.plan.table.to_string(), run.as_str()].map(text_constant);
        let sql = format!(
            "INSERT INTO {0} (replication, \"table\", \"key\", run, seen_at) \
             SELECT {replication}, {table}, k, {run}, {now} FROM {absent} \
             WHERE NOT EXISTS (SELECT 1 FROM {0} WHERE {these} AND \"key\" = k)",
            self.place.sql(),
            now = S::now_sql(),
            absent = absent.sql(),
            these = self.these(),
        );
        session.execute(&sql, &[]).await?;
        Ok(())
    }

    /// The keys that another run than this one has missed, as a query with one column.
    pub(crate) fn confirmed(self, run: &RunId) -> String {
        let run = text_constant(run.as_str());
        format!("SELECT \"key\" FROM {} WHERE {} AND run <> {run}", self.place.sql(), self.these())
    }

    /// How many keys another run than this one has missed.
    pub(crate) async fn count_confirmed<S: Session>(
        self,
        session: &mut S,
        run: &RunId,
    ) -> Result<u64, Fault> {
        let sql = format!("SELECT CAST(count(*) AS text) FROM ({}) AS x", self.confirmed(run));
        number(session, &sql).await
    }

    async fn forget<S: Session>(self, session: &mut S, which: &str) -> Result<(), Fault> {
        let sql = format!("DELETE FROM {} WHERE {} AND {which}", self.place.sql(), self.these());
        session.execute(&sql, &[]).await?;
        Ok(())
    }

    fn these(self) -> String {
        format!(
            "replication = {} AND \"table\" = {}",
            text_constant(self.replication.as_str()),
            text_constant(&self.plan.table.to_string())
        )
    }
}
