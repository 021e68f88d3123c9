//! The project file `achub.yaml`: connections, targets, what is done between them, and when.
//!
//! Plain YAML that names secrets and never holds them. Unknown keys are errors with a suggestion; every error names file,
//! line and column. Reading it needs no network.

mod ends;
mod jobs;
mod schedules;
mod secrets;

use std::path::{Path, PathBuf};

use achub_core::{Code, Error};

use crate::config::{
    environment::Environment,
    home::Home,
    keys::{Keys, Origin},
    nearest::advice,
    yaml::{Entry, Kind, Node, parse},
};

pub use jobs::{Import, Replication};
pub use schedules::Scheduled;
pub use secrets::Secrets;

/// The name that is looked for, in the working folder and all folders above it.
pub const FILE: &str = "achub.yaml";

const ROOT: &[&str] = &["version", "store", "connections", "targets", "replications", "imports", "schedules"];
/// The only version there is.
const VERSION: &str = "1";

/// A project file that was read and whose names all lead somewhere.
#[derive(Debug)]
pub struct Project {
    /// The file.
    pub path: PathBuf,
    /// For messages.
    pub origin: Origin,
    /// Where the hub keeps its own state and its people, where the file says so: a URL.
    pub store: Option<String>,
    /// Accounts and targets as entries of `env.yaml`, secrets filled in.
    pub connections: Vec<Entry>,
    /// What is replicated.
    pub replications: Vec<Replication>,
    /// What is imported.
    pub imports: Vec<Import>,
    /// When.
    pub schedules: Vec<Scheduled>,
}

/// Finds the file: the one that was named, else the nearest one above `folder`. `None` where there is none.
///
/// Errors: `CF-104` where the named one does not exist.
pub fn find(
    named: Option<&Path>,
    environment: &Environment,
    folder: &Path,
) -> Result<Option<PathBuf>, Error> {
    let named = named.map(Path::to_owned).or_else(|| environment.filled("ACHUB_PROJECT").map(PathBuf::from));
    if let Some(path) = named {
        return match path.is_file() {
            true => Ok(Some(path)),
            false => Err(Error::new(Code::BadFile, format!("there is no project file {}", path.display()))
                .with_hint("`achub init` writes one")),
        };
    }
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    Ok(folder.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file()))
}

impl Project {
    /// Reads the file at `path`.
    ///
    /// Errors: `CF-104` with the place.
    pub fn load(path: &Path, environment: &Environment, home: &Home) -> Result<Project, Error> {
        let text = std::fs::read_to_string(path).map_err(|cause| {
            Error::new(Code::BadFile, format!("cannot read {}", path.display())).with_source(cause)
        })?;
        Project::read(path, &text, &Secrets::new(environment, &home.state))
    }

    /// Reads the text of a project file.
    pub fn read(path: &Path, text: &str, secrets: &Secrets<'_>) -> Result<Project, Error> {
        let origin = Origin::new(path.display().to_string());
        let root = parse(text).map_err(|mistake| origin.mistake(mistake))?;
        let keys = Keys::of(&origin, Code::BadFile, "the file", &root, ROOT)?;
        let version = keys.needed("version").map_err(|error| error.with_hint("begin with `version: 1`"))?;
        if version != VERSION {
            return Err(keys
                .error_at("version", format!("must be {VERSION}, got {version:?}"))
                .with_hint("a newer program wrote this file; use that one"));
        }
        let store = match keys.get("store") {
            Some(node) => Some(store(&origin, &secrets.resolve(&origin, node)?)?),
            None => None,
        };
        let mut connections = Vec::new();
        for entry in section(&keys, "connections")? {
            connections.push(ends::account(&origin, &resolved(secrets, &origin, entry)?)?);
        }
        for entry in section(&keys, "targets")? {
            if let Some(twin) = connections.iter().find(|known| known.key.eq_ignore_ascii_case(&entry.key)) {
                let what =
                    format!("targets.{} has the name of a connection in line {}", entry.key, twin.place.line);
                return Err(origin.error(Code::BadFile, entry.place, what));
            }
            connections.push(ends::target(&origin, &resolved(secrets, &origin, entry)?)?);
        }
        let replications: Result<Vec<Replication>, Error> =
            section(&keys, "replications")?.iter().map(|entry| Replication::read(&origin, entry)).collect();
        let imports: Result<Vec<Import>, Error> =
            section(&keys, "imports")?.iter().map(|entry| Import::read(&origin, entry)).collect();
        let (replications, imports) = (replications?, imports?);
        let jobs: Vec<String> = (replications.iter().map(|one| format!("replications.{}", one.name)))
            .chain(imports.iter().map(|one| format!("imports.{}", one.name)))
            .collect();
        let schedules: Result<Vec<Scheduled>, Error> =
            section(&keys, "schedules")?.iter().map(|entry| Scheduled::read(&origin, entry, &jobs)).collect();
        Ok(Project {
            path: path.to_owned(),
            store,
            connections,
            replications,
            imports,
            schedules: schedules?,
            origin,
        })
    }

    /// The replication of this name. Errors: `CF-104` with the nearest name.
    pub fn replication(&self, name: &str) -> Result<&Replication, Error> {
        let found = self.replications.iter().find(|one| one.name == name);
        let names = self.replications.iter().map(|one| one.name.as_str());
        found.ok_or_else(|| self.nowhere("replication", name, names))
    }

    /// The import of this name. Errors: `CF-104` with the nearest name.
    pub fn import(&self, name: &str) -> Result<&Import, Error> {
        let found = self.imports.iter().find(|one| one.name == name);
        let names = self.imports.iter().map(|one| one.name.as_str());
        found.ok_or_else(|| self.nowhere("import", name, names))
    }

    fn nowhere<'a>(&self, what: &str, name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Error {
        Error::new(Code::BadFile, format!("{} has no {what} {name}", self.path.display()))
            .with_hint(advice(name, names))
    }
}

fn section<'a>(keys: &Keys<'a>, key: &str) -> Result<&'a [Entry], Error> {
    let Some(node) = keys.get(key) else { return Ok(&[]) };
    node.entries().ok_or_else(|| keys.error_at(key, format!("must be a map, got {}", node.describe())))
}

fn resolved(secrets: &Secrets<'_>, origin: &Origin, entry: &Entry) -> Result<Entry, Error> {
    Ok(Entry { value: secrets.resolve(origin, &entry.value)?, ..entry.clone() })
}

/// Where the hub keeps its own: a URL, or a map with `postgres` or `sqlite`.
fn store(origin: &Origin, node: &Node) -> Result<String, Error> {
    if let (Kind::Scalar(_), Some(text)) = (&node.kind, node.text()) {
        return match text.split_once("://") {
            Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(text.to_owned()),
            _ => Err(origin.error(
                Code::BadFile,
                node.place,
                "`store` must be sqlite://FILE or a postgres:// URL",
            )),
        };
    }
    let keys = Keys::of(origin, Code::BadFile, "store", node, &["postgres", "sqlite"])?;
    match (keys.text("postgres")?, keys.text("sqlite")?) {
        (Some(url), None) => Ok(url.to_owned()),
        (None, Some(path)) => Ok(format!("sqlite://{path}")),
        _ => Err(keys.error(node.place, "needs one of postgres, sqlite")),
    }
}
