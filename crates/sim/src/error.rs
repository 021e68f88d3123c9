//! What can go wrong before or beside serving.

use std::path::PathBuf;

/// Why the simulator cannot start, or what a control call got wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A fault rule is not understood.
    #[error("fault rule {rule}: {problem}")]
    Fault {
        /// The position of the rule in what was given, from 1.
        rule: usize,
        /// What is wrong with it, naming the member.
        problem: String,
    },
    /// A control call named something that does not exist, or gave it a wrong shape.
    #[error("{0}")]
    Control(String),
    /// The folder of `--data` cannot be read or written.
    #[error("data folder {}", path.display())]
    Data {
        /// The file or folder that was tried.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file in the folder of `--data` is not an account of ours.
    #[error("{} does not hold a stored account", path.display())]
    Stored {
        /// The file.
        path: PathBuf,
        /// Where it stops being one.
        source: serde_json::Error,
    },
    /// The folder of `--data` holds an account made with other settings.
    #[error("{} holds an account with {name} {stored}, not {asked}: use another folder or the same settings", path.display())]
    OtherAccount {
        /// The file.
        path: PathBuf,
        /// The setting that differs: `contacts`, `seed` or `gap_every`.
        name: &'static str,
        /// Its stored value.
        stored: u64,
        /// The value asked for now.
        asked: u64,
    },
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[source] std::io::Error),
}
