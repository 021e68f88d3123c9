//! A walk on its way into files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use achub_core::{
    Code, Error, failpoint,
    port::{
        source::{Page, Part as PagePart},
        target::{Closing, Load, LoadSpec, Statements, TableReport, Written},
    },
};
use async_trait::async_trait;

use crate::{
    folder::{
        failed,
        state::{self, HeldState, Part, Progress},
    },
    folder::{
        place::{LandingLock, Place},
        rewrite::{self, Landed},
        table::LoadingTable,
    },
    lock::WalkLock,
};

/// A load without the runtime around it.
struct Work {
    place: Place,
    spec: LoadSpec,
    tables: Vec<LoadingTable>,
    progress: Progress,
    _lock: WalkLock,
}

/// A load; its work is done on threads that may wait for disks. `None` after a call that was given up or failed.
pub(crate) struct FolderLoad(Option<Work>);

impl FolderLoad {
    pub(crate) async fn begin(place: Place, spec: LoadSpec) -> Result<FolderLoad, Error> {
        blocking(move || Work::begin(place, spec)).await.map(|work| FolderLoad(Some(work)))
    }

    fn take(&mut self) -> Result<Work, Error> {
        self.0.take().ok_or_else(|| Error::new(Code::Bug, "a load was used again after a call that failed"))
    }
}

#[async_trait]
impl Load for FolderLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        let mut work = self.take()?;
        let (work, written) = blocking(move || work.write(&pages).map(|written| (work, written))).await?;
        self.0 = Some(work);
        Ok(written)
    }

    async fn finish(mut self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let (work, closing) = (self.take()?, closing.clone());
        blocking(move || work.finish(&closing)).await
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
        refuse_sql(&spec)?;
        let mut held = HeldState::hold(&place.folder)?;
        let lock = WalkLock::take(&place.folder.join("_achub_walk"), &spec)?;
        let tables = spec.tables.iter().map(|load| LoadingTable::new(&place, load));
        let tables: Vec<LoadingTable> = tables.collect::<Result<_, _>>()?;
        let fresh =
            Progress { position: None, tables: tables.iter().map(|table| table.begin(&spec)).collect() };
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
                state::make_folder(state::folder_of(&part.path))?;
                state::append(&part.path, 0, &[])?;
            }
            fresh
        };
        held.remembered(&spec.replication).walks.insert(spec.walk.clone(), progress.clone());
        held.store()?;
        let mut work = Work { place, spec, tables, progress, _lock: lock };
        for (table, part) in work.tables.iter_mut().zip(&work.progress.tables) {
            for (member, ty) in &part.members {
                table.shape.add_member(member, *ty)?;
            }
        }
        Ok(work)
    }

    fn write(&mut self, pages: &[Page]) -> Result<Written, Error> {
        let mut written = Written::default();
        let mut put_aside = Vec::new();
        for (table, part) in self.tables.iter_mut().zip(&mut self.progress.tables) {
            let parts: Vec<&PagePart> =
                pages.iter().flat_map(|page| &page.parts).filter(|p| p.stream == part.stream).collect();
            if parts.is_empty() {
                continue;
            }
            let before = part.rows;
            table.write(part, &parts, &self.spec, &mut put_aside)?;
            failpoint::pass("mid-upsert");
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

    fn finish(self, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let _locks = self.lock_tables()?;
        let landed = self.land(closing)?;
        let mut held = self.commit(closing, &landed)?;
        held.end_renames()?;
        for part in &self.progress.tables {
            state::remove(&part.path)?;
            state::remove(&part.scope_path())?;
        }
        for path in landed.iter().flat_map(|landed| &landed.removals) {
            remove_if_empty(path.parent());
        }
        Ok(landed.into_iter().map(|landed| landed.report).collect())
    }

    /// Writes what the tables become beside what they are. While their locks are held.
    fn land(&self, closing: &Closing) -> Result<Vec<Landed>, Error> {
        // Ends what a killed process had committed, before its files could be taken for leftovers.
        drop(HeldState::hold(&self.place.folder)?);
        let tables = self.tables.iter().zip(&self.progress.tables);
        let land = |(table, part): (&LoadingTable, &Part)| {
            rewrite::land(table, part, &self.spec, closing.complete.contains(&part.stream))
        };
        tables.map(land).collect()
    }

    /// The locks of all tables, always in the same order, so that two loads do not wait for each other.
    fn lock_tables(&self) -> Result<Vec<LandingLock>, Error> {
        let mut folders: Vec<&PathBuf> = self.tables.iter().map(|table| &table.home.folder).collect();
        folders.sort();
        folders.dedup();
        folders.into_iter().map(|folder| LandingLock::wait(folder)).collect()
    }

    /// Makes the new files the tables, together with cursors: all that follows is done again by whoever comes next.
    fn commit(&self, closing: &Closing, landed: &[Landed]) -> Result<HeldState, Error> {
        let mut held = HeldState::hold(&self.place.folder)?;
        let remembered = held.remembered(&self.spec.replication);
        remembered.walks.remove(&self.spec.walk);
        remembered.advance(&closing.cursors);
        failpoint::pass("cursor-save");
        for stream in &closing.complete {
            remembered.checked.insert(stream.clone(), self.spec.started_at);
        }
        for (table, landed) in self.tables.iter().zip(landed).filter(|(_, landed)| !landed.renames.is_empty())
        {
            let landmark = table.home.landmark();
            let landmark = landmark.strip_prefix(&self.place.folder).unwrap_or(&landmark).to_owned();
            remembered.tables.insert(landed.report.stream.clone(), landmark);
        }
        let renames = landed.iter().flat_map(|landed| &landed.renames);
        held.state.renames = renames.map(|(fresh, path)| (held.inside(fresh), held.inside(path))).collect();
        let removals = landed.iter().flat_map(|landed| &landed.removals);
        held.state.removals = removals.map(|path| held.inside(path)).collect();
        failpoint::pass("end-of-stream");
        sync_names(landed)?;
        held.store()?;
        Ok(held)
    }
}

/// Files run no SQL; whoever asked for it must not believe that it was done.
fn refuse_sql(spec: &LoadSpec) -> Result<(), Error> {
    for load in &spec.tables {
        let asks = load.statements != Statements::default()
            || load.table.rules.ddl.is_some()
            || load.absence.as_ref().is_some_and(|absence| absence.only.is_some());
        if asks {
            let message = format!("stream {}: SQL cannot be run on files", load.stream);
            return Err(
                Error::new(Code::NotGranted, message).with_hint("leave it out, or replicate into a database")
            );
        }
    }
    Ok(())
}

/// Makes the first names of new files durable: the state is about to count on them.
fn sync_names(landed: &[Landed]) -> Result<(), Error> {
    let fresh = landed.iter().flat_map(|landed| &landed.renames).map(|(fresh, _)| state::folder_of(fresh));
    let folders: BTreeSet<&Path> = fresh.collect();
    let sync = |folder| state::sync_folder(folder).map_err(|cause| failed("write", folder, cause));
    folders.into_iter().try_for_each(sync)
}

/// A partition whose last file went is of no use; one that has others stays.
fn remove_if_empty(folder: Option<&Path>) {
    if let Some(folder) = folder.filter(|folder| folder.to_string_lossy().contains("achub_run=")) {
        let _ = fs::remove_dir(folder);
    }
}

/// Whether an attempt that left `stored` can be continued by one that begins as `fresh`.
fn continues(stored: &Progress, fresh: &Progress) -> bool {
    let same = |(old, new): (&Part, &Part)| {
        (&old.stream, old.mode, &old.path, &old.columns) == (&new.stream, new.mode, &new.path, &new.columns)
            && state::can_continue(old)
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

/// A load that ends in the middle of its commit, as if the process were killed there.
#[cfg(all(test, feature = "parquet"))]
pub(crate) struct Cut;

#[cfg(all(test, feature = "parquet"))]
impl Cut {
    /// Commits, does so many of the steps that follow, and stops. `false` where there were no more steps to leave out.
    pub(crate) fn commit(
        place: Place,
        spec: LoadSpec,
        pages: Vec<Page>,
        steps: usize,
    ) -> Result<bool, Error> {
        let mut work = Work::begin(place, spec)?;
        work.write(&pages)?;
        let locks = work.lock_tables()?;
        let landed = work.land(&Closing::default())?;
        let held = work.commit(&Closing::default(), &landed)?;
        let folder = &work.place.folder;
        let (renames, removals) = (&held.state.renames, &held.state.removals);
        for (fresh, path) in renames.iter().take(steps) {
            fs::rename(folder.join(fresh), folder.join(path))
                .map_err(|cause| failed("rename", path, cause))?;
        }
        for path in removals.iter().take(steps.saturating_sub(renames.len())) {
            state::remove(&folder.join(path))?;
        }
        drop(locks);
        Ok(steps < renames.len() + removals.len())
    }
}
