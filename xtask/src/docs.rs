//! `cargo xtask docs`: the pages of `docs/` that are made from tables in the code.

mod errors;

use std::fs;

use anyhow::{Context, Result};

use crate::workspace;

/// A page made from the code.
pub struct Page {
    /// Relative to the workspace's root.
    pub path: &'static str,
    /// Makes its text.
    pub text: fn() -> String,
}

/// All generated pages. `tidy` compares each with its file.
pub const PAGES: &[Page] = &[
    Page { path: "docs/errors.md", text: errors::page },
    Page { path: "docs/streams.md", text: achub_api::docs::streams_markdown },
];

/// Writes every page whose file differs.
pub fn run(_arguments: &[String]) -> Result<bool> {
    let root = workspace::root()?;
    for page in PAGES {
        let text = (page.text)();
        let path = root.join(page.path);
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            println!("{} is fresh", page.path);
            continue;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", page.path))?;
        println!("{} written", page.path);
    }
    Ok(true)
}
