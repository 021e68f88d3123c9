//! The journal of a disk, and what a power cut leaves of it.
//!
//! Content is durable once its file is synced, a name once its folder is. What was not may be there all the same, as the
//! disk pleases: a seed decides.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::Dice;

/// The unit a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// One call that changed something, in the order they were made. `tests/shim/disk.c` has the layout.
#[derive(Debug)]
pub enum Entry {
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    Truncate(PathBuf, u64),
    /// A file or a folder.
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    Make(PathBuf),
}

/// Reads a journal.
pub fn read(path: &Path) -> Vec<Entry> {
    let bytes = fs::read(path).expect("the shim wrote a journal");
    let mut rest = bytes.as_slice();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        entries.push(next(&mut rest));
    }
    entries
}

fn next(rest: &mut &[u8]) -> Entry {
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count);
        *rest = left;
        taken.to_vec()
    };
    let what = take(1)[0];
    let path_length = u32::from_ne_bytes(take(4).try_into().expect("four bytes"));
    let place = u64::from_ne_bytes(take(8).try_into().expect("eight bytes"));
    let length = u64::from_ne_bytes(take(8).try_into().expect("eight bytes"));
    let text = |bytes: Vec<u8>| PathBuf::from(String::from_utf8(bytes).expect("paths of tests are UTF-8"));
    let path = text(take(path_length as usize));
    match what {
        b'C' => Entry::Create(path),
        b'W' => Entry::Write(path, place, take(length as usize)),
        b'T' => Entry::Truncate(path, place),
        b'S' => Entry::Sync(path),
        b'R' => Entry::Rename(path, text(take(length as usize))),
        b'U' => Entry::Unlink(path),
        b'M' => Entry::Make(path),
        other => panic!("the journal has an entry {other}"),
    }
}

/// A change of content that no sync has covered.
#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write(place, bytes) => {
                let (start, end) = (*place as usize, *place as usize + bytes.len());
                content.resize(content.len().max(end), 0);
                content[start..end].copy_from_slice(bytes);
            }
            Change::Truncate(length) => content.resize(*length as usize, 0),
        }
    }

    /// The first sectors of a write, as many as were done when the power went.
    fn torn(&self, dice: &mut Dice) -> Change {
        match self {
            Change::Write(place, bytes) => {
                let sectors = bytes.len().div_ceil(SECTOR);
                let done = SECTOR * dice.below(sectors as u64 + 1) as usize;
                Change::Write(*place, bytes[..done.min(bytes.len())].to_vec())
            }
            Change::Truncate(length) => Change::Truncate(*length),
        }
    }
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    File(usize),
    Folder,
}

/// A change of names that no sync of a folder has covered. A rename takes place as a whole.
#[derive(Debug, Clone)]
struct Naming {
    removed: Option<PathBuf>,
    added: Option<(PathBuf, Thing)>,
}

impl Naming {
    fn is_in(&self, folder: &Path) -> bool {
        let paths = self.removed.iter().chain(self.added.iter().map(|(path, _)| path));
        paths.into_iter().any(|path| path.parent() == Some(folder))
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Thing>) {
        if let Some(path) = &self.removed {
            names.remove(path);
        }
        if let Some((path, thing)) = &self.added {
            names.insert(path.clone(), *thing);
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Content {
    durable: Vec<u8>,
    waiting: Vec<Change>,
}

/// A disk while a program works on it.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    files: Vec<Content>,
    /// Names as the program sees them, and as they are on the disk.
    seen: BTreeMap<PathBuf, Thing>,
    durable: BTreeMap<PathBuf, Thing>,
    waiting: Vec<Naming>,
}

impl Disk {
    /// A disk with all that lies below `folder`, durable. Memory that SQLite shares lies in no file.
    pub fn with(folder: &Path) -> Disk {
        let mut disk = Disk::default();
        disk.take_in(folder);
        disk
    }

    fn take_in(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("an entry can be read").path();
            let thing = if path.is_dir() {
                self.take_in(&path);
                Thing::Folder
            } else if path.to_string_lossy().ends_with("-shm") {
                continue;
            } else {
                let durable = fs::read(&path).expect("a file can be read");
                self.files.push(Content { durable, waiting: Vec::new() });
                Thing::File(self.files.len() - 1)
            };
            self.seen.insert(path.clone(), thing);
            self.durable.insert(path, thing);
        }
    }

    /// Does what the program did.
    pub fn follow(&mut self, entry: &Entry) {
        match entry {
            Entry::Create(path) => {
                self.files.push(Content::default());
                let thing = Thing::File(self.files.len() - 1);
                self.name(Naming { removed: None, added: Some((path.clone(), thing)) });
            }
            Entry::Make(path) => {
                self.name(Naming { removed: None, added: Some((path.clone(), Thing::Folder)) });
            }
            Entry::Unlink(path) => self.name(Naming { removed: Some(path.clone()), added: None }),
            Entry::Rename(from, to) => {
                let thing = self.seen[from];
                self.name(Naming { removed: Some(from.clone()), added: Some((to.clone(), thing)) });
            }
            Entry::Write(path, place, bytes) => self.change(path, Change::Write(*place, bytes.clone())),
            Entry::Truncate(path, length) => self.change(path, Change::Truncate(*length)),
            Entry::Sync(path) => self.sync(path),
        }
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.seen);
        self.waiting.push(naming);
    }

    fn change(&mut self, path: &Path, change: Change) {
        // A file that was made before the journal began and is no content has no name here.
        if let Some(Thing::File(file)) = self.seen.get(path) {
            self.files[*file].waiting.push(change);
        }
    }

    fn sync(&mut self, path: &Path) {
        if let Some(Thing::File(file)) = self.seen.get(path) {
            let content = &mut self.files[*file];
            for change in content.waiting.drain(..) {
                change.apply(&mut content.durable);
            }
            return;
        }
        let (synced, waiting) = self.waiting.drain(..).partition(|naming: &Naming| naming.is_in(path));
        self.waiting = waiting;
        let synced: Vec<Naming> = synced;
        synced.iter().for_each(|naming| naming.apply(&mut self.durable));
    }

    /// Changes that a power cut may take.
    pub fn unsynced(&self) -> usize {
        self.waiting.len() + self.files.iter().map(|file| file.waiting.len()).sum::<usize>()
    }

    /// Puts into `folder` what is there after a power cut, and nothing else. Half of all cuts lose everything that was
    /// not synced; in the others some of it came through, and the last write of a file may be torn.
    pub fn leave(&self, folder: &Path, dice: &mut Dice) {
        let is_strict = dice.below(2) == 0;
        let mut names = self.durable.clone();
        let came_through = if is_strict { 0 } else { dice.below(self.waiting.len() as u64 + 1) as usize };
        self.waiting[..came_through].iter().for_each(|naming| naming.apply(&mut names));
        fs::remove_dir_all(folder).expect("the folder can be emptied");
        fs::create_dir_all(folder).expect("the folder can be made");
        for (path, thing) in &names {
            // Sorted, so a folder comes before what is in it; a file whose folder is lost is lost.
            if !path.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match thing {
                Thing::Folder => fs::create_dir(path).expect("a folder can be made"),
                Thing::File(file) => {
                    fs::write(path, self.files[*file].left(is_strict, dice)).expect("a file can be written");
                }
            }
        }
    }
}

impl Content {
    fn left(&self, is_strict: bool, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.durable.clone();
        if is_strict {
            return content;
        }
        let kept: Vec<&Change> = self.waiting.iter().filter(|_| dice.below(2) == 0).collect();
        for (index, change) in kept.iter().enumerate() {
            if index + 1 == kept.len() {
                change.torn(dice).apply(&mut content);
            } else {
                change.apply(&mut content);
            }
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left in `folder` after these calls, for each of many seeds.
    fn left(folder: &Path, entries: &[Entry], name: &str) -> Vec<Option<Vec<u8>>> {
        let mut disk = Disk::default();
        entries.iter().for_each(|entry| disk.follow(entry));
        let after = |seed| {
            disk.leave(folder, &mut Dice(seed));
            fs::read(folder.join(name)).ok()
        };
        (0..40).map(after).collect()
    }

    #[test]
    fn synced_content_is_always_there() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("f");
        fs::create_dir(&folder).unwrap();
        let file = folder.join("a");
        let write = |bytes: &[u8]| Entry::Write(file.clone(), 0, bytes.to_vec());
        let create = || Entry::Create(file.clone());
        let (sync, sync_folder) = (|| Entry::Sync(file.clone()), || Entry::Sync(folder.clone()));

        let unsynced = left(&folder, &[create(), write(b"one")], "a");
        let unnamed = left(&folder, &[create(), write(b"one"), sync()], "a");
        let safe = left(&folder, &[create(), write(b"one"), sync(), sync_folder()], "a");
        let changed =
            left(&folder, &[create(), write(&[1; 1024]), sync(), sync_folder(), write(&[2; 1024])], "a");

        assert!(unsynced.contains(&None) && unsynced.contains(&Some(Vec::new())));
        assert!(unnamed.contains(&None) && unnamed.contains(&Some(b"one".to_vec())));
        assert!(safe.iter().all(|content| *content == Some(b"one".to_vec())));
        let halves = [[2_u8; 512], [1; 512]].concat();
        for kind in [vec![1; 1024], vec![2; 1024], halves] {
            assert!(changed.contains(&Some(kind)));
        }
    }
}
