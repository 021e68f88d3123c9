//! Opening a database file.

use std::path::Path;

use achub_core::{Code, Error};
use adbc_core::{Database as _, Driver as _};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase};

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

/// The part of what DuckDB would take by itself, four fifths of the machine's or the control group's memory, that is left to
/// it: a run beside it, and the other programs of a machine, need memory too, and what does not fit goes to disk.
const MEMORY_SHARE: u64 = 4;

/// What DuckDB gets even on a small machine: merging needs some.
const MEMORY_MIB_MIN: u64 = 256;

/// An open file, from which more connections can be made.
#[derive(Clone)]
pub(super) struct Instance(ManagedDatabase);

impl Instance {
    /// A further connection to the file.
    ///
    /// Errors: `DB-101` where DuckDB gives none.
    pub(super) fn connect(&self) -> Result<ManagedConnection, Error> {
        let fault = |cause| error::fault("cannot connect to the database", cause).error;
        let mut connection = self.0.new_connection().map_err(fault)?;
        for sql in ["SET TimeZone = 'UTC'".to_owned(), format!("USE {}", quoted(DATABASE))] {
            call::run(&mut connection, &sql, &[]).map_err(fault)?;
        }
        Ok(connection)
    }
}

/// Opens the file at `path` and prepares the connection. The file is made where it is missing.
///
/// Errors: `DB-107` (no library, or one without an extension that is needed), `RN-101` (another process has the file),
/// `DB-101` (it cannot be opened).
pub(super) fn open(path: &Path, search: &LibrarySearch) -> Result<(Instance, ManagedConnection), Error> {
    let text = path.to_str().ok_or_else(|| {
        let message = format!("DuckDB cannot open {}: the path is no valid text", path.display());
        Error::new(Code::TargetUnreachable, message)
    })?;
    let fault = |cause| error::fault(&format!("cannot open {text}"), cause).error;
    let database = library::load(search)?.new_database().map_err(fault)?;
    let mut connection = database.new_connection().map_err(fault)?;
    check_extensions(&mut connection)?;
    bound_memory(&mut connection).map_err(fault)?;
    for sql in [
        // Nothing is fetched from the network behind the user's back.
        "SET autoinstall_known_extensions = false".to_owned(),
        format!("SET temp_directory = {}", text_constant(&format!("{}", beside(path, ".tmp").display()))),
        format!("ATTACH {} AS {} (TYPE duckdb)", text_constant(text), quoted(DATABASE)),
    ] {
        call::run(&mut connection, &sql, &[]).map_err(fault)?;
    }
    let instance = Instance(database);
    Ok((instance.clone(), instance.connect()?))
}

/// Lowers the memory DuckDB may take, and says to what.
fn bound_memory(connection: &mut ManagedConnection) -> adbc_core::error::Result<()> {
    let told = call::run(connection, "SELECT current_setting('memory_limit')", &[])?;
    let own = told.rows.into_iter().flatten().flatten().next().unwrap_or_default();
    // A number nobody understands is left as it is.
    let Some(own) = mebibytes(&own) else { return Ok(()) };
    let limit = (own / MEMORY_SHARE).max(MEMORY_MIB_MIN.min(own));
    call::run(connection, &format!("SET memory_limit = '{limit} MiB'"), &[])?;
    tracing::info!(memory_mib = limit, "DuckDB may use {limit} MiB of memory and the disk beyond that");
    Ok(())
}

/// `18.8 GiB` in whole mebibytes.
fn mebibytes(size: &str) -> Option<u64> {
    let (number, unit) = size.split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    let factor = match unit {
        "KiB" => 1.0 / 1024.0,
        "MiB" => 1.0,
        "GiB" => 1024.0,
        "TiB" => 1024.0 * 1024.0,
        _ => return None,
    };
    Some((number * factor) as u64)
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

#[cfg(test)]
mod tests {
    use super::mebibytes;

    /// As DuckDB 1.5.6 spells the setting.
    #[test]
    fn sizes_are_read_in_mebibytes() {
        for (size, expected) in [
            ("18.8 GiB", Some(19_251)),
            ("500.0 MiB", Some(500)),
            ("1.5 TiB", Some(1_572_864)),
            ("2048.0 KiB", Some(2)),
            ("unlimited", None),
            ("7 parsecs", None),
        ] {
            assert_eq!(mebibytes(size), expected, "{size}");
        }
    }
}
