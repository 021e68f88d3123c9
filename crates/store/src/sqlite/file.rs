//! The file and its folder before SQLite sees them: what is remembered about an account is for its owner's eyes only.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use achub_core::Error;

use super::broken;

/// The exclusive right to open the store, over all processes; ends when dropped.
///
/// SQLite answers `database is locked` at once, without the busy timeout, to all but one of those who turn a new file
/// into one with a write-ahead log at the same moment.
#[derive(Debug)]
pub(super) struct Opening(#[expect(dead_code, reason = "held for its lock")] File);

/// Waits for the right to open, makes folder and empty file where they are missing, and closes the file to others.
///
/// SQLite gives its log files the mode of the main file, so that one has to be right first.
pub(super) async fn prepare(path: &Path) -> Result<Opening, Error> {
    let owned = path.to_owned();
    tokio::task::spawn_blocking(move || prepare_blocking(&owned))
        .await
        .map_err(|cause| broken(path, "open the state", cause))?
}

fn prepare_blocking(path: &Path) -> Result<Opening, Error> {
    make_folder(path).map_err(|cause| broken(path, "make the folder of the state", cause))?;
    let opening = lock(path).map_err(|cause| broken(path, "lock the state for opening", cause))?;
    make_private(path).map_err(|cause| broken(path, "make the file of the state", cause))?;
    Ok(opening)
}

fn make_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The lock has a file of its own beside the store, which stays: a file that is removed can be locked twice.
fn lock(path: &Path) -> io::Result<Opening> {
    let mut name = path.as_os_str().to_owned();
    name.push("-opening");
    let file = private().truncate(false).create(true).open(name)?;
    file.lock()?;
    Ok(Opening(file))
}

/// An existing file is not opened here: closing it would end the locks SQLite holds on it elsewhere in this process.
fn make_private(path: &Path) -> io::Result<()> {
    match private().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => close_to_others(path),
        Err(error) => Err(error),
    }
}

fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}
