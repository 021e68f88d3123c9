//! Opening a database file.

use std::path::Path;

use achub_core::{Code, Error};
use adbc_core::{Database as _, Driver as _};
use adbc_driver_manager::ManagedConnection;

use crate::{
    duckdb::{
        call,
        connection::beside,
        error,
        library::{self, LibrarySearch},
    },
    sql::quote::{quoted, text_constant},
};

/// What the file is called inside DuckDB. By itself DuckDB takes the file's name, and then cannot tell `crm.things` in the
/// file `crm.duckdb` from the table `things` of a database `crm`.
pub(super) const DATABASE: &str = "achub_target";

/// Extensions that types need: JSON columns, and times with a zone as text.
const EXTENSIONS: [&str; 2] = ["json", "icu"];

/// Opens the file at `path` and prepares the connection. The file is made where it is missing.
///
/// Errors: `DB-107` (no library, or one without an extension that is needed), `RN-101` (another process has the file),
/// `DB-101` (it cannot be opened).
pub(super) fn open(path: &Path, search: &LibrarySearch) -> Result<ManagedConnection, Error> {
    let text = path.to_str().ok_or_else(|| {
        let message = format!("DuckDB cannot open {}: the path is no valid text", path.display());
        Error::new(Code::TargetUnreachable, message)
    })?;
    let fault = |cause| error::fault(&format!("cannot open {text}"), cause).error;
    let mut connection = library::load(search)?
        .new_database()
        .and_then(|database| database.new_connection())
        .map_err(fault)?;
    check_extensions(&mut connection)?;
    for sql in [
        // Nothing is fetched from the network behind the user's back.
        "SET autoinstall_known_extensions = false".to_owned(),
        "SET TimeZone = 'UTC'".to_owned(),
        format!("SET temp_directory = {}", text_constant(&format!("{}", beside(path, ".tmp").display()))),
        format!("ATTACH {} AS {} (TYPE duckdb)", text_constant(text), quoted(DATABASE)),
        format!("USE {}", quoted(DATABASE)),
    ] {
        call::run(&mut connection, &sql, &[]).map_err(fault)?;
    }
    Ok(connection)
}

/// Refuses a library that was built without what types need. An extension that is installed and not loaded is loaded.
fn check_extensions(connection: &mut ManagedConnection) -> Result<(), Error> {
    let sql = "SELECT extension_name FROM duckdb_extensions() WHERE loaded";
    let answer =
        call::run(connection, sql, &[]).map_err(|cause| error::fault("cannot ask DuckDB", cause).error)?;
    let loaded: Vec<String> = answer.rows.into_iter().flatten().flatten().collect();
    for extension in EXTENSIONS.iter().filter(|name| !loaded.iter().any(|loaded| loaded == *name)) {
        call::run(connection, &format!("LOAD {extension}"), &[]).map_err(|cause| {
            let message = format!("DuckDB's library was built without its extension {extension}");
            Error::new(Code::DriverMissing, message).with_source(cause)
        })?;
    }
    Ok(())
}
