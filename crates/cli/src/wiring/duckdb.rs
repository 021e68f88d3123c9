//! DuckDB files: where the library is looked for, and what a binary without DuckDB says.

use achub_core::{Error, port::target::Target};

use crate::config::{connection::Duckdb, environment::Environment};

/// The variable with the path of DuckDB's library, for connections that name none.
#[cfg(feature = "duckdb")]
const LIBRARY_VARIABLE: &str = "ACHUB_DUCKDB_LIBRARY";

/// The target in `file`. Its library is named by the connection, else by the variable, else it lies beside the program or
/// where the system keeps libraries.
#[cfg(feature = "duckdb")]
pub(super) fn target(environment: &Environment, file: &Duckdb) -> Result<Box<dyn Target>, Error> {
    use achub_connectors::duckdb::{DuckdbTarget, LibrarySearch};

    let named = file.library.clone().or_else(|| environment.filled(LIBRARY_VARIABLE).map(Into::into));
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(std::path::Path::parent);
    let folders = beside.into_iter().flat_map(|beside| [beside.to_owned(), beside.join("../lib")]).collect();
    let target = DuckdbTarget::open(&file.path, &LibrarySearch { named, folders })?;
    Ok(Box::new(target))
}

/// Refuses: this binary was built without DuckDB.
#[cfg(not(feature = "duckdb"))]
pub(super) fn target(_environment: &Environment, _file: &Duckdb) -> Result<Box<dyn Target>, Error> {
    Err(Error::new(achub_core::Code::NotGranted, "this binary was built without the target duckdb").with_hint(
        "build one with it: `cargo install --path crates/cli --features duckdb`; `achub version` says what a binary \
         carries",
    ))
}
