//! Puts the parts together: connections become clients, sources and targets.

pub mod duckdb;
mod folder;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use achub_client::{BaseUrl, Client, HttpTransport, Limits, Pace, Settings};
use achub_connectors::{
    activecampaign::ActiveCampaignSource,
    postgres::{PostgresSettings, PostgresTarget},
    sqlite::SqliteTarget,
};
use achub_core::{
    Code, Error,
    port::{clock::SystemClock, progress::Progress, target::Target},
};
use achub_engine::Hub;
use achub_store::Everything;

use crate::{
    config::{
        connection::{ActiveCampaign, Connection, Postgres, Rate},
        connections::Connections,
        environment::Environment,
        home::Home,
        keys::switch,
        project::{self, Project},
    },
    output::Output,
};

/// Everything the hub keeps.
pub type Store = Arc<dyn Everything>;

/// Where flags say configuration is.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `--home-dir`.
    pub home_dir: Option<PathBuf>,
    /// `--project`.
    pub project: Option<PathBuf>,
}

/// What every command that looks at configuration has.
pub struct Context {
    /// How to talk.
    pub output: Output,
    /// Variables.
    pub environment: Environment,
    /// Folders.
    pub home: Home,
    /// The project file, where there is one.
    pub project: Option<Project>,
    /// Connections.
    pub connections: Connections,
}

impl Context {
    /// Reads folders, files and variables. `environment` may hold more than the process has.
    pub fn read(output: Output, places: &Places, mut environment: Environment) -> Result<Context, Error> {
        let home = Home::find(places.home_dir.as_deref(), &environment)?;
        let project = project::find(places.project.as_deref(), &environment, Path::new("."))?
            .map(|path| Project::load(&path, &environment, &home))
            .transpose()?;
        let connections = Connections::find(&home, &mut environment, project.as_ref())?;
        Ok(Context { output, environment, home, project, connections })
    }

    /// Where the hub keeps its own state and its people: `ACHUB_STORE`, else what the project file says, else a file in
    /// the hub's home.
    pub fn store_address(&self) -> String {
        let set = self.environment.filled("ACHUB_STORE").map(str::to_owned);
        let written = || self.project.as_ref().and_then(|project| project.store.clone());
        set.or_else(written).unwrap_or_else(|| self.home.state_file().display().to_string())
    }

    /// Opens the hub's own state and people.
    pub async fn open_store(&self) -> Result<Store, Error> {
        achub_store::open(&self.store_address()).await
    }

    /// The target a connection leads to.
    ///
    /// Errors: `CF-103` for an account, which is a source; `CF-105` for a kind this binary does not carry; those of the
    /// target.
    pub async fn target(&self, name: &str, connection: &Connection) -> Result<Box<dyn Target>, Error> {
        let opened = target(&self.environment, connection).await;
        opened.map_err(|error| error.context(format!("connection {name}")))
    }

    /// A client of an account; says what was made of its address.
    pub fn client(
        &self,
        name: &str,
        account: &ActiveCampaign,
        store: &Store,
        progress: Arc<dyn Progress>,
    ) -> Result<Client, Error> {
        let pasted =
            BaseUrl::parse(&account.base_url).map_err(|error| error.context(format!("connection {name}")))?;
        for note in &pasted.notes {
            self.output.say(&format!("connection {name}: {note}"));
        }
        self.client_of(name, account, pasted.url, store, progress)
    }

    /// A client of an account at `base_url`.
    pub fn client_of(
        &self,
        name: &str,
        account: &ActiveCampaign,
        base_url: BaseUrl,
        store: &Store,
        progress: Arc<dyn Progress>,
    ) -> Result<Client, Error> {
        let allowed_everywhere = self.environment.granted("ACHUB_ALLOW_PRIVATE_ADDRESSES").and_then(switch);
        let allow_private_address = account.allow_private_address || allowed_everywhere == Some(true);
        base_url
            .allowed(achub_client::address::Policy::from_allow_private(allow_private_address))
            .map_err(|error| error.context(format!("connection {name}")))?;
        let settings = Settings {
            base_url,
            key: account.api_key.clone(),
            pace: pace(account.rate),
            allow_private_address,
            limits: Limits { backoff: account.backoff, ..Limits::default() },
        };
        let transport = Arc::new(HttpTransport::new(&settings)?);
        let client = Client::new(settings, transport, store.clone(), Arc::new(SystemClock), progress);
        Ok(client.with_rules(account.rules.iter().cloned()))
    }
}

fn pace(rate: Rate) -> Pace {
    match rate {
        Rate::Auto => Pace::Auto,
        Rate::AtMost(number) => Pace::AtMost(number),
        Rate::Off => Pace::Off,
    }
}

/// A source that reads through `client`.
pub fn source(client: Client, store: &Store) -> ActiveCampaignSource {
    ActiveCampaignSource::new(client, store.clone(), Arc::new(SystemClock))
}

/// How long a lease of a command holds unless it is renewed.
pub const LEASE_TERM: Duration = Duration::from_secs(30);

/// Host and process, for people who ask who holds a lease.
pub fn holder() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}:{}", std::process::id())
}

/// A hub that keeps its runs in `store`.
pub fn hub(store: &Store, progress: Arc<dyn Progress>) -> Hub {
    Hub::over(store.clone(), store.clone(), Arc::new(SystemClock), progress)
}

/// Connects to a target.
async fn target(environment: &Environment, connection: &Connection) -> Result<Box<dyn Target>, Error> {
    match connection {
        Connection::Sqlite(sqlite) => {
            SqliteTarget::open(&sqlite.path).await.map(|target| Box::new(target) as _)
        }
        Connection::Duckdb(file) => duckdb::target(environment, file),
        Connection::Postgres(postgres) => {
            PostgresTarget::connect(&postgres_settings(postgres)).await.map(|target| Box::new(target) as _)
        }
        Connection::Folder(files) => folder::target(files),
        Connection::ActiveCampaign(_) => Err(Error::new(
            Code::BadConnection,
            "an ActiveCampaign account cannot be a target of a replication",
        )
        .with_hint("name a database or a folder, for example sqlite://account.db")),
    }
}

/// What a PostgreSQL connection says, as the connector takes it.
pub fn postgres_settings(postgres: &Postgres) -> PostgresSettings {
    PostgresSettings {
        url: Some(postgres.url.clone()),
        schema: postgres.schema.clone(),
        role: postgres.role.clone(),
        ..PostgresSettings::default()
    }
}

/// The account behind a source connection.
///
/// Errors: `CF-103` for every other kind of connection.
pub fn account<'a>(name: &str, connection: &'a Connection) -> Result<&'a ActiveCampaign, Error> {
    match connection {
        Connection::ActiveCampaign(account) => Ok(account),
        other => Err(Error::new(
            Code::BadConnection,
            format!(
                "connection {name} is of type {}, a source must be an ActiveCampaign account",
                other.type_name()
            ),
        )
        .with_hint("`achub conns list` shows all connections and their types")),
    }
}
