//! `_manifest.json`: which files are the table, and what is in them. It is replaced as a whole, never changed in place.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use achub_core::{Code, Column, Error, FieldType, RunId};
use serde::{Deserialize, Serialize};

use crate::folder::failed;

/// The manifest's name in the table's folder.
pub(crate) const MANIFEST: &str = "_manifest.json";

/// The layout this program writes.
const FORMAT_VERSION: u32 = 1;

/// What a table consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format_version: u32,
    /// The table's name.
    pub(crate) table: String,
    /// A sentence about the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    /// The run that wrote this manifest.
    pub(crate) run: RunId,
    /// The columns; every file has exactly these.
    pub(crate) columns: Vec<ColumnEntry>,
    /// The columns rows are merged by.
    pub(crate) key: Vec<String>,
    /// Rows of all files.
    pub(crate) rows: u64,
    /// The files, in the order of their rows.
    pub(crate) files: Vec<FileEntry>,
    /// The run that first did not see the rows of the list of missing ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing_since: Option<RunId>,
    /// Made from a file that was not written by this program, so that nobody counted marked rows yet.
    #[serde(skip)]
    pub(crate) is_guessed: bool,
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnEntry {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: FieldType,
}

/// A file of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// As seen from the table's folder.
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    /// Rows among them that are marked as gone at the source.
    #[serde(default)]
    pub(crate) gone: u64,
    pub(crate) bytes: u64,
}

impl Manifest {
    /// A table of these files.
    pub(crate) fn new(table: &str, run: &RunId, columns: &[Column], files: Vec<FileEntry>) -> Manifest {
        let columns = columns.iter().map(|column| ColumnEntry { name: column.name.clone(), ty: column.ty });
        Manifest {
            format_version: FORMAT_VERSION,
            table: table.to_owned(),
            comment: None,
            run: run.clone(),
            columns: columns.collect(),
            key: Vec::new(),
            rows: files.iter().map(|file| file.rows).sum(),
            files,
            missing_since: None,
            is_guessed: false,
        }
    }

    /// The manifest in the table's folder, `None` where there is no table.
    ///
    /// Errors: `DB-104` where it is not understood.
    pub(crate) fn read(folder: &Path) -> Result<Option<Manifest>, Error> {
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(failed("read", &path, cause)),
        };
        let unknown = |about: String| {
            Error::new(Code::TableChanged, format!("{} {about}", path.display()))
                .with_hint("it was changed by hand or by a newer version; move the folder away to start over")
        };
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|cause| unknown("is not understood".to_owned()).with_source(cause))?;
        match manifest.format_version {
            FORMAT_VERSION => Ok(Some(manifest)),
            newer => Err(unknown(format!("has the format version {newer}"))),
        }
    }

    /// Writes the manifest to `path`, durable.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let written = (|| {
            // In one piece: a writer of JSON makes a call to the system for every word.
            let text = serde_json::to_vec_pretty(self)?;
            let mut file = fs::File::create(path)?;
            file.write_all(&text)?;
            file.sync_all()
        })();
        written.map_err(|cause| failed("write", path, cause))
    }

    /// The table's columns.
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.columns.iter().map(|column| Column::new(&column.name, column.ty)).collect()
    }

    /// The number of each file's first row, counted over all files.
    pub(crate) fn first_rows(&self) -> Vec<u64> {
        let first = |sum: &mut u64, rows: u64| {
            let first = *sum;
            *sum += rows;
            Some(first)
        };
        self.files.iter().map(|file| file.rows).scan(0, first).collect()
    }

    /// Rows that are there at the source as far as is known.
    pub(crate) fn live_rows(&self) -> u64 {
        self.rows - self.files.iter().map(|file| file.gone).sum::<u64>()
    }
}
