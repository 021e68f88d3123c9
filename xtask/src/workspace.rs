//! The workspace as developer commands see it: where it is, and its files as text.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The folder of the workspace's manifest.
pub fn root() -> Result<PathBuf> {
    let xtask = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => env::current_dir()?.join("xtask"),
    };
    let root = xtask.parent().context("xtask lies inside the workspace")?.to_owned();
    ensure!(root.join("Cargo.toml").is_file(), "{} is not the workspace", root.display());
    Ok(root)
}

/// The cargo that runs this command.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The files of the workspace with their text. Paths are relative to its root and use `/`.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads all files but those of git and of folders that mark themselves as caches, such as cargo's.
    /// A file that is not UTF-8 is there with an empty text.
    pub fn read(root: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.add_folder(root, "")?;
        Ok(tree)
    }

    /// A tree of these paths and texts.
    #[cfg(test)]
    pub fn of<const N: usize>(files: [(&str, &str); N]) -> Tree {
        Tree { files: files.map(|(path, text)| (path.to_owned(), text.to_owned())).into() }
    }

    /// The text of the file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether `path` is a file or a folder with files.
    pub fn has(&self, path: &str) -> bool {
        let inside = format!("{}/", path.trim_end_matches('/'));
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(inside.clone()..).next().is_some_and(|(file, _)| file.starts_with(&inside))
    }

    /// All files whose path starts with `prefix` and ends with `suffix`.
    pub fn matching<'a>(
        &'a self,
        prefix: &'a str,
        suffix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(prefix) && path.ends_with(suffix))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                // What the runner of the tests writes lies in `target`, which need not be cargo's own folder.
                let is_made = path == ".git" || path == "target";
                if !is_made && !entry.path().join("CACHEDIR.TAG").exists() {
                    self.add_folder(&entry.path(), &format!("{path}/"))?;
                }
            } else {
                let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
                self.files.insert(path, String::from_utf8(bytes).unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// What cargo knows about the workspace.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// The packages of the workspace.
    pub packages: Vec<Package>,
    /// Where cargo builds.
    pub target_directory: PathBuf,
}

/// A package of the workspace.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What its manifest asks for.
    pub dependencies: Vec<Dependency>,
}

/// A line of a manifest's dependencies.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The name of the package that is asked for.
    pub name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks cargo.
    pub fn read(root: &Path) -> Result<Metadata> {
        let output = cargo()
            .args(["metadata", "--format-version=1", "--no-deps"])
            .current_dir(root)
            .output()
            .context("cannot start cargo")?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("cargo metadata is not understood")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_exist_through_their_files() {
        let tree = Tree::of([("docs/decisions/0001.md", ""), ("docs.md", "")]);
        for (path, expected) in [
            ("docs", true),
            ("docs/", true),
            ("docs/decisions", true),
            ("doc", false),
            ("docs/decisions/0001.md", true),
            ("docs/0001.md", false),
        ] {
            assert_eq!(tree.has(path), expected, "{path}");
        }
    }
}
