//! One file per outside system, each a source, a target, or both.
#![deny(missing_docs)]
