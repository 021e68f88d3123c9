//! Pages that name tests as proofs name tests that exist.

use super::{Finding, Project};

/// Pages whose tables name tests.
const PAGES: &[&str] = &["docs/faults.md", "docs/planted-bugs.md"];

pub(super) fn check(project: &Project) -> Vec<Finding> {
    PAGES.iter().flat_map(|page| check_page(project, page)).collect()
}

fn check_page(project: &Project, page: &str) -> Vec<Finding> {
    let Some(text) = project.tree.text(page) else { return vec![Finding::file(page, "is missing")] };
    let named = (1..).zip(text.lines()).flat_map(|(line, text)| tests(text).map(move |test| (line, test)));
    named
        .filter(|(_, test)| !exists(project, test))
        .map(|(line, test)| Finding::line(page, line, format!("names `{test}`, and there is no such test")))
        .collect()
}

/// What stands in backticks and looks like the name of a test: words joined by at least two underscores.
fn tests(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|word| {
        let is_name = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        is_name && word.matches('_').count() >= 2
    })
}

fn exists(project: &Project, test: &str) -> bool {
    let declaration = format!("fn {test}(");
    project.tree.matching("crates/", ".rs").any(|(_, text)| text.contains(&declaration))
}

#[cfg(test)]
mod tests {
    use super::{Project, check};

    #[test]
    fn test_that_is_gone_is_found() {
        let project = Project::of([
            (
                "docs/faults.md",
                "| A-01 | x | `run_is_killed`, `run_is_gone` |\n`cargo xtask soak`, `two_words`",
            ),
            ("docs/planted-bugs.md", "| 1 | `cursor-before-rows` | `run_is_killed` |"),
            ("crates/a/tests/it/main.rs", "async fn run_is_killed() {}"),
        ]);

        let findings: Vec<String> = check(&project).iter().map(ToString::to_string).collect();

        assert_eq!(findings, ["docs/faults.md:1: names `run_is_gone`, and there is no such test"]);
    }
}
