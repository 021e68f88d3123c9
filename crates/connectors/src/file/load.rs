//! A walk on its way into files.

use std::{collections::HashMap, fs, path::PathBuf};

use achub_core::{
    Code, Error, StreamName, failpoint,
    port::{
        source::{Page, Part as PagePart},
        target::{Closing, Load, LoadSpec, TableReport, Written},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    file::{
        Place, failed,
        state::{self, HeldState, Part, Progress},
        table::LoadingFile,
    },
    lock::WalkLock,
};

/// A load without the runtime around it.
struct Work {
    place: Place,
    spec: LoadSpec,
    files: Vec<LoadingFile>,
    progress: Progress,
    _lock: WalkLock,
}

/// A load; its work is done on threads that may wait for disks. `None` after a call that was given up or failed.
pub(crate) struct FileLoad(Option<Work>);

impl FileLoad {
    pub(crate) async fn begin(place: Place, spec: LoadSpec) -> Result<FileLoad, Error> {
        blocking(move || Work::begin(place, spec)).await.map(|work| FileLoad(Some(work)))
    }

    fn take(&mut self) -> Result<Work, Error> {
        self.0.take().ok_or_else(|| Error::new(Code::Bug, "a load was used again after a call that failed"))
    }
}

#[async_trait]
impl Load for FileLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        let mut work = self.take()?;
        let (work, written) = blocking(move || work.write(&pages).map(|written| (work, written))).await?;
        self.0 = Some(work);
        Ok(written)
    }

    async fn finish(mut self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let (work, cursors) = (self.take()?, closing.cursors.clone());
        blocking(move || work.finish(cursors)).await
    }
}

/// Runs what waits for disks where it holds nobody up.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| Error::new(Code::Bug, "writing files ended in a panic").with_source(cause))?
}

impl Work {
    fn begin(place: Place, spec: LoadSpec) -> Result<Work, Error> {
        let files: Vec<LoadingFile> =
            spec.tables.iter().map(|load| LoadingFile::new(&place, load)).collect::<Result<_, _>>()?;
        let mut held = HeldState::hold(&place.folder)?;
        let lock = WalkLock::take(&place.folder.join("_achub_walk"), &spec)?;
        let fresh = Progress { position: None, tables: files.iter().map(LoadingFile::begin).collect() };
        let stored = held.remembered(&spec.replication).walks.get(&spec.walk).cloned();
        let progress = if spec.resume {
            match stored.filter(|stored| continues(stored, &fresh)) {
                Some(stored) => stored,
                None => {
                    held.remembered(&spec.replication).walks.remove(&spec.walk);
                    held.store()?;
                    return Err(cannot_resume(&spec));
                }
            }
        } else {
            for part in &fresh.tables {
                state::append(&prepared(&part.path)?, 0, &[])?;
            }
            fresh
        };
        held.remembered(&spec.replication).walks.insert(spec.walk.clone(), progress.clone());
        held.store()?;
        let mut work = Work { place, spec, files, progress, _lock: lock };
        for (file, part) in work.files.iter_mut().zip(&work.progress.tables) {
            for (member, ty) in &part.members {
                file.add_member(member, *ty);
            }
        }
        Ok(work)
    }

    fn write(&mut self, pages: &[Page]) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut put_aside = Vec::new();
        for (file, part) in self.files.iter_mut().zip(&mut self.progress.tables) {
            let parts: Vec<&PagePart> =
                pages.iter().flat_map(|page| &page.parts).filter(|p| p.stream == part.stream).collect();
            if parts.is_empty() {
                continue;
            }
            let before = part.rows;
            file.write(self.place.format, part, &parts, self.spec.started_at, &mut put_aside)?;
            *written.rows.entry(part.stream.clone()).or_default() += part.rows - before;
        }
        if let Some(last) = pages.last() {
            self.progress.position = Some(last.position.clone());
        }
        let mut held = HeldState::hold(&self.place.folder)?;
        held.put_aside(&self.spec, &put_aside)?;
        held.remembered(&self.spec.replication).walks.insert(self.spec.walk.clone(), self.progress.clone());
        failpoint::pass("before-commit");
        held.store()?;
        failpoint::pass("after-commit");
        written.quarantined = put_aside.into_iter().map(|row| row.about).collect();
        Ok(written)
    }

    fn finish(self, cursors: HashMap<StreamName, Timestamp>) -> Result<Vec<TableReport>, Error> {
        let mut reports = Vec::new();
        let mut renames = Vec::new();
        for (file, part) in self.files.iter().zip(&self.progress.tables) {
            let (report, fresh) = file.land(self.place.format, part)?;
            reports.push(report);
            renames.push((fresh, file.path.clone()));
        }
        let mut held = HeldState::hold(&self.place.folder)?;
        let remembered = held.remembered(&self.spec.replication);
        remembered.walks.remove(&self.spec.walk);
        remembered.advance(&cursors);
        held.state.renames =
            renames.iter().map(|(fresh, path)| (held.inside(fresh), held.inside(path))).collect();
        failpoint::pass("end-of-stream");
        held.store()?;
        held.end_renames()?;
        for part in &self.progress.tables {
            state::remove(&part.path)?;
            state::remove(&part.scope_path())?;
        }
        Ok(reports)
    }
}

/// Makes the folder of a file.
fn prepared(path: &std::path::Path) -> Result<PathBuf, Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|cause| failed("make the folder", folder, cause))?;
    }
    Ok(path.to_owned())
}

/// Whether an attempt that left `stored` can be continued by one that begins as `fresh`.
fn continues(stored: &Progress, fresh: &Progress) -> bool {
    let same = |(old, new): (&Part, &Part)| {
        (&old.stream, old.mode, &old.path, &old.columns) == (&new.stream, new.mode, &new.path, &new.columns)
            && state::is_whole(old)
    };
    stored.tables.len() == fresh.tables.len() && stored.tables.iter().zip(&fresh.tables).all(same)
}

fn cannot_resume(spec: &LoadSpec) -> Error {
    let message = format!(
        "cannot continue {} of {}: the earlier attempt had other columns, files or modes, or its rows are gone",
        spec.walk, spec.replication
    );
    Error::new(Code::TableChanged, message).with_hint("run again; what is not finished starts over")
}
