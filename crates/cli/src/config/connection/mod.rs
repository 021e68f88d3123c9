//! What a connection can be, one file per type.

mod activecampaign;
mod duckdb;
mod endpoint_rules;
mod folder;
mod pauses;
mod postgres;
mod shape;
mod sqlite;

use achub_core::{Code, Error};

use crate::config::{keys::Origin, nearest::nearest, yaml::Node};

pub use activecampaign::{ActiveCampaign, Rate, moment};
pub use duckdb::Duckdb;
pub use endpoint_rules::action_word;
pub use folder::{Folder, Format};
pub use pauses::written as backoff_written;
pub use postgres::Postgres;
pub use shape::{Shape, shape};
pub use sqlite::Sqlite;

/// One configured way to an outside system.
#[derive(Debug, Clone)]
pub enum Connection {
    /// An ActiveCampaign account.
    ActiveCampaign(ActiveCampaign),
    /// A PostgreSQL database.
    Postgres(Postgres),
    /// An SQLite file.
    Sqlite(Sqlite),
    /// A DuckDB file.
    Duckdb(Duckdb),
    /// A folder of files.
    Folder(Folder),
}

/// The types of connections, as the key `type` names them, and the words for them.
const TYPES: &[&str] = &["api", "postgres", "postgresql", "sqlite", "duckdb", "file"];

impl Connection {
    /// Reads the entry called `name`.
    ///
    /// Input: a map with `type` or `url`, or a text in one of the shapes of a variable.
    /// Errors: `CF-103` with the place, `CF-105` for types that come later.
    pub fn read(origin: &Origin, name: &str, node: &Node) -> Result<Connection, Error> {
        if let Some(text) = node.text() {
            return match shape(text) {
                Some(Shape::Url(url)) => Connection::of_url(origin, name, &Node::made(url, node.place)),
                Some(Shape::Map(map)) => Connection::of_map(
                    origin,
                    name,
                    &map.map_err(|mistake| {
                        origin.error(
                            Code::BadConnection,
                            node.place,
                            format!("connection {name}: {}", mistake.what),
                        )
                    })?,
                ),
                None => Err(origin
                    .error(Code::BadConnection, node.place, format!("connection {name} is not understood"))
                    .with_hint("a connection is a map with `type`, or a URL such as postgres://…")),
            };
        }
        Connection::of_map(origin, name, node)
    }

    fn of_map(origin: &Origin, name: &str, node: &Node) -> Result<Connection, Error> {
        let error = |what: String| {
            origin.error(Code::BadConnection, node.place, format!("connection {name}: {what}"))
        };
        if node.entries().is_none() {
            return Err(error(format!("must be a map, got {}", node.describe())));
        }
        let scheme = node.get("url").and_then(Node::text).and_then(|url| url.split_once(':')).map(|(s, _)| s);
        let Some(ty) = node.get("type").and_then(Node::text).or(scheme) else {
            let hint = "add `type: api` for ActiveCampaign, else postgres, sqlite, duckdb or file";
            return Err(error("`type` is missing".to_owned()).with_hint(hint));
        };
        let what = format!("connection {name}");
        match ty.to_ascii_lowercase().as_str() {
            "api" => ActiveCampaign::read(origin, what, node).map(Connection::ActiveCampaign),
            "postgres" | "postgresql" => Postgres::read(origin, what, node).map(Connection::Postgres),
            "sqlite" => Sqlite::read(origin, what, node).map(Connection::Sqlite),
            "duckdb" => Duckdb::read(origin, what, node).map(Connection::Duckdb),
            "file" => Folder::read(origin, what, node).map(Connection::Folder),
            _ => Err(match nearest(ty, TYPES.iter().copied()) {
                Some(near) => {
                    error(format!("unknown type {ty:?}")).with_hint(format!("did you mean {near:?}"))
                }
                None => error(format!("type {ty:?} is not one of ours"))
                    .with_hint("types: api (ActiveCampaign), postgres, sqlite, duckdb, file"),
            }),
        }
    }

    /// Reads a URL: `postgres://…`, `sqlite://FILE`, `duckdb://FILE`, `file://FOLDER`.
    pub fn of_url(origin: &Origin, name: &str, url: &Node) -> Result<Connection, Error> {
        let map = Node {
            place: url.place,
            kind: crate::config::yaml::Kind::Map(vec![crate::config::yaml::Entry {
                key: "url".to_owned(),
                place: url.place,
                value: url.clone(),
            }]),
        };
        Connection::of_map(origin, name, &map)
    }

    /// The word for its type in lists.
    pub fn type_name(&self) -> &'static str {
        match self {
            Connection::ActiveCampaign(_) => "activecampaign",
            Connection::Postgres(_) => "postgres",
            Connection::Sqlite(_) => "sqlite",
            Connection::Duckdb(_) => "duckdb",
            Connection::Folder(_) => "file",
        }
    }

    /// What it leads to, without secrets.
    pub fn place(&self) -> String {
        match self {
            Connection::ActiveCampaign(account) => account.base_url.clone(),
            Connection::Postgres(postgres) => postgres.place.clone(),
            Connection::Sqlite(sqlite) => sqlite.path.display().to_string(),
            Connection::Duckdb(duckdb) => duckdb.path.display().to_string(),
            Connection::Folder(folder) => folder.path.display().to_string(),
        }
    }

    /// What the replication file's templates call its type and kind: `postgres`, `database`.
    pub fn type_and_kind(&self) -> (&'static str, &'static str) {
        match self {
            Connection::ActiveCampaign(_) => ("api", "api"),
            Connection::Postgres(_) => ("postgres", "database"),
            Connection::Sqlite(_) => ("sqlite", "database"),
            Connection::Duckdb(_) => ("duckdb", "database"),
            Connection::Folder(_) => ("file", "file"),
        }
    }
}
