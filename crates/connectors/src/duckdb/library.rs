//! DuckDB's library: where it is, and loading it.

use std::{
    collections::HashMap,
    env::consts,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use achub_core::{Code, Error};
use adbc_core::options::AdbcVersion;
use adbc_driver_manager::ManagedDriver;

/// The function of the library that makes it an ADBC driver; said by DuckDB's page on ADBC.
const ENTRY_POINT: &[u8] = b"duckdb_adbc_init";

/// Libraries that were loaded. They are never unloaded: a library that keeps threads must outlive them.
static LOADED: Mutex<Option<HashMap<PathBuf, ManagedDriver>>> = Mutex::new(None);

/// Where to look for the library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LibrarySearch {
    /// The file somebody named. Where there is one, nothing else is tried.
    pub named: Option<PathBuf>,
    /// Folders to look into, in this order; after them the system's own places.
    pub folders: Vec<PathBuf>,
}

/// The file name of the library on this system.
pub fn library_name() -> String {
    match consts::OS {
        "windows" => "duckdb.dll".to_owned(),
        _ => format!("{}duckdb{}", consts::DLL_PREFIX, consts::DLL_SUFFIX),
    }
}

/// The npm package that carries the library for this system.
///
/// Source: the packages `@duckdb/node-bindings-*`, version 1.5.6.
pub fn npm_package() -> String {
    let system = match consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let machine = match consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "x64",
        other => other,
    };
    format!("@duckdb/node-bindings-{system}-{machine}")
}

/// Loads the library, or gives the one that was loaded before.
///
/// Errors: `DB-107` where there is none, or it is no DuckDB.
pub(super) fn load(search: &LibrarySearch) -> Result<ManagedDriver, Error> {
    let path = find(search)?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let loaded = loaded.get_or_insert_default();
    if let Some(driver) = loaded.get(&path) {
        return Ok(driver.clone());
    }
    let driver =
        ManagedDriver::load_dynamic_from_filename(path.as_os_str(), Some(ENTRY_POINT), AdbcVersion::V110)
            .map_err(|cause| {
                let message = format!("cannot load DuckDB's library {}", path.display());
                missing(message).with_detail("reason", cause.message.clone()).with_source(cause)
            })?;
    loaded.insert(path, driver.clone());
    Ok(driver)
}

/// The library's path; its bare name where only the system's loader can tell.
fn find(search: &LibrarySearch) -> Result<PathBuf, Error> {
    if let Some(named) = &search.named {
        if !named.is_file() {
            return Err(missing(format!("there is no file {}, named as DuckDB's library", named.display())));
        }
        // A name without a folder would be looked up in the system's places.
        return std::path::absolute(named).map_err(|cause| {
            missing(format!("the path {} cannot be used", named.display())).with_source(cause)
        });
    }
    let in_folders = search.folders.iter().map(|folder| folder.join(library_name()));
    Ok(in_folders
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| Path::new(&library_name()).to_owned()))
}

fn missing(message: String) -> Error {
    let hint = format!(
        "`npm pack {}` brings an archive with {name} in it; name the file as `library` of the connection or in \
         ACHUB_DUCKDB_LIBRARY, or put it beside the program",
        npm_package(),
        name = library_name()
    );
    Error::new(Code::DriverMissing, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_library_is_the_only_one() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let beside = folder.path().join(library_name());
        std::fs::write(&beside, "").expect("the folder can be written");
        let folders = vec![folder.path().to_owned()];

        assert_eq!(find(&LibrarySearch { named: None, folders: folders.clone() }).expect("found"), beside);
        let named = Some(folder.path().join("other.so"));
        let error = find(&LibrarySearch { named, folders }).expect_err("the named file is not there");
        assert_eq!(error.code(), Code::DriverMissing);
        assert!(error.message().contains("other.so"), "{error}");
        let nowhere = find(&LibrarySearch::default()).expect("the system is asked");
        assert_eq!(nowhere, Path::new(&library_name()));
    }

    #[test]
    fn file_that_is_no_library_is_refused() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let named = folder.path().join("text.so");
        std::fs::write(&named, "not a library").expect("the folder can be written");

        let search = LibrarySearch { named: Some(named), folders: Vec::new() };
        let error = load(&search).expect_err("text cannot be loaded");

        assert_eq!(error.code(), Code::DriverMissing);
        assert!(error.hint().contains("npm pack @duckdb/node-bindings-"), "{}", error.hint());
    }
}
