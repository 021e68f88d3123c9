//! A folder of files, one for each table: `a.b` is the file `a/b.csv` or `a/b.jsonl`.
//!
//! Rows are collected in part files of recorded length, and merged into a new file at the end, which takes the old one's
//! place by a rename. A file cannot be merged into as the walk goes, so that mode lands at the end, too.

mod format;
pub(crate) mod load;
mod merge;
pub(crate) mod state;
mod table;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use achub_core::{
    Code, Error, FieldType, ReplicationName,
    port::target::{Checkpoints, Load, LoadSpec, Target, TargetInfo, WideView},
};
use async_trait::async_trait;
use jiff::Timestamp;

pub use crate::file::format::Format;
use crate::{
    file::load::{FileLoad, blocking},
    landing::moment,
};

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector = crate::Connector { name: "file", role: crate::Role::Target };

/// A folder with files of one format.
pub struct FileTarget {
    place: Place,
}

/// Where files go and how they are spelled.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    format: Format,
}

impl FileTarget {
    /// Files of `format` in `folder`, which is made when something is first written.
    ///
    /// Errors: `DB-101` where the folder it lies in does not exist, or a file has its name.
    pub async fn open(folder: impl AsRef<Path>, format: Format) -> Result<FileTarget, Error> {
        let folder = usable_folder(folder.as_ref())?;
        Ok(FileTarget { place: Place { folder, format } })
    }
}

/// The folder, where files can be made in it or it can be made.
///
/// Errors: `DB-101` where the folder it lies in does not exist, or a file has its name.
pub(crate) fn usable_folder(folder: &Path) -> Result<PathBuf, Error> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let fault = if folder.exists() && !folder.is_dir() {
        Some(format!("{} is not a folder", folder.display()))
    } else {
        above
            .filter(|above| !above.is_dir())
            .map(|above| format!("the folder {} does not exist", above.display()))
    };
    match fault {
        Some(fault) => Err(Error::new(Code::TargetUnreachable, fault).with_hint("choose another folder")),
        None => Ok(folder.to_owned()),
    }
}

/// Tries whether files can be made in a folder; leaves nothing behind.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Error> {
    let was_there = folder.exists();
    fs::create_dir_all(folder).map_err(|cause| failed("make the folder", folder, cause))?;
    let probe = folder.join("_achub_check");
    let tried = fs::write(&probe, b"1").and_then(|()| fs::remove_file(&probe));
    if !was_there {
        fs::remove_dir(folder).map_err(|cause| failed("remove", folder, cause))?;
    }
    tried.map_err(|cause| failed("write", &probe, cause))
}

/// Refuses names that are no plain file names. Errors: `CF-107`.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    /// What file systems commonly take.
    const NAME_BYTES_MAX: usize = 200;
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0'])
        && name.len() <= NAME_BYTES_MAX;
    match is_plain {
        true => Ok(()),
        false => {
            let message = format!("{name:?} cannot be the name of a file or folder");
            Err(Error::new(Code::BadTableName, message).with_hint("choose another name"))
        }
    }
}

impl Place {
    /// The file of a table. Errors: `CF-107` for names that are no plain file names.
    pub(crate) fn file(&self, schema: Option<&str>, name: &str) -> Result<PathBuf, Error> {
        let mut path = self.folder.clone();
        for part in schema.into_iter().chain([name]) {
            check_name(part)?;
            path.push(part);
        }
        // Not `set_extension`, which would take what stands behind a dot of the name for one.
        let mut path = path.into_os_string();
        path.push(format!(".{}", self.format.extension()));
        Ok(PathBuf::from(path))
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
        let (format, path) = (self.place.format, self.place.file(schema, table)?);
        let column = [column.to_owned()];
        blocking(move || {
            let mut newest = None;
            let scanned = format.scan(&path, &column, true, |_, row| {
                newest = newest.max(moment::parse(&format.plain(&row[0])));
                Ok(())
            });
            scanned.map_err(|cause| failed("read", &path, cause))?;
            Ok(newest)
        })
        .await
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        Ok(Box::new(FileLoad::begin(self.place.clone(), spec).await?))
    }

    async fn wide_view(&self, _view: &WideView) -> Result<bool, Error> {
        Ok(false)
    }

    fn keeps(&self, ty: FieldType) -> bool {
        self.place.format.keeps(ty)
    }
}

/// What a failed operation on a file means.
pub(crate) fn failed(doing: &str, path: &Path, cause: io::Error) -> Error {
    let code = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::MissingGrant,
        io::ErrorKind::NotFound => Code::TargetUnreachable,
        // A file that does not read as what it was written as.
        io::ErrorKind::InvalidData => Code::TableChanged,
        _ => Code::TargetRefused,
    };
    let error = Error::new(code, format!("cannot {doing} {}", path.display()));
    let error = match code {
        Code::MissingGrant => error.with_hint("allow this user to write to the folder"),
        _ => error,
    };
    error.with_source(cause)
}
