//! An SQLite file.

use std::path::PathBuf;

use achub_core::{Code, Error};

use crate::config::{
    keys::{Keys, Origin},
    yaml::Node,
};

/// A database in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sqlite {
    /// The file; relative to the working folder.
    pub path: PathBuf,
}

impl Sqlite {
    pub(super) fn read(origin: &Origin, what: String, node: &Node) -> Result<Sqlite, Error> {
        let keys = Keys::of(origin, Code::BadConnection, what, node, &["type", "path", "url"])?;
        Ok(Sqlite { path: path(&keys, "sqlite")?.0 })
    }
}

/// The path named by `path`, or by `url` after `SCHEME://`; and what follows a `?` in the URL.
pub(super) fn path<'a>(keys: &Keys<'a>, scheme: &str) -> Result<(PathBuf, Option<&'a str>), Error> {
    if keys.get("url").is_none() {
        return Ok((PathBuf::from(keys.needed("path")?), None));
    }
    if keys.get("path").is_some() {
        return Err(keys.error_at("path", "and `url` cannot both be given"));
    }
    let url = keys.needed("url")?;
    let rest =
        url.split_once("://").filter(|(given, _)| given.eq_ignore_ascii_case(scheme)).map(|(_, rest)| rest);
    let (path, query) = match rest
        .map(|rest| rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query))))
    {
        Some((path, query)) if !path.is_empty() => (path, query),
        _ => return Err(keys.error_at("url", format!("must be {scheme}://PATH"))),
    };
    Ok((PathBuf::from(path), query))
}
