//! A folder of text files, one for each table: `a.b` is the file `a/b.csv`, `a/b.raw.csv` or `a/b.jsonl`.
//!
//! What belongs to the tables (types of columns, rows that are being collected, rows that were missing once) is kept in
//! `_achub_tables`. A new file takes the old one's place by a rename. A file cannot be merged into as the walk goes, so
//! that mode lands at the end, too. See `docs/decisions/0010-files-are-data.md` for cells that look like formulas.

mod format;
mod formula;
pub(crate) mod text;

use std::{collections::HashMap, path::Path};

use achub_core::{
    Error, FieldType, ReplicationName,
    port::target::{Checkpoints, Difference, Load, LoadSpec, TableLoad, Tally, Target, TargetInfo, WideView},
};
use async_trait::async_trait;
use jiff::Timestamp;

pub use crate::file::format::Format;
use crate::folder::{
    self, check_folder, count,
    load::{FolderLoad, blocking},
    place::Place,
    state,
    storage::Storage,
    usable_folder,
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "file", role: crate::Role::Target };

/// A folder with files of one format.
pub struct FileTarget {
    place: Place,
    format: Format,
}

impl FileTarget {
    /// Files of `format` in `folder`, which is made when something is first written.
    ///
    /// Errors: `DB-101` where the folder it lies in does not exist, or a file has its name.
    pub async fn open(folder: impl AsRef<Path>, format: Format) -> Result<FileTarget, Error> {
        let folder = usable_folder(folder.as_ref())?;
        Ok(FileTarget { place: Place { folder, storage: Storage::Text(format) }, format })
    }

    /// All rows of a table of the folder, to look at: every cell as text in the order of the columns, without what was put
    /// in front of formulas; null as `None`. They are held in memory.
    ///
    /// Errors: `DB-104` where there is no such table, or its file is not understood.
    pub async fn rows(&self, table: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let home = self.place.home(None, table)?;
        blocking(move || count::rows(&home)).await
    }
}

#[async_trait]
impl Target for FileTarget {
    fn info(&self) -> TargetInfo {
        TargetInfo { kind: "file", place: self.place.folder.display().to_string(), default_schema: None }
    }

    async fn check(&self) -> Result<(), Error> {
        let folder = self.place.folder.clone();
        blocking(move || check_folder(&folder)).await
    }

    /// One state for the whole folder, whatever the schema.
    async fn checkpoints(
        &self,
        _schema: Option<&str>,
        replication: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        let (folder, replication) = (self.place.folder.clone(), replication.clone());
        blocking(move || state::checkpoints(&folder, &replication)).await
    }

    async fn newest(
        &self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        let (home, column) = (self.place.home(schema, table)?, column.to_owned());
        blocking(move || count::newest(&home, &column)).await
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        Ok(Box::new(FolderLoad::begin(self.place.clone(), spec).await?))
    }

    async fn wide_view(&self, _view: &WideView) -> Result<bool, Error> {
        Ok(false)
    }

    async fn tally(&self, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        let home = self.place.home(tally.schema.as_deref(), &tally.table)?;
        let tally = tally.clone();
        blocking(move || count::tally(&home, &tally)).await
    }

    async fn differences(&self, loads: &[TableLoad]) -> Result<Vec<Difference>, Error> {
        let (place, loads) = (self.place.clone(), loads.to_vec());
        blocking(move || folder::differences(&place, loads)).await
    }

    fn keeps(&self, ty: FieldType) -> bool {
        self.format.keeps(ty)
    }
}
