//! Nothing tells on which machine it was written: no path of a developer, no host of a package registry.

use std::env;

use super::{Finding, Project};

pub(super) fn check(project: &Project) -> Vec<Finding> {
    check_for(project, &patterns())
}

/// A text that must not appear, and whether a name has to follow for it to count.
struct Pattern {
    text: String,
    before_name: bool,
    message: &'static str,
}

/// The texts are put together from parts, so that this file does not hold them.
fn patterns() -> Vec<Pattern> {
    let home = |parts: [&str; 2]| Pattern {
        text: format!("/{}/", parts.concat()),
        before_name: true,
        message: "is a path of a developer's machine",
    };
    let host = |parts: &[&str]| Pattern {
        text: parts.join("."),
        before_name: false,
        message: "is a host of a package registry",
    };
    let mut patterns = vec![
        home(["ho", "me"]),
        home(["Us", "ers"]),
        home(["ro", "ot"]),
        host(&["crates", "io"]),
        host(&["registry", "npmjs", "org"]),
        host(&["pypi", "org"]),
        host(&["files", "pythonhosted", "org"]),
        host(&["rubygems", "org"]),
        host(&["proxy", "golang", "org"]),
        host(&["deb", "debian", "org"]),
    ];
    if let Some(root) =
        env::var("CARGO_MANIFEST_DIR").ok().and_then(|xtask| Some(xtask.strip_suffix("/xtask")?.to_owned()))
    {
        patterns.push(Pattern { text: root, before_name: false, message: "is where this workspace lies" });
    }
    patterns
}

fn check_for(project: &Project, patterns: &[Pattern]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // The lock file names the public index in every entry; `banned` looks after it.
    for (path, text) in project.tree.matching("", "").filter(|(path, _)| *path != "Cargo.lock") {
        for (number, line) in (1..).zip(text.lines()) {
            let told = patterns.iter().filter(|pattern| pattern.is_in(line));
            findings.extend(told.map(|pattern| {
                Finding::line(path, number, format!("`{}` {}", pattern.text, pattern.message))
            }));
        }
    }
    findings
}

impl Pattern {
    fn is_in(&self, line: &str) -> bool {
        line.match_indices(&self.text).any(|(at, found)| {
            let follows = line[at + found.len()..].chars().next().is_some_and(char::is_alphanumeric);
            !self.before_name || follows
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_of_a_machine_are_found() {
        for (parts, findings) in [
            (["/ho", "me/ada/achub"], 1),
            (["C: /Us", "ers/ada"], 1),
            (["/ro", "ot/.cargo"], 0),
            (["/ro", "ot/project"], 1),
            (["see static.cra", "tes.io for it"], 1),
            (["~/.config/ach", "ub"], 0),
            (["XDG says $HO", "ME/.config"], 0),
        ] {
            let text = parts.concat();
            let project = Project::of([("docs/page.md", text.as_str())]);
            assert_eq!(check(&project).len(), findings, "{text}");
        }
    }

    #[test]
    fn place_of_workspace_is_found() {
        let root = env::var("CARGO_MANIFEST_DIR").unwrap().replace("/xtask", "/crates");
        let project = Project::of([("docs/page.md", root.as_str())]);

        assert_eq!(check(&project).iter().filter(|finding| finding.message.contains("workspace")).count(), 1);
    }
}
