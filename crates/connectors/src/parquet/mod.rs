//! A folder of Parquet files, a set of them for each table.
//!
//! The table `a.b` is the folder `a/b`. Its rows are in `achub_run=<run>/part-<number>.parquet`, zstd, one folder for each
//! run that wrote files; `_manifest.json` names the files that are the table. At rest the files of the pattern
//! `a/b/achub_run=*/*.parquet` are exactly those; while a run lands, only the manifest is right at every moment. All files
//! of a table have the same columns. The reasons are in `docs/decisions/0011-parquet-layout.md`.
//!
//! Rows are collected in a file of their own, of recorded length, and land at the end of the walk: files with rows that
//! change are written anew, others stay. What is new gets its name after `_achub_state.json` has been replaced, which is
//! the commit of rows and cursors; whoever opens the folder next ends what was cut off there.

pub(crate) mod data;
#[cfg(test)]
mod tests;

use std::path::Path;

use achub_core::Error;

use crate::folder::{place::Place, storage::Storage, target::FolderTarget, usable_folder};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "parquet", role: crate::Role::Target };

impl FolderTarget {
    /// Parquet files in `folder`, which is made when something is first written.
    ///
    /// Errors: `DB-101` where the folder it lies in does not exist, or a file has its name.
    pub fn parquet(folder: impl AsRef<Path>) -> Result<FolderTarget, Error> {
        let folder = usable_folder(folder.as_ref())?;
        Ok(FolderTarget { place: Place { folder, storage: Storage::Parquet } })
    }
}
