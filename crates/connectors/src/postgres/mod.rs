//! PostgreSQL: rows go in as binary arrays and are merged set by set.

mod arrays;
mod error;
mod load;
mod session;
mod settings;
mod types;

use std::collections::HashMap;

use achub_core::{
    Error, FieldType, ReplicationName,
    port::target::{Checkpoints, Difference, Load, LoadSpec, TableLoad, Tally, Target, TargetInfo, WideView},
};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::PgConnectOptions;

pub use crate::postgres::settings::PostgresSettings;
use crate::{
    postgres::{
        load::PostgresLoad,
        session::{PostgresSession, VIEW_MARK},
    },
    sql::{
        Fault, Session, evolution, newest, quote,
        session::{begin, end, rollback},
        state, tally, wide,
    },
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "postgres", role: crate::Role::Target };

/// A PostgreSQL database. Every load has a connection of its own, so that several can be under way.
pub struct PostgresTarget {
    options: PgConnectOptions,
    default_schema: String,
    role: Option<String>,
}

impl PostgresTarget {
    /// Connects once, to know that it works.
    ///
    /// Errors: `CF-103` (settings not understood), `DB-101` (not reached), `DB-102` (user, password or database refused).
    pub async fn connect(settings: &PostgresSettings) -> Result<PostgresTarget, Error> {
        let (options, default_schema) = settings.resolve()?;
        let options = options.application_name("achub");
        let target = PostgresTarget { options, default_schema, role: settings.role.clone() };
        target.session().await?;
        Ok(target)
    }

    async fn session(&self) -> Result<PostgresSession, Error> {
        PostgresSession::connect(&self.options, &self.default_schema, self.role.as_deref()).await
    }
}

#[async_trait]
impl Target for PostgresTarget {
    fn info(&self) -> TargetInfo {
        let database = self.options.get_database().unwrap_or_else(|| self.options.get_username());
        TargetInfo {
            kind: "postgres",
            place: format!("{}:{}/{database}", self.options.get_host(), self.options.get_port()),
            default_schema: Some(self.default_schema.clone()),
        }
    }

    async fn check(&self) -> Result<(), Error> {
        let mut session = self.session().await?;
        begin(&mut session).await?;
        let tried = try_table(&mut session).await;
        rollback(&mut session).await?;
        Ok(tried?)
    }

    async fn checkpoints(
        &self,
        schema: Option<&str>,
        replication: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        let mut session = self.session().await?;
        let table = session.own_place(schema, state::TABLE);
        Ok(state::checkpoints(&mut session, &table, replication).await?)
    }

    async fn newest(
        &self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        let mut session = self.session().await?;
        let table = session.own_place(schema, table);
        Ok(newest::newest(&mut session, &table, column).await?)
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        // Whoever finds a walk taken is shown this name.
        let options = self.options.clone().application_name(&format!("achub {}", spec.run));
        let session = PostgresSession::connect(&options, &self.default_schema, self.role.as_deref()).await?;
        Ok(Box::new(PostgresLoad::begin(session, spec).await?))
    }

    async fn wide_view(&self, view: &WideView) -> Result<bool, Error> {
        let mut session = self.session().await?;
        begin(&mut session).await?;
        let made = make_view(&mut session, view).await;
        end(&mut session, made).await?;
        Ok(true)
    }

    async fn tally(&self, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        let mut session = self.session().await?;
        let table = session.own_place(tally.schema.as_deref(), &tally.table);
        Ok(tally::tally(&mut session, &table, tally).await?)
    }

    async fn differences(&self, loads: &[TableLoad]) -> Result<Vec<Difference>, Error> {
        let mut session = self.session().await?;
        Ok(evolution::differences(&mut session, loads).await?)
    }

    fn keeps(&self, _ty: FieldType) -> bool {
        true
    }
}

/// Makes a table and writes to it.
async fn try_table(session: &mut PostgresSession) -> Result<(), Fault> {
    let probe = session.own_place(None, "_achub_check");
    session.make_schema(&probe).await?;
    session.execute(&format!("CREATE TABLE {} (n integer)", probe.sql()), &[]).await?;
    session.execute(&format!("INSERT INTO {} (n) VALUES (1)", probe.sql()), &[]).await?;
    Ok(())
}

/// Replaces the view where it only got columns at its end, which keeps grants on it; else makes it anew.
async fn make_view(session: &mut PostgresSession, view: &WideView) -> Result<(), Fault> {
    let base = session.place(&view.base);
    let name = base.beside(&view.name);
    let comment = session.view_comment(&name).await?;
    let is_taken = match &comment {
        Some(comment) => comment != VIEW_MARK,
        None => session.shape(&name).await?.is_some(),
    };
    if is_taken {
        return Err(wide::in_the_way(&name).into());
    }
    let query = wide::query_with(view, &base, &session.place(&view.values), "json_object_agg");
    session.execute("SAVEPOINT achub_view", &[]).await?;
    let replaced = session.execute(&format!("CREATE OR REPLACE VIEW {} AS {query}", name.sql()), &[]).await;
    if replaced.is_err() {
        session.execute("ROLLBACK TO SAVEPOINT achub_view", &[]).await?;
        session.execute(&format!("DROP VIEW IF EXISTS {}", name.sql()), &[]).await?;
        session.execute(&format!("CREATE VIEW {} AS {query}", name.sql()), &[]).await?;
    }
    session
        .execute(&format!("COMMENT ON VIEW {} IS {}", name.sql(), quote::text_constant(VIEW_MARK)), &[])
        .await?;
    Ok(())
}
