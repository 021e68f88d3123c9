//! Every key of a replication file and what is done with it.
//!
//! One table per map of the file. `docs/replication-file.md` is made from them, and a test holds them against the
//! description of the format. What means nothing for this source is warned about; what is ours already is taken
//! silently; what is not done is refused by name, with the reason.

#[cfg(test)]
mod flags;
mod hooks;
mod options;
mod streams;
mod switches;
#[cfg(test)]
mod tests;

pub use hooks::{HOOK, HOOK_TYPE, HOOKS_OF_RUN, HOOKS_OF_STREAM, hook_keys};
pub use options::{
    COLUMN_TYPING, DECIMAL_TYPING, DELETE_MISSING, SOURCE_OPTIONS, STRING_TYPING, TABLE_KEYS, TARGET_OPTIONS,
};
pub use streams::{COLUMN_TYPE, MODE, MODIFIER, ROOT, STREAM, TRANSFORM};
pub use switches::SWITCH;

/// What is done with a key, a value or a switch, and in a few words why or how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Carried out.
    Done(&'static str),
    /// Accepted; nothing is left to do.
    Same(&'static str),
    /// Accepted and ignored, with a word about why.
    Warned(&'static str),
    /// Refused, with the reason.
    Refused(&'static str),
}

/// Keys with what is done about them.
pub type Table = &'static [(&'static str, Grant)];

/// What is done with `key`, `None` where nobody knows it.
pub fn grant(table: Table, key: &str) -> Option<Grant> {
    table.iter().find(|(known, _)| *known == key).map(|(_, grant)| *grant)
}

/// All names of a table.
pub fn names(table: Table) -> impl Iterator<Item = &'static str> + Clone {
    table.iter().map(|(name, _)| *name)
}
