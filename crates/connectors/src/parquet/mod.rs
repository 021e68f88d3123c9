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

use std::{collections::HashMap, path::Path};

use achub_core::{
    Error, FieldType, ReplicationName,
    port::target::{Checkpoints, Difference, Load, LoadSpec, TableLoad, Tally, Target, TargetInfo, WideView},
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::folder::{
    self, check_folder, count,
    load::{FolderLoad, blocking},
    place::Place,
    state,
    storage::Storage,
    usable_folder,
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "parquet", role: crate::Role::Target };

/// A folder with Parquet files.
pub struct ParquetTarget {
    place: Place,
}

impl ParquetTarget {
    /// Files in `folder`, which is made when something is first written.
    ///
    /// Errors: `DB-101` where the folder it lies in does not exist, or a file has its name.
    pub async fn open(folder: impl AsRef<Path>) -> Result<ParquetTarget, Error> {
        let folder = usable_folder(folder.as_ref())?;
        Ok(ParquetTarget { place: Place { folder, storage: Storage::Parquet } })
    }

    /// All rows of a table of the folder, to look at: every cell as text in the order of the columns, null as `None`. They
    /// are held in memory.
    ///
    /// Errors: `DB-104` where there is no such table.
    pub async fn rows(&self, table: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let home = self.place.home(None, table)?;
        blocking(move || count::rows(&home)).await
    }
}

#[async_trait]
impl Target for ParquetTarget {
    fn info(&self) -> TargetInfo {
        let place = self.place.folder.display().to_string();
        TargetInfo { kind: "parquet", place, default_schema: None }
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

    fn keeps(&self, _ty: FieldType) -> bool {
        true
    }
}
