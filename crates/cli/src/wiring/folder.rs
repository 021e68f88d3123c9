//! Folders of files: one target for each format, and what a binary without Parquet says.

use std::path::Path;

use achub_connectors::file::{self, FileTarget};
use achub_core::{Error, port::target::Target};

use crate::config::connection::{Folder, Format};

/// The target in a folder.
pub(super) async fn target(folder: &Folder) -> Result<Box<dyn Target>, Error> {
    match folder.format {
        Format::Csv => files(&folder.path, file::Format::Csv).await,
        Format::CsvRaw => files(&folder.path, file::Format::CsvRaw).await,
        Format::JsonLines => files(&folder.path, file::Format::JsonLines).await,
        Format::Parquet => parquet(&folder.path).await,
    }
}

async fn files(path: &Path, format: file::Format) -> Result<Box<dyn Target>, Error> {
    Ok(Box::new(FileTarget::open(path, format).await?))
}

#[cfg(feature = "parquet")]
async fn parquet(path: &Path) -> Result<Box<dyn Target>, Error> {
    Ok(Box::new(achub_connectors::parquet::ParquetTarget::open(path).await?))
}

/// Refuses: this binary was built without Parquet.
#[cfg(not(feature = "parquet"))]
async fn parquet(_path: &Path) -> Result<Box<dyn Target>, Error> {
    Err(Error::new(achub_core::Code::NotGranted, "this binary was built without the format parquet").with_hint(
        "build one with it: `cargo install --path crates/cli --features parquet`; `achub version` says what a binary \
         carries",
    ))
}
