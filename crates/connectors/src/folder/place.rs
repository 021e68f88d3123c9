//! Where things are in the folder.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use achub_core::{Error, RunId, port::target::LoadSpec};

use crate::{
    file::text,
    folder::{
        check_name, failed,
        manifest::{FileEntry, MANIFEST, Manifest},
        state,
        storage::Storage,
    },
    sql::quote,
};

/// Where what belongs to tables of single files is kept, so that the folder shows only those.
const BESIDE: &str = "_achub_tables";

/// The folder of all tables, and how they are kept.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) storage: Storage,
}

/// Where one table is.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// The folder of what belongs to it: its manifest, rows that are being collected, and rows that were missing once.
    pub(crate) folder: PathBuf,
    /// The folder that the paths of its files are seen from.
    pub(crate) files: PathBuf,
    /// The name of its file, where it is a single one.
    pub(crate) file: String,
    pub(crate) storage: Storage,
}

impl Home {
    /// Where a file of the table is.
    pub(crate) fn path(&self, file: &FileEntry) -> PathBuf {
        self.files.join(&file.path)
    }

    /// A file that is there as long as the table is.
    pub(crate) fn landmark(&self) -> PathBuf {
        match self.storage.is_single_file() {
            true => self.files.join(&self.file),
            false => self.folder.join(MANIFEST),
        }
    }

    /// What the table consists of, `None` where there is none.
    ///
    /// Errors: `DB-104` where manifest or file are not understood.
    pub(crate) fn known(&self) -> Result<Option<Manifest>, Error> {
        match self.storage {
            Storage::Text(format) => text::known(self, format),
            #[cfg(feature = "parquet")]
            Storage::Parquet => Manifest::read(&self.folder),
        }
    }
}

impl Place {
    /// The place of a table. Errors: `CF-107` for names that are no plain file names.
    pub(crate) fn home(&self, schema: Option<&str>, name: &str) -> Result<Home, Error> {
        let mut files = self.folder.clone();
        for part in schema.into_iter().chain([name]) {
            check_name(part)?;
        }
        files.extend(schema);
        let file = match self.storage {
            // Not `set_extension`, which would take what stands behind a dot of the name for one.
            Storage::Text(format) => format!("{name}.{}", format.extension()),
            #[cfg(feature = "parquet")]
            Storage::Parquet => name.to_owned(),
        };
        let folder = match self.storage.is_single_file() {
            true => self.folder.join(BESIDE).join(schema.unwrap_or(".")).join(&file),
            false => files.join(&file),
        };
        let files = if self.storage.is_single_file() { files } else { folder.clone() };
        Ok(Home { folder, files, file, storage: self.storage })
    }

    /// Where a table's unfinished files lie. Readers of folders leave out names that begin with `_`.
    pub(crate) fn work(table: &Path) -> PathBuf {
        table.join("_work")
    }

    /// The file that collects the rows of a walk.
    pub(crate) fn collected(table: &Path, spec: &LoadSpec) -> PathBuf {
        let walk = format!("{}\0{}", spec.replication, spec.walk);
        Place::work(table).join(format!("{:016x}.rows", quote::fingerprint(walk.as_bytes())))
    }

    /// The folder of the files a run wrote, as seen from the table's folder.
    ///
    /// In the `name=value` form by which readers make a column of a folder's name. Not `_load=…`: pyarrow and pandas leave
    /// out whatever begins with `_` (pyarrow reference, `FileSystemFactoryOptions.selector_ignore_prefixes`).
    pub(crate) fn partition(run: &RunId) -> PathBuf {
        PathBuf::from(format!("achub_run={run}"))
    }

    /// The list of rows that were missing once, as seen from the table's folder.
    pub(crate) fn missing(table: &Path) -> PathBuf {
        table.join("_achub_missing")
    }
}

/// The right to land in a table, held against all other processes and loads as long as it lives.
#[derive(Debug)]
pub(crate) struct LandingLock {
    _file: File,
}

impl LandingLock {
    /// Waits until nobody else lands in the table.
    pub(crate) fn wait(table: &Path) -> Result<LandingLock, Error> {
        let work = Place::work(table);
        state::make_folder(&work)?;
        let path = work.join("landing.lock");
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|cause| failed("open", &path, cause))?;
        file.lock().map_err(|cause| failed("lock", &path, cause))?;
        Ok(LandingLock { _file: file })
    }
}

/// Removes what a landing that was cut off left behind. Only while the table's lock is held, and after the state was held
/// once, which ends what was committed.
pub(crate) fn clear(table: &Path) -> Result<(), Error> {
    let work = Place::work(table);
    let entries = fs::read_dir(&work).map_err(|cause| failed("read", &work, cause))?;
    for entry in entries {
        let path = entry.map_err(|cause| failed("read", &work, cause))?.path();
        if path.extension().is_some_and(|extension| extension == "new" || extension == "spill") {
            fs::remove_file(&path).map_err(|cause| failed("remove", &path, cause))?;
        }
    }
    Ok(())
}
