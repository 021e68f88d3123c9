//! PostgreSQL: rows go in as binary arrays and are merged set by set.

mod arrays;
mod error;
mod session;
mod settings;
mod types;

use achub_core::{
    Error, FieldType,
    port::target::{LoadSpec, TargetInfo},
};
use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;

pub use crate::postgres::settings::PostgresSettings;
use crate::{
    postgres::session::PostgresSession,
    sql::{
        database::{Database, DatabaseTarget},
        holder::Own,
    },
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "postgres", role: crate::Role::Target };

/// A PostgreSQL database as a target. Every load has a connection of its own, so that several can be under way.
pub type PostgresTarget = DatabaseTarget<PostgresDatabase>;

/// A PostgreSQL database.
pub struct PostgresDatabase {
    options: PgConnectOptions,
    default_schema: String,
    role: Option<String>,
}

impl DatabaseTarget<PostgresDatabase> {
    /// Connects once, to know that it works.
    ///
    /// Errors: `CF-103` (settings not understood), `DB-101` (not reached), `DB-102` (user, password or database refused).
    pub async fn connect(settings: &PostgresSettings) -> Result<PostgresTarget, Error> {
        let (options, default_schema) = settings.resolve()?;
        let options = options.application_name("achub");
        let database = PostgresDatabase { options, default_schema, role: settings.role.clone() };
        database.session(&database.options).await?;
        Ok(DatabaseTarget { database })
    }
}

impl PostgresDatabase {
    async fn session(&self, options: &PgConnectOptions) -> Result<PostgresSession, Error> {
        PostgresSession::connect(options, &self.default_schema, self.role.as_deref()).await
    }
}

#[async_trait]
impl Database for PostgresDatabase {
    type Holder = Own<PostgresSession>;
    type Lock = ();

    fn info(&self) -> TargetInfo {
        let database = self.options.get_database().unwrap_or_else(|| self.options.get_username());
        TargetInfo {
            kind: "postgres",
            place: format!("{}:{}/{database}", self.options.get_host(), self.options.get_port()),
            default_schema: Some(self.default_schema.clone()),
        }
    }

    fn is_there(&self) -> bool {
        true
    }

    async fn holder(&self) -> Result<Own<PostgresSession>, Error> {
        Ok(Own::new(self.session(&self.options).await?))
    }

    /// The connection holds the lock of the walk.
    async fn holder_of(&self, spec: &LoadSpec) -> Result<(Own<PostgresSession>, ()), Error> {
        // Whoever finds a walk taken is shown this name.
        let options = self.options.clone().application_name(&format!("achub {}", spec.run));
        let mut session = self.session(&options).await?;
        let schema = spec.state_schema.as_deref().unwrap_or_default();
        let key = format!("achub walk\0{schema}\0{}\0{}", spec.replication, spec.walk);
        session.lock(&format!("{} of {}", spec.walk, spec.replication), &key).await?;
        Ok((Own::new(session), ()))
    }

    async fn remove(&self) {}

    fn keeps(&self, _ty: FieldType) -> bool {
        true
    }
}
