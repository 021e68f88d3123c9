//! `cargo xtask docs`: the pages of `docs/` that are made from tables in the code.

mod errors;

use std::{fs, path::Path, process::Stdio};

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
    write_replication_file_page(&root)
}

/// `docs/replication-file.md` is made of tables inside the product, which is a program and no library: its own test, which
/// compares page and tables, writes the page where it is asked to.
fn write_replication_file_page(root: &Path) -> Result<bool> {
    let written = workspace::cargo()
        .args(["test", "--quiet", "--package", "achub", "--bin", "achub", "page_is_made_from_the_tables"])
        .env("ACHUB_WRITE_DOCS", "1")
        .current_dir(root)
        .stdout(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    println!("docs/replication-file.md {}", if written.success() { "is fresh" } else { "was not written" });
    Ok(written.success())
}
