//! DuckDB files: where the library is looked for, and what a binary without DuckDB says.

use achub_connectors::exec::Answer;
#[cfg(feature = "duckdb")]
use achub_connectors::{
    duckdb::{DuckdbTarget, LibrarySearch},
    exec,
};
use achub_core::{Error, port::target::Target};

use crate::config::{connection::Duckdb, environment::Environment};

/// The variable with the path of DuckDB's library, for connections that name none.
#[cfg(feature = "duckdb")]
const LIBRARY_VARIABLE: &str = "ACHUB_DUCKDB_LIBRARY";

/// The target in `file`.
#[cfg(feature = "duckdb")]
pub(super) fn target(environment: &Environment, file: &Duckdb) -> Result<Box<dyn Target>, Error> {
    Ok(Box::new(DuckdbTarget::open(&file.path, &library(environment, file))?))
}

/// Runs SQL of a person's on `file`.
#[cfg(feature = "duckdb")]
pub async fn exec(
    environment: &Environment,
    file: &Duckdb,
    sql: &str,
    rows_max: usize,
) -> Result<Answer, Error> {
    exec::duckdb(&file.path, &library(environment, file), sql, rows_max).await
}

/// The library is named by the connection, else by the variable, else it lies beside the program or where the system keeps
/// libraries.
#[cfg(feature = "duckdb")]
fn library(environment: &Environment, file: &Duckdb) -> LibrarySearch {
    let named = file.library.clone().or_else(|| environment.filled(LIBRARY_VARIABLE).map(Into::into));
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(std::path::Path::parent);
    let folders = beside.into_iter().flat_map(|beside| [beside.to_owned(), beside.join("../lib")]).collect();
    LibrarySearch { named, folders }
}

/// Refuses: this binary was built without DuckDB.
#[cfg(not(feature = "duckdb"))]
pub(super) fn target(_environment: &Environment, _file: &Duckdb) -> Result<Box<dyn Target>, Error> {
    Err(not_carried())
}

/// Refuses, as for a target.
#[cfg(not(feature = "duckdb"))]
pub async fn exec(
    _environment: &Environment,
    _file: &Duckdb,
    _sql: &str,
    _rows_max: usize,
) -> Result<Answer, Error> {
    Err(not_carried())
}

#[cfg(not(feature = "duckdb"))]
fn not_carried() -> Error {
    Error::new(achub_core::Code::NotGranted, "this binary was built without the target duckdb").with_hint(
        "build one with it: `cargo install --path crates/cli --features duckdb`; `achub version` says what a binary \
         carries",
    )
}
