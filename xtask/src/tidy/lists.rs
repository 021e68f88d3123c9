//! Lists name what is in their folders, and nothing else.

use std::collections::BTreeSet;

use super::{Finding, Project};

/// A folder whose files are named in a list.
struct Listed {
    folder: &'static str,
    suffix: &'static str,
    /// Names in the folder that are not entries.
    except: &'static [&'static str],
    list: &'static str,
    /// How an entry is written in the list, before and after the file's name without suffix.
    entry: (&'static str, &'static str),
}

const LISTS: &[Listed] = &[
    Listed {
        folder: "crates/api/src/streams/",
        suffix: ".rs",
        // Derived streams have no address, so they stand in no list of what can be asked for.
        except: &["derived", "mod", "tests"],
        list: "crates/api/src/streams/mod.rs",
        entry: ("        ", "::STREAMS,"),
    },
    Listed {
        folder: "crates/connectors/src/",
        suffix: "/mod.rs",
        // What several connectors share.
        except: &["arrow", "folder", "landing", "sql"],
        list: "crates/connectors/src/lib.rs",
        entry: ("pub mod ", ";"),
    },
    Listed {
        folder: "docs/decisions/",
        suffix: ".md",
        except: &["README"],
        list: "docs/decisions/README.md",
        entry: ("](", ".md)"),
    },
];

pub(super) fn check(project: &Project) -> Vec<Finding> {
    LISTS.iter().flat_map(|listed| check_list(project, listed)).collect()
}

fn check_list(project: &Project, listed: &Listed) -> Vec<Finding> {
    let present = present(project, listed);
    let named = named(project.tree.text(listed.list).unwrap_or_default(), listed.entry);
    let missing = present.difference(&named).map(|name| {
        let path = format!("{}{name}{}", listed.folder, listed.suffix);
        Finding::file(&path, format!("is not listed in {}", listed.list))
    });
    let gone = named
        .difference(&present)
        .map(|name| Finding::file(listed.list, format!("lists `{name}`, which is not in {}", listed.folder)));
    missing.chain(gone).collect()
}

fn present<'a>(project: &'a Project, listed: &'a Listed) -> BTreeSet<&'a str> {
    let files = project.tree.matching(listed.folder, listed.suffix);
    let names = files.map(|(path, _)| &path[listed.folder.len()..path.len() - listed.suffix.len()]);
    names.filter(|name| !name.contains('/') && !listed.except.contains(name)).collect()
}

fn named<'a>(list: &'a str, (before, after): (&str, &str)) -> BTreeSet<&'a str> {
    let entries = list.lines().filter_map(|line| {
        let (start, end) = (line.find(before)? + before.len(), line.find(after)?);
        line.get(start..end)
    });
    entries.filter(|name| !name.contains('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlisted_and_missing_files_are_found() {
        let project = Project::of([
            ("crates/api/src/streams/mod.rs", "    [\n        crm::STREAMS,\n        gone::STREAMS,\n    ]"),
            ("crates/api/src/streams/crm.rs", ""),
            ("crates/api/src/streams/forgotten.rs", ""),
            ("crates/api/src/streams/tests.rs", ""),
            ("docs/decisions/README.md", "- [0001 Width](0001-width.md)\n"),
            ("docs/decisions/0001-width.md", ""),
        ]);

        let findings: Vec<String> = check(&project).iter().map(Finding::to_string).collect();

        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("crates/api/src/streams/forgotten.rs:"), "{findings:?}");
        assert!(findings[1].contains("`gone`"), "{findings:?}");
    }
}
