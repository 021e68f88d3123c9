//! All replication files of a folder, one after another.

use std::path::{Path, PathBuf};

use achub_core::{Code, Error};

use super::Call;
use crate::{
    command::replication,
    config::replication_file::is_replication,
    output::{Failure, exit_code},
};

/// How the names of files end that may be replications.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Exit codes from the one that matters least to the one that matters most: who has several failures acts upon the last
/// of them first.
const RANKS: [u8; 7] = [3, 5, 1, 2, 6, 7, 4];

/// How the files ended.
#[derive(Default)]
struct Ended {
    done: u64,
    failed: u64,
    worst: Option<u8>,
}

/// Runs every replication file of `folder` and of the folders in it, in the order of their paths. A file that fails does
/// not keep the others from running; the exit code is the worst of all.
pub(super) async fn run(call: &Call<'_>, folder: &Path) -> Result<(), Failure> {
    let files = replications(call, folder)?;
    let (of, mut ended) = (files.len(), Ended::default());
    for (index, (path, text)) in files.iter().enumerate() {
        if call.interrupt.stop().is_requested() {
            return Err(Failure::Said(call.interrupt.exit_code()));
        }
        call.output.say(&format!("file {} of {of}: {}", index + 1, path.display()));
        match call.file(text, path).await {
            Ok(()) => ended.done += 1,
            Err(output @ Failure::Output(_)) => return Err(output),
            Err(Failure::Said(code)) => ended.add(code),
            Err(Failure::Error(error)) => {
                call.output.error(&error);
                ended.add(exit_code(error.class()));
            }
        }
    }
    call.output.say(&format!("{of} files: {} done, {} failed", ended.done, ended.failed));
    ended.worst.map_or(Ok(()), |code| Err(Failure::Said(code)))
}

impl Ended {
    fn add(&mut self, code: u8) {
        self.failed += 1;
        // An interruption is not in the list: it ends everything, so nothing is worse.
        let rank = |code: u8| RANKS.iter().position(|known| *known == code).unwrap_or(RANKS.len());
        self.worst = self.worst.into_iter().chain([code]).max_by_key(|code| rank(*code));
    }
}

/// The replication files with their texts. Other files are told and passed over; a pipeline is not, it would be missed.
fn replications(call: &Call<'_>, folder: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = replication::file_text(&path)?;
        match is_replication(&text) {
            true => files.push((path, text)),
            false => {
                call.output.say(&format!("{} is passed over: it is no replication file", path.display()))
            }
        }
    }
    match files.is_empty() {
        false => Ok(files),
        true => Err(Error::new(Code::BadFile, format!("{} holds no replication file", folder.display()))
            .with_hint(
                "a replication file ends in .yaml, .yml or .json and has `source`, `target` and `streams`",
            )),
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::new(Code::BadFile, format!("cannot read the folder {}", folder.display())).with_source(error)
    };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        // A link to a folder is not followed: it may lead back here.
        if !is_hidden && path.is_dir() && !path.is_symlink() {
            collect(&path, paths)?;
        } else if !is_hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            paths.push(path);
        }
    }
    Ok(())
}
