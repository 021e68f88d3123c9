//! Folders of files: one target for each format, and what a binary without Parquet says.

use std::path::Path;

use achub_connectors::{FolderTarget, file};
use achub_core::{Error, port::target::Target};

use crate::config::connection::{Folder, Format};

/// The target in a folder.
pub(super) fn target(folder: &Folder) -> Result<Box<dyn Target>, Error> {
    let text = |format| Ok(Box::new(FolderTarget::text(&folder.path, format)?) as _);
    match folder.format {
        Format::Csv => text(file::Format::Csv),
        Format::CsvRaw => text(file::Format::CsvRaw),
        Format::JsonLines => text(file::Format::JsonLines),
        Format::Parquet => parquet(&folder.path),
    }
}

#[cfg(feature = "parquet")]
fn parquet(path: &Path) -> Result<Box<dyn Target>, Error> {
    Ok(Box::new(FolderTarget::parquet(path)?))
}

/// Refuses: this binary was built without Parquet.
#[cfg(not(feature = "parquet"))]
fn parquet(_path: &Path) -> Result<Box<dyn Target>, Error> {
    Err(Error::new(achub_core::Code::NotGranted, "this binary was built without the format parquet").with_hint(
        "build one with it: `cargo install --path crates/cli --features parquet`; `achub version` says what a binary \
         carries",
    ))
}
