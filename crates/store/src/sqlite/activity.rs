//! The activity log.

use achub_core::{
    Error,
    port::activity::{Activity, ActivityFilter, ActivityLine, ActivityStore, Chain},
};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::SqliteStore;
use crate::{
    activity::{
        APPENDED_AT_ONCE, CHECKED_AT_ONCE, Check, Columns, Ends, FORGOTTEN_AT_ONCE, StoredLine, Wanted,
        chained, conditions, line,
    },
    stored::nanoseconds,
};

const HEAD: &str = "SELECT head_number, head_hash FROM activity_chain WHERE id = 1";

/// Both ends, and the last line that is there: one behind the head was not written by this program.
const ENDS: &str = "
    SELECT base_number, base_hash, head_number, head_hash,
           coalesce((SELECT max(number) FROM activity), head_number) FROM activity_chain WHERE id = 1";

const APPEND: &str = "
    INSERT INTO activity (number, at_ns, kind, message, object, object_key, direction, status, connection, run, code,
                          changes, hash) ";

const LINES: &str = "
    SELECT number, at_ns, kind, message, object, object_key, direction, status, connection, run, code, changes, hash
      FROM activity WHERE ";

const SET_HEAD: &str = "UPDATE activity_chain SET head_number = $1, head_hash = $2 WHERE id = 1";

/// The last of the oldest `$2` lines that are all older than `$1`: the chain is cut there, and what comes behind a newer
/// line stays.
const LAST_BEFORE: &str = "
    SELECT number, hash
      FROM (SELECT number, hash FROM activity
             WHERE number < coalesce((SELECT min(number) FROM activity WHERE at_ns >= $1),
                                     (SELECT head_number + 1 FROM activity_chain))
             ORDER BY number LIMIT $2) AS oldest
     ORDER BY number DESC LIMIT 1";

const SET_BASE: &str = "UPDATE activity_chain SET base_number = $1, base_hash = $2 WHERE id = 1";

const FORGET: &str = "DELETE FROM activity WHERE number <= $1";

#[async_trait]
impl ActivityStore for SqliteStore {
    async fn append_activity(&self, lines: &[Activity]) -> Result<(), Error> {
        let failed = |cause| self.broken("write activity", cause);
        let mut transaction = self.durable.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        self.append_activity_in(&mut transaction, lines).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn activity(&self, filter: &ActivityFilter, count: u32) -> Result<Vec<ActivityLine>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(LINES);
        query.push("1 = 1");
        for (column, wanted) in conditions(filter)? {
            query.push(" AND ").push(column);
            match wanted {
                Wanted::Text(text) => query.push_bind(text),
                Wanted::Number(number) => query.push_bind(number),
            };
        }
        query.push(" ORDER BY number DESC LIMIT ").push_bind(i64::from(count));
        let rows: Vec<Columns> = query
            .build_query_as()
            .fetch_all(&self.readers)
            .await
            .map_err(|cause| self.broken("read activity", cause))?;
        rows.into_iter().map(|row| line(row.into()).map_err(|cause| self.unreadable(cause))).collect()
    }

    async fn forget_activity_before(&self, moment: Timestamp) -> Result<u64, Error> {
        let before = nanoseconds(moment)?;
        let mut gone = 0;
        loop {
            match self.forget_some(before).await? {
                0 => return Ok(gone),
                some => gone += some,
            }
        }
    }

    async fn check_activity(&self) -> Result<Chain, Error> {
        loop {
            let (ends, last) = self.ends().await?;
            let is_longer = last > ends.head.0;
            let base = ends.base.clone();
            let head = ends.head.0;
            let verdict = self.follow(Check::new(ends)).await?;
            // What was forgotten meanwhile looks like a break, and is none.
            if self.ends().await?.0.base != base {
                continue;
            }
            let holds = matches!(verdict, Chain::Whole(_));
            return Ok(if holds && is_longer { Chain::BrokenAt(head + 1) } else { verdict });
        }
    }
}

impl SqliteStore {
    /// Appends lines in a transaction that saves what they tell, too, and that has begun with `BEGIN IMMEDIATE`.
    pub(crate) async fn append_activity_in(
        &self,
        connection: &mut SqliteConnection,
        lines: &[Activity],
    ) -> Result<(), Error> {
        let failed = |cause| self.broken("write activity", cause);
        let head: (i64, String) = sqlx::query_as(HEAD).fetch_one(&mut *connection).await.map_err(failed)?;
        let chained = chained(&head, lines)?;
        let Some((number, hash)) = chained.last().map(|last| (last.number, last.hash.clone())) else {
            return Ok(());
        };
        let mut rest = chained.into_iter();
        loop {
            let some: Vec<StoredLine> = rest.by_ref().take(APPENDED_AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            append(connection, some).await.map_err(failed)?;
        }
        sqlx::query(SET_HEAD).bind(number).bind(hash).execute(connection).await.map(drop).map_err(failed)
    }

    /// Forgets some of the lines before a moment, and tells how many: others wait to write meanwhile.
    async fn forget_some(&self, before: i64) -> Result<u64, Error> {
        let failed = |cause| self.broken("forget old activity", cause);
        let mut transaction = self.durable.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        sqlx::query(HEAD).execute(&mut *transaction).await.map_err(failed)?;
        let last = sqlx::query_as(LAST_BEFORE).bind(before).bind(FORGOTTEN_AT_ONCE);
        let last: Option<(i64, String)> = last.fetch_optional(&mut *transaction).await.map_err(failed)?;
        let Some((number, hash)) = last else { return Ok(0) };
        sqlx::query(SET_BASE).bind(number).bind(hash).execute(&mut *transaction).await.map_err(failed)?;
        let gone = sqlx::query(FORGET).bind(number).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(gone.rows_affected())
    }

    async fn ends(&self) -> Result<(Ends, i64), Error> {
        let row: (i64, String, i64, String, i64) = sqlx::query_as(ENDS)
            .fetch_one(&self.readers)
            .await
            .map_err(|cause| self.broken("check activity", cause))?;
        Ok((Ends { base: (row.0, row.1), head: (row.2, row.3) }, row.4))
    }

    async fn follow(&self, mut check: Check) -> Result<Chain, Error> {
        loop {
            let mut query = QueryBuilder::<Sqlite>::new(LINES);
            query.push("number > ").push_bind(check.after()).push(" ORDER BY number LIMIT ");
            let rows: Vec<Columns> = query
                .push_bind(i64::try_from(CHECKED_AT_ONCE).expect("a thousand fits"))
                .build_query_as()
                .fetch_all(&self.readers)
                .await
                .map_err(|cause| self.broken("check activity", cause))?;

            let lines: Vec<StoredLine> = rows.into_iter().map(StoredLine::from).collect();
            if let Some(verdict) = check.next(&lines) {
                return Ok(verdict);
            }
        }
    }
}

async fn append(connection: &mut SqliteConnection, lines: Vec<StoredLine>) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<Sqlite>::new(APPEND);
    query.push_values(lines, |mut row, line| {
        row.push_bind(line.number).push_bind(line.at_ns).push_bind(line.kind);
        row.push_bind(line.message).push_bind(line.object).push_bind(line.key);
        row.push_bind(line.direction).push_bind(line.status).push_bind(line.connection).push_bind(line.run);
        row.push_bind(line.code).push_bind(line.changes).push_bind(line.hash);
    });
    query.build().persistent(false).execute(connection).await.map(drop)
}
