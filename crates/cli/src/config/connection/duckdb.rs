//! A DuckDB file.

use std::path::PathBuf;

use achub_core::{Code, Error};

use crate::config::{
    connection::sqlite::path,
    keys::{Keys, Origin},
    yaml::Node,
};

const ENTRY: &[&str] = &["type", "path", "url", "library"];

/// A database in one file, and the library that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duckdb {
    /// The file; relative to the working folder.
    pub path: PathBuf,
    /// DuckDB's library, where the connection names it.
    pub library: Option<PathBuf>,
}

impl Duckdb {
    pub(super) fn read(origin: &Origin, what: String, node: &Node) -> Result<Duckdb, Error> {
        let keys = Keys::of(origin, Code::BadConnection, what, node, ENTRY)?;
        let (path, query) = path(&keys, "duckdb")?;
        let in_url = match query.map(|query| query.strip_prefix("library=")) {
            Some(None) => return Err(keys.error_at("url", "may only have the parameter `library`")),
            Some(in_url) => in_url,
            None => None,
        };
        let library = keys.text("library")?.or(in_url).map(PathBuf::from);
        Ok(Duckdb { path, library })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{connection::Connection, keys::Origin, yaml::parse};

    fn read(text: &str) -> Result<Connection, achub_core::Error> {
        Connection::read(&Origin::new("env.yaml"), "LAKE", &parse(text).unwrap())
    }

    #[test]
    fn file_and_library_are_read() {
        for (text, path, library) in [
            ("duckdb://lake.duckdb", "lake.duckdb", None),
            (
                "duckdb:///x/lake.duckdb?library=/opt/libduckdb.so",
                "/x/lake.duckdb",
                Some("/opt/libduckdb.so"),
            ),
            ("{type: DuckDB, path: lake.duckdb}", "lake.duckdb", None),
            ("{type: duckdb, path: x, library: lib/libduckdb.so}", "x", Some("lib/libduckdb.so")),
        ] {
            let Connection::Duckdb(duckdb) = read(text).unwrap() else { panic!("{text}") };
            assert_eq!(
                (duckdb.path.as_path(), duckdb.library.as_deref()),
                (Path::new(path), library.map(Path::new))
            );
        }
    }

    #[test]
    fn wrong_entries_are_refused() {
        for (text, what) in [
            ("{type: duckdb}", "`path` is missing"),
            ("duckdb://x?token=1", "may only have the parameter `library`"),
            ("{type: duckdb, path: x, libary: y}", "libary"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code().id(), "CF-103", "{text}");
            assert!(error.message().contains(what), "{text}\n{}", error.message());
        }
    }
}
