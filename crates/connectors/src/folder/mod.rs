//! Tables kept as files in a folder, whatever the files' format: collecting, meeting, landing, and what is remembered.
//!
//! Rows of a walk are collected in a file of recorded length. At its end they meet the rows that are there by their keys,
//! and the files that change are written anew; `_achub_state.json`, replaced as a whole, is the commit, after which new
//! files get their names. Whoever opens the folder next ends what was cut off there.
//!
//! SQL is refused: statements, conditions, isolation levels, own statements that make tables. What only says how a database
//! is to get there is left aside, because nothing is lost by it: staging tables and their names, loading without staging,
//! declared keys and indexes.

mod absence;
pub(crate) mod count;
mod landing;
pub(crate) mod load;
pub(crate) mod manifest;
mod meeting;
pub(crate) mod place;
mod rewrite;
mod row;
pub(crate) mod shape;
mod sight;
mod spill;
pub(crate) mod state;
pub(crate) mod storage;
mod table;
pub(crate) mod target;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use achub_core::{
    Code, Error,
    port::target::{Difference, Evolution, TableLoad},
};

use crate::folder::{place::Place, shape::Shape};

/// How the tables that are there differ from those that `loads` would make.
pub(crate) fn differences(place: &Place, loads: Vec<TableLoad>) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    for mut load in loads {
        let there = place.home(load.table.schema.as_deref(), &load.table.name)?.known()?;
        // Only to look: what the policy says about differences is for the load.
        load.evolution = Evolution::Add;
        let there = there.map(|manifest| manifest.columns());
        differences.extend(Shape::of(&load, there)?.differences(&load));
    }
    Ok(differences)
}

/// The folder, where files can be made in it or it can be made.
///
/// Errors: `DB-101` where the folder it lies in does not exist, or a file has its name.
pub(crate) fn usable_folder(folder: &Path) -> Result<PathBuf, Error> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let fault = if folder.exists() && !folder.is_dir() {
        Some(format!("{} is not a folder", folder.display()))
    } else {
        above
            .filter(|above| !above.is_dir())
            .map(|above| format!("the folder {} does not exist", above.display()))
    };
    match fault {
        Some(fault) => Err(Error::new(Code::TargetUnreachable, fault).with_hint("choose another folder")),
        None => Ok(folder.to_owned()),
    }
}

/// Tries whether files can be made in a folder; leaves nothing behind.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Error> {
    let was_there = folder.exists();
    fs::create_dir_all(folder).map_err(|cause| failed("make the folder", folder, cause))?;
    let probe = folder.join("_achub_check");
    let tried = fs::write(&probe, b"1").and_then(|()| fs::remove_file(&probe));
    if !was_there {
        fs::remove_dir(folder).map_err(|cause| failed("remove", folder, cause))?;
    }
    tried.map_err(|cause| failed("write", &probe, cause))
}

/// Refuses names that are no plain file names. Errors: `CF-107`.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    /// What file systems commonly take.
    const NAME_BYTES_MAX: usize = 200;
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0'])
        && name.len() <= NAME_BYTES_MAX;
    match is_plain {
        true => Ok(()),
        false => {
            let message = format!("{name:?} cannot be the name of a file or folder");
            Err(Error::new(Code::BadTableName, message).with_hint("choose another name"))
        }
    }
}

/// What a failed operation on a file means.
pub(crate) fn failed(doing: &str, path: &Path, cause: io::Error) -> Error {
    let code = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::MissingGrant,
        io::ErrorKind::NotFound => Code::TargetUnreachable,
        // A file that does not read as what it was written as.
        io::ErrorKind::InvalidData => Code::TableChanged,
        _ => Code::TargetRefused,
    };
    let error = Error::new(code, format!("cannot {doing} {}", path.display()));
    let error = match code {
        Code::MissingGrant => error.with_hint("allow this user to write to the folder"),
        _ => error,
    };
    error.with_source(cause)
}
