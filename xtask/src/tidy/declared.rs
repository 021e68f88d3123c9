//! Every source file is declared by its parent, and each crate has one integration-test binary at most.
//! A file that nothing declares is never compiled, and its tests never run.

use super::{Finding, Project, source};

/// Files that cargo finds by itself.
const ROOTS: &[&str] = &["src/lib.rs", "src/main.rs", "build.rs", "tests/it/main.rs"];

pub(super) fn check(project: &Project) -> Vec<Finding> {
    project.tree.matching("", ".rs").filter_map(|(path, _)| finding(project, path)).collect()
}

fn finding(project: &Project, path: &str) -> Option<Finding> {
    let inside = path.strip_prefix("crates/").and_then(|path| path.split_once('/')).map(|(_, inside)| inside);
    let inside = inside.or_else(|| path.strip_prefix("xtask/"))?;
    if ROOTS.contains(&inside)
        || ["examples/", "benches/", "src/bin/"].iter().any(|auto| inside.starts_with(auto))
    {
        return None;
    }
    if inside.starts_with("tests/") && inside.matches('/').count() == 1 {
        return Some(Finding::file(path, "is a second test binary; make it a module of tests/it/main.rs"));
    }
    let (folder, name) = path.trim_end_matches(".rs").trim_end_matches("/mod").rsplit_once('/')?;
    let declaration = format!("mod {name}");
    let declares = |parent: &String| {
        let text = project.tree.text(parent)?;
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.into_iter().find(|line| declares(line, &declaration))
    };
    let parents = [
        format!("{folder}/mod.rs"),
        format!("{folder}.rs"),
        format!("{folder}/lib.rs"),
        format!("{folder}/main.rs"),
    ];
    let declared = parents.iter().filter(|parent| *parent != path).find_map(declares).is_some();
    (!declared)
        .then(|| Finding::file(path, format!("no parent has `{declaration};`, so it is never compiled")))
}

fn declares(line: &str, declaration: &str) -> bool {
    line.match_indices(declaration).any(|(at, found)| source::is_word_at(line, at, at + found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undeclared_file_is_found() {
        let project = Project::of([
            ("crates/a/src/lib.rs", "pub mod b;\n#[cfg(test)]\nmod tests;\n// mod lost;"),
            ("crates/a/src/b.rs", "mod c;"),
            ("crates/a/src/b/c.rs", ""),
            ("crates/a/src/b/c_more.rs", ""),
            ("crates/a/src/tests.rs", ""),
            ("crates/a/src/lost.rs", ""),
            ("crates/a/tests/it/main.rs", "mod runs;"),
            ("crates/a/tests/it/runs/mod.rs", "mod late;"),
            ("crates/a/tests/it/runs/late.rs", ""),
            ("crates/a/tests/it/forgotten.rs", ""),
            ("crates/a/tests/second.rs", ""),
            ("xtask/src/main.rs", ""),
        ]);

        let paths: Vec<String> = check(&project).into_iter().map(|finding| finding.path).collect();

        assert_eq!(
            paths,
            [
                "crates/a/src/b/c_more.rs",
                "crates/a/src/lost.rs",
                "crates/a/tests/it/forgotten.rs",
                "crates/a/tests/second.rs"
            ]
        );
    }
}
