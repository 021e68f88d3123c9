//! A lock file that keeps two processes from the same walk, where the target has no locks of its own for that.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use achub_core::{Code, Error, port::target::LoadSpec};

use crate::sql::quote;

/// Held as long as it lives; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct WalkLock {
    path: PathBuf,
    /// The open file carries the lock.
    _file: File,
}

impl WalkLock {
    /// Takes the lock of a walk. `stem` is the target's own path, the lock file lies beside it.
    ///
    /// Errors: `RN-101` with who holds it, `DB-101` where no file can be made there.
    pub(crate) fn take(stem: &Path, spec: &LoadSpec) -> Result<WalkLock, Error> {
        let path = lock_path(stem, spec);
        loop {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(busy(spec, &mut file)),
                Err(TryLockError::Error(cause)) => return Err(no_lock(&path, cause)),
            }
            // The holder before may have removed the file between our opening and locking it; a lock on a removed file
            // keeps nobody out.
            if !is_still_there(&file, &path) {
                continue;
            }
            write_holder(&mut file, spec).map_err(|cause| no_lock(&path, cause))?;
            return Ok(WalkLock { path, _file: file });
        }
    }
}

impl Drop for WalkLock {
    fn drop(&mut self) {
        // A lock file that stays behind is taken by the next run like a new one.
        let _ = fs::remove_file(&self.path);
    }
}

fn lock_path(stem: &Path, spec: &LoadSpec) -> PathBuf {
    let name = format!("{}\0{}", spec.replication, spec.walk);
    let mut path = stem.as_os_str().to_owned();
    path.push(format!(".{:016x}.lock", quote::fingerprint(name.as_bytes())));
    PathBuf::from(path)
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(|cause| no_lock(path, cause))
}

#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn is_still_there(_file: &File, path: &Path) -> bool {
    path.exists()
}

fn write_holder(file: &mut File, spec: &LoadSpec) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "run {} in process {}", spec.run, std::process::id())
}

fn busy(spec: &LoadSpec, file: &mut File) -> Error {
    let mut holder = String::new();
    // Who holds it is only for the message; unreadable is as good as unknown.
    let known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
    let by = if known { format!(" by {holder}") } else { String::new() };
    Error::new(Code::Busy, format!("{} of {} is being loaded{by}", spec.walk, spec.replication))
}

fn no_lock(path: &Path, cause: std::io::Error) -> Error {
    Error::new(Code::TargetUnreachable, format!("cannot make the lock file {}", path.display()))
        .with_source(cause)
}
