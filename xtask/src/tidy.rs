//! `cargo xtask tidy`: what the compiler and clippy do not check. One rule per file, each with a planted violation.

mod banned;
mod declared;
mod floors;
mod generated;
mod links;
mod lists;
mod machine;
mod module_docs;
mod prints;
mod proofs;
mod requirements;
mod sim_imports;
mod source;

use std::fmt;

use anyhow::Result;

use crate::{
    counts::Counts,
    workspace::{self, Metadata, Tree},
};

/// What the rules look at.
#[derive(Debug)]
pub struct Project {
    tree: Tree,
    metadata: Metadata,
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    path: String,
    /// From 1; `None` where the file as a whole is meant.
    line: Option<usize>,
    message: String,
}

struct Rule {
    name: &'static str,
    check: fn(&Project) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule { name: "floors", check: floors::check },
    Rule { name: "sim-imports", check: sim_imports::check },
    Rule { name: "banned-packages", check: banned::check },
    Rule { name: "declared-files", check: declared::check },
    Rule { name: "lists", check: lists::check },
    Rule { name: "module-docs", check: module_docs::check },
    Rule { name: "prints", check: prints::check },
    Rule { name: "generated-docs", check: generated::check },
    Rule { name: "links", check: links::check },
    Rule { name: "requirements", check: requirements::check },
    Rule { name: "proofs", check: proofs::check },
    Rule { name: "machine", check: machine::check },
];

/// Checks all rules and prints what breaks them.
pub fn run(_arguments: &[String]) -> Result<bool> {
    let counts = counts()?;
    print!("{counts}");
    Ok(counts.failed == 0)
}

/// Checks all rules, prints what breaks them, and counts each rule as a test.
pub fn counts() -> Result<Counts> {
    let root = workspace::root()?;
    let project = Project { tree: Tree::read(&root)?, metadata: Metadata::read(&root)? };
    let mut counts = Counts::default();
    for rule in RULES {
        let findings = (rule.check)(&project);
        for finding in &findings {
            println!("tidy: {}: {finding}", rule.name);
        }
        match findings.is_empty() {
            true => counts.passed += 1,
            false => counts.failed += 1,
        }
    }
    println!("tidy: {} of {} rules hold", counts.passed, RULES.len());
    Ok(counts)
}

impl Finding {
    fn file(path: &str, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line: None, message: message.into() }
    }

    fn line(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

#[cfg(test)]
impl Project {
    /// A project of these files and no packages.
    fn of<const N: usize>(files: [(&str, &str); N]) -> Project {
        let metadata = Metadata { packages: Vec::new(), target_directory: "target".into() };
        Project { tree: Tree::of(files), metadata }
    }
}
