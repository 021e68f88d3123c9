//! Every source file begins by saying what it is about.

use super::{Finding, Project};

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let files = project.tree.matching("", ".rs");
    let silent = files.filter(|(_, text)| !begins_with_docs(text));
    silent.map(|(path, _)| Finding::line(path, 1, "does not begin with `//!`")).collect()
}

fn begins_with_docs(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.next().is_some_and(|line| line.starts_with("//! "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_without_docs_is_found() {
        for (text, findings) in [
            ("//! About streams.\nfn a() {}", 0),
            ("fn a() {}\n//! Too late.", 1),
            ("// Not documentation.", 1),
            ("", 1),
        ] {
            let project = Project::of([("crates/a/src/lib.rs", text)]);
            assert_eq!(check(&project).len(), findings, "{text:?}");
        }
    }
}
