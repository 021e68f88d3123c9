//! Files of this machine that hooks read and write.

use std::{
    fs,
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use achub_core::{Code, Error};

/// How much of a file is read, bytes.
const READ_MAX: u64 = 16 << 20;

/// Writes `content` to the file, in place of what it held.
pub fn write(folder: &Path, name: &str, content: &str) -> Result<(), Error> {
    let path = path(folder, name)?;
    fs::write(&path, content).map_err(|cause| failed("write", &path, cause))
}

/// The text of the file.
pub fn read(folder: &Path, name: &str) -> Result<String, Error> {
    let path = path(folder, name)?;
    let file = fs::File::open(&path).map_err(|cause| failed("read", &path, cause))?;
    let mut bytes = Vec::new();
    file.take(READ_MAX + 1).read_to_end(&mut bytes).map_err(|cause| failed("read", &path, cause))?;
    if bytes.len() as u64 > READ_MAX {
        let what = format!("{} is larger than {} MiB", path.display(), READ_MAX >> 20);
        return Err(Error::new(Code::HookFailed, what));
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::new(Code::HookFailed, format!("{} is no UTF-8 text", path.display())))
}

/// Where the file lies: an absolute path as it is, any other below the folder.
///
/// Errors: `RN-107` for a path that leads out of the folder by `..`; what a hook renders into it is data.
fn path(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let name = name.strip_prefix("file://").unwrap_or(name);
    let path = Path::new(name);
    if path.components().any(|part| part == Component::ParentDir) {
        let what = format!("the path {name:?} leads out of its folder by `..`");
        return Err(Error::new(Code::HookFailed, what).with_hint("name the file by its absolute path"));
    }
    Ok(if path.is_absolute() { path.to_owned() } else { folder.join(path) })
}

fn failed(what: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::new(Code::HookFailed, format!("cannot {what} {}: {cause}", path.display())).with_source(cause)
}
