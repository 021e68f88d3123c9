//! `_achub_state.json`: what replications are remembered by, replaced as a whole and never changed in place.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use achub_core::{
    Code, Error, Outcomes, ReplicationName, StreamName, WalkName,
    port::{
        source::Position,
        target::{Checkpoints, LoadMode, LoadSpec},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{folder::failed, landing::RefusedRow};

const STATE: &str = "_achub_state.json";

/// Rows put aside; JSON Lines whatever the format of the tables, because a refused value may have no spelling there.
const QUARANTINE: &str = "_achub_quarantine.jsonl";

/// Everything that is remembered in a folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) replications: BTreeMap<String, Remembered>,
    /// New files that stand for tables but do not have their names yet. Paths are as seen from the folder.
    pub(crate) renames: Vec<(PathBuf, PathBuf)>,
    /// Files whose place others have taken, removed once those have their names. Paths are as seen from the folder.
    #[serde(default)]
    pub(crate) removals: Vec<PathBuf>,
    /// Bytes of the quarantine that count.
    pub(crate) quarantine_bytes: u64,
}

/// What is remembered of one replication.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) walks: BTreeMap<WalkName, Progress>,
    pub(crate) cursors: BTreeMap<StreamName, Timestamp>,
    /// For each stream: when a run that compared all of it with its table began.
    #[serde(default)]
    pub(crate) checked: BTreeMap<StreamName, Timestamp>,
    /// For each stream: a file its table has as long as it is there, as seen from the folder.
    #[serde(default)]
    pub(crate) tables: BTreeMap<StreamName, PathBuf>,
}

impl Remembered {
    /// Moves cursors forward, never backward.
    pub(crate) fn advance(&mut self, cursors: &HashMap<StreamName, Timestamp>) {
        for (stream, cursor) in cursors {
            let stored = self.cursors.entry(stream.clone()).or_insert(*cursor);
            *stored = (*stored).max(*cursor);
        }
    }
}

/// A walk that was begun and not finished.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) position: Option<Position>,
    pub(crate) tables: Vec<Part>,
}

/// How far one of its tables is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) stream: StreamName,
    pub(crate) mode: LoadMode,
    /// The file that collects rows, and the bytes and rows of it that count.
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// The columns the walk began with.
    pub(crate) columns: Vec<String>,
    /// Members that got a column on the way.
    pub(crate) members: Vec<(String, achub_core::FieldType)>,
    /// The column that refers to the parents of complete sets.
    pub(crate) scope: Option<String>,
    /// The file by which the table is there, where it was when the walk began. Rows of some commits do not make a table.
    #[serde(default)]
    pub(crate) table: Option<PathBuf>,
    /// Bytes of the list of those parents that count.
    pub(crate) scope_bytes: u64,
    pub(crate) outcomes: Outcomes,
}

impl Part {
    /// The file with the parents of complete sets: a parent and the number of the set's first row on each line.
    pub(crate) fn scope_path(&self) -> PathBuf {
        let mut path = self.path.as_os_str().to_owned();
        path.push(".parents");
        PathBuf::from(path)
    }
}

/// The state, held against all other processes and loads.
pub(crate) struct HeldState {
    folder: PathBuf,
    pub(crate) state: State,
    _lock: File,
}

impl HeldState {
    /// Waits for the state of a folder, and ends what a killed process left half done.
    pub(crate) fn hold(folder: &Path) -> Result<HeldState, Error> {
        make_folder(folder)?;
        let lock_path = folder.join("_achub_state.lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|cause| failed("open", &lock_path, cause))?;
        lock.lock().map_err(|cause| failed("lock", &lock_path, cause))?;
        let mut held = HeldState { state: read(folder)?, folder: folder.to_owned(), _lock: lock };
        held.end_renames()?;
        Ok(held)
    }

    /// Makes the state durable: this is the commit.
    pub(crate) fn store(&self) -> Result<(), Error> {
        let path = self.folder.join(STATE);
        let fresh = self.folder.join("_achub_state.json.new");
        let stored = (|| {
            // In one piece: a writer of JSON makes a call to the system for every word.
            let text = serde_json::to_vec_pretty(&self.state)?;
            let mut file = File::create(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            sync_folder(&self.folder)
        })();
        stored.map_err(|cause| failed("write", &path, cause))
    }

    /// A path in the folder as it is kept: a run that is started elsewhere spells the folder in another way.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.folder).unwrap_or(path).to_owned()
    }

    /// Gives new files the names of their tables, and removes what they replace. Killed anywhere, the next holder goes
    /// on.
    pub(crate) fn end_renames(&mut self) -> Result<(), Error> {
        if self.state.renames.is_empty() && self.state.removals.is_empty() {
            return Ok(());
        }
        for (fresh, path) in &self.state.renames {
            let (fresh, path) = (self.folder.join(fresh), self.folder.join(path));
            if fresh.exists() {
                fs::rename(&fresh, &path).map_err(|cause| failed("rename", &fresh, cause))?;
            }
            let folder = path.parent().unwrap_or(&self.folder);
            sync_folder(folder).map_err(|cause| failed("write", folder, cause))?;
        }
        for path in &self.state.removals {
            remove(&self.folder.join(path))?;
        }
        self.state.renames.clear();
        self.state.removals.clear();
        self.store()
    }

    pub(crate) fn remembered(&mut self, replication: &ReplicationName) -> &mut Remembered {
        self.state.replications.entry(replication.as_str().to_owned()).or_default()
    }

    /// Appends rows to the quarantine. They count once the state is stored.
    pub(crate) fn put_aside(&mut self, spec: &LoadSpec, rows: &[RefusedRow]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let lines = quarantine_lines(spec, rows);
        let path = self.folder.join(QUARANTINE);
        // Whoever has read it may have removed it.
        let there = fs::metadata(&path).map_or(0, |file| file.len());
        self.state.quarantine_bytes = append(&path, self.state.quarantine_bytes.min(there), &lines)?;
        Ok(())
    }
}

fn quarantine_lines(spec: &LoadSpec, rows: &[RefusedRow]) -> Vec<u8> {
    let mut lines = Vec::new();
    for RefusedRow { about, row } in rows {
        let line = serde_json::json!({
            "replication": spec.replication, "stream": about.stream, "run": spec.run,
            "key": about.key, "column": about.column, "reason": about.reason,
            "row": serde_json::from_str(row).unwrap_or(serde_json::Value::Null),
            "at": spec.started_at,
        });
        lines.extend_from_slice(line.to_string().as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// What is remembered of a replication. Makes nothing. A walk whose collected rows are gone is left out.
pub(crate) fn checkpoints(folder: &Path, replication: &ReplicationName) -> Result<Checkpoints, Error> {
    let mut state = read(folder)?;
    let Some(remembered) = state.replications.remove(replication.as_str()) else {
        return Ok(Checkpoints::default());
    };
    let resumable = |progress: Progress| {
        let is_there = progress.tables.iter().all(can_continue);
        progress.position.filter(|_| is_there)
    };
    // Without its table a cursor would leave out all that came before it.
    let has_table =
        |stream: &StreamName| remembered.tables.get(stream).is_none_or(|file| folder.join(file).exists());
    let walks = remembered.walks.into_iter();
    Ok(Checkpoints {
        walks: walks.filter_map(|(walk, progress)| Some((walk, resumable(progress)?))).collect(),
        cursors: remembered.cursors.into_iter().filter(|(stream, _)| has_table(stream)).collect(),
        checked: remembered.checked.into_iter().collect(),
    })
}

/// Whether the collected rows, and the table they were to be merged into, are still there.
pub(crate) fn can_continue(part: &Part) -> bool {
    is_whole(part) && part.table.as_ref().is_none_or(|table| table.exists())
}

/// Whether the files still have all rows and parents that count.
pub(crate) fn is_whole(part: &Part) -> bool {
    let has = |path: &Path, bytes: u64| fs::metadata(path).is_ok_and(|file| file.len() >= bytes);
    has(&part.path, part.bytes) && (part.scope_bytes == 0 || has(&part.scope_path(), part.scope_bytes))
}

/// Cuts a file to the bytes that count, appends to it, and gives the bytes that count then.
///
/// Errors: `DB-104` where the file has fewer bytes than that.
pub(crate) fn append(path: &Path, bytes: u64, lines: &[u8]) -> Result<u64, Error> {
    let appended = (|| {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).truncate(false).write(true).open(path)?;
        if file.metadata()?.len() < bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file was cut or removed"));
        }
        // A killed process may have left more than it could count.
        file.set_len(bytes)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(bytes))?;
        file.write_all(lines)?;
        file.sync_data()?;
        // A file that was just made is there after a power cut only if its folder says so.
        if bytes == 0 { sync_folder(folder_of(path)) } else { Ok(()) }
    })();
    appended.map_err(|cause| failed("write", path, cause))?;
    Ok(bytes + lines.len() as u64)
}

fn read(folder: &Path) -> Result<State, Error> {
    let path = folder.join(STATE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
        Err(cause) => return Err(failed("read", &path, cause)),
    };
    serde_json::from_slice(&text).map_err(|cause| {
        Error::new(Code::TableChanged, format!("{} is not understood", path.display()))
            .with_hint("it was changed by hand or by a newer version; remove it to start over")
            .with_source(cause)
    })
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, cause)),
        _ => Ok(()),
    }
}

/// Makes a folder and those it lies in, durable: what is written into it counts only where it is found again.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    let made = fs::create_dir_all(folder)
        .and_then(|()| missing.into_iter().try_for_each(|made| sync_folder(folder_of(made))));
    made.map_err(|cause| failed("make the folder", folder, cause))
}

/// The folder a file lies in; where the path names none it is the one we are in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new or renamed file is durable once its folder is.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
