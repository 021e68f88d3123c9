//! A folder of files as a target, whatever the files' format.

use std::collections::HashMap;

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
};

/// A folder with files of one format. [`FolderTarget::text`] and [`FolderTarget::parquet`] open one.
pub struct FolderTarget {
    pub(crate) place: Place,
}

impl FolderTarget {
    /// All rows of a table of the folder, to look at: every cell as text in the order of the columns, without what was put
    /// in front of formulas; null as `None`. They are held in memory.
    ///
    /// Errors: `DB-104` where there is no such table, or a file of it is not understood.
    pub async fn rows(&self, table: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let home = self.place.home(None, table)?;
        blocking(move || count::rows(&home)).await
    }
}

#[async_trait]
impl Target for FolderTarget {
    fn info(&self) -> TargetInfo {
        let place = self.place.folder.display().to_string();
        TargetInfo { kind: self.place.storage.kind(), place, default_schema: None }
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
        self.place.storage.keeps(ty)
    }
}
