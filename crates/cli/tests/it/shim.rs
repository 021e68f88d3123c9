//! The disk under a program, made to fail or to keep a journal: `tests/shim/disk.c`, built here and loaded by LD_PRELOAD.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The calls that can be made to fail.
#[derive(Debug, Clone, Copy)]
pub enum Call {
    Open,
    Read,
    Write,
    Sync,
    Truncate,
    Rename,
    Unlink,
}

/// What a failing call answers.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// The disk is broken.
    Io,
    /// The disk is full.
    Full,
}

/// A fault of the disk: from the `from`th matching call on, all fail.
#[derive(Debug, Clone, Copy)]
pub struct Fault<'a> {
    pub call: Call,
    pub answer: Answer,
    /// What the paths of the files contain.
    pub of: &'a str,
    pub from: usize,
}

impl Call {
    fn word(self) -> &'static str {
        match self {
            Call::Open => "open",
            Call::Read => "read",
            Call::Write => "write",
            Call::Sync => "sync",
            Call::Truncate => "truncate",
            Call::Rename => "rename",
            Call::Unlink => "unlink",
        }
    }
}

/// The shim, `None` where there can be none: other systems than Linux, no C compiler. Says so then.
pub fn library() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let library = build();
        if library.is_none() {
            println!("skipped: no shim for the disk: it takes Linux and a C compiler called cc");
        }
        library
    });
    built.as_deref()
}

fn build() -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    Command::new("cc").arg("--version").output().ok()?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/disk.c");
    // Its own for each process of tests, so that none loads what another is still writing.
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("disk-shim-{}.so", std::process::id()));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    let compiled = compiler.arg(&library).arg(&source).args(["-ldl", "-lpthread"]).output();
    let compiled = compiled.expect("the compiler answered before");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    Some(library)
}

/// Puts the shim under `command` for files below `folder`.
pub fn put_under(command: &mut Command, library: &Path, folder: &Path) {
    command.env("LD_PRELOAD", library).env("ACHUB_DISK_UNDER", folder);
}

impl Fault<'_> {
    /// Breaks the disk under `command`.
    pub fn put_under(&self, command: &mut Command, library: &Path, folder: &Path) {
        put_under(command, library, folder);
        let answer = match self.answer {
            Answer::Io => "EIO",
            Answer::Full => "ENOSPC",
        };
        command.env("ACHUB_DISK_FAIL", self.call.word()).env("ACHUB_DISK_ERRNO", answer);
        command.env("ACHUB_DISK_MATCH", self.of).env("ACHUB_DISK_FROM", self.from.to_string());
    }
}
