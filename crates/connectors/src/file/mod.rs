//! A folder of text files, one for each table: `a.b` is the file `a/b.csv`, `a/b.raw.csv` or `a/b.jsonl`.
//!
//! What belongs to the tables (types of columns, rows that are being collected, rows that were missing once) is kept in
//! `_achub_tables`. A new file takes the old one's place by a rename. A file cannot be merged into as the walk goes, so
//! that mode lands at the end, too. See `docs/decisions/0010-files-are-data.md` for cells that look like formulas.

mod format;
mod formula;
mod line;
mod pipe;
pub(crate) mod text;

use std::path::Path;

use achub_core::Error;

pub use crate::file::{format::Format, pipe::PipeTarget};
use crate::folder::{place::Place, storage::Storage, target::FolderTarget, usable_folder};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "file", role: crate::Role::Target };

impl FolderTarget {
    /// Text files of `format` in `folder`, which is made when something is first written.
    ///
    /// Errors: `DB-101` where the folder it lies in does not exist, or a file has its name.
    pub fn text(folder: impl AsRef<Path>, format: Format) -> Result<FolderTarget, Error> {
        let folder = usable_folder(folder.as_ref())?;
        Ok(FolderTarget { place: Place { folder, storage: Storage::Text(format) } })
    }
}
