//! `docs/requirements.md`: each requirement once, in a known state, and what is done is cited by a test.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Project, source};

const PAGE: &str = "docs/requirements.md";

/// The groups of requirements; an id is one of these, a dash and a number.
const GROUPS: &[&str] = &["SX", "AB", "EV", "AM", "SL", "RC"];

struct Requirement<'a> {
    id: &'a str,
    line: usize,
    state: &'a str,
}

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let Some(page) = project.tree.text(PAGE) else {
        return vec![Finding::file(PAGE, "is missing")];
    };
    let requirements = rows(page);
    let known: BTreeSet<&str> = requirements.iter().map(|requirement| requirement.id).collect();
    let cited = citations(project);

    let mut findings = check_rows(project, &requirements);
    let done = requirements.iter().filter(|requirement| requirement.state.starts_with("done"));
    findings.extend(done.filter(|requirement| !cited.contains_key(requirement.id)).map(|requirement| {
        let message =
            format!("{} is `{}`, but no test's documentation cites it", requirement.id, requirement.state);
        Finding::line(PAGE, requirement.line, message)
    }));
    let unknown = cited.iter().filter(|(id, _)| !known.contains(id.as_str()));
    findings.extend(
        unknown.map(|(id, (path, line))| {
            Finding::line(path, *line, format!("cites {id}, which is not in {PAGE}"))
        }),
    );
    findings
}

/// The table rows `| ID | what | state |` of the page.
fn rows(page: &str) -> Vec<Requirement<'_>> {
    let rows = (1..).zip(page.lines()).filter_map(|(line, text)| {
        let mut cells = text.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let (id, state) = (cells.next()?.trim(), cells.last()?.trim());
        (ids(id).as_slice() == [id]).then_some(Requirement { id, line, state })
    });
    rows.collect()
}

fn check_rows(project: &Project, requirements: &[Requirement<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for requirement in requirements {
        if !seen.insert(requirement.id) {
            findings.push(Finding::line(PAGE, requirement.line, format!("{} appears twice", requirement.id)));
        }
        if !is_state(project, requirement.state) {
            let message = format!("{} has the unknown state `{}`", requirement.id, requirement.state);
            findings.push(Finding::line(PAGE, requirement.line, message));
        }
    }
    findings
}

/// `open`, `done`, `done but screen`, or `replaced (NNNN)` with the number of a decision that exists.
fn is_state(project: &Project, state: &str) -> bool {
    let decision = state.strip_prefix("replaced (").and_then(|rest| rest.strip_suffix(')'));
    match decision {
        Some(number) if number.len() == 4 => {
            project.tree.matching(&format!("docs/decisions/{number}-"), ".md").next().is_some()
        }
        Some(_) => false,
        None => ["open", "done", "done but screen"].contains(&state),
    }
}

/// Each id that the documentation of test code cites, with the first place.
fn citations(project: &Project) -> BTreeMap<String, (String, usize)> {
    let mut cited = BTreeMap::new();
    // This crate's own tests cite ids as samples.
    for (path, text) in project.tree.matching("crates/", ".rs") {
        let whole = source::is_test(path) || path.starts_with("crates/testkit/");
        for (number, line) in source::test_docs(text, whole) {
            for id in ids(line) {
                cited.entry(id).or_insert_with(|| (path.to_owned(), number));
            }
        }
    }
    cited
}

/// The ids in `text`; `SL-3…SL-5` and `SL-3…5` stand for three.
fn ids(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((group, number, after)) = next_id(rest) {
        let last = range_end(group, after);
        found.extend((number..=last.unwrap_or(number)).map(|number| format!("{group}-{number}")));
        rest = after;
    }
    found
}

/// The first id of `text` as group and number, and what follows it.
fn next_id(text: &str) -> Option<(&'static str, u32, &str)> {
    let places = GROUPS.iter().flat_map(|&group| {
        text.match_indices(group).filter_map(move |(at, _)| {
            let digits = text[at + group.len()..].strip_prefix('-')?;
            let (number, after) = leading_number(digits)?;
            let whole = !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '-');
            whole.then_some((at, group, number, after))
        })
    });
    places.min_by_key(|(at, ..)| *at).map(|(_, group, number, after)| (group, number, after))
}

fn range_end(group: &str, after: &str) -> Option<u32> {
    let end = after.strip_prefix('…')?;
    let end = end.strip_prefix(group).and_then(|end| end.strip_prefix('-')).unwrap_or(end);
    leading_number(end).map(|(number, _)| number)
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let length = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text[..length].parse().ok().map(|number| (number, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(page: &str, test: &str) -> Vec<String> {
        let project = Project::of([
            (PAGE, page),
            ("crates/a/src/lib.rs", "/// SL-9 outside of tests.\n"),
            ("crates/a/tests/it/main.rs", test),
            ("docs/decisions/0004-rate.md", ""),
        ]);
        check(&project).iter().map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn ids_are_read_alone_and_in_ranges() {
        for (text, expected) in [
            ("/// SL-3, AB-12: kept.", vec!["SL-3", "AB-12"]),
            ("SL-3…SL-5", vec!["SL-3", "SL-4", "SL-5", "SL-5"]),
            ("EV-22…24 and SX-1", vec!["EV-22", "EV-23", "EV-24", "SX-1"]),
            ("XSL-3 SL- SL-x RC", vec![]),
        ] {
            assert_eq!(ids(text), expected, "{text}");
        }
    }

    #[test]
    fn done_without_a_test_is_found() {
        let page = "| id | what | state |\n|---|---|---|\n| SL-1 | read it | done |\n| SL-9 | more | done but screen |\n";

        assert_eq!(findings(page, "/// SL-1: reads.").len(), 1, "SL-9 is cited outside of tests only");
        assert_eq!(findings(page, "/// SL-1, SL-9: reads.").len(), 0);
        assert_eq!(findings(page, "// SL-1, SL-9: no documentation.").len(), 2);
    }

    #[test]
    fn bad_rows_and_unknown_ids_are_found() {
        for (row, test, expected) in [
            ("| SL-1 | a | open |\n| SL-1 | a | open |", "", "SL-1 appears twice"),
            ("| SL-1 | a | finished |", "", "SL-1 has the unknown state `finished`"),
            ("| SL-1 | a | replaced (0099) |", "", "SL-1 has the unknown state `replaced (0099)`"),
            ("| SL-1 | a | open |", "/// SL-77", "cites SL-77, which is not in docs/requirements.md"),
        ] {
            assert_eq!(findings(row, test), [expected]);
        }
        assert_eq!(findings("| SL-1 | a | replaced (0004) |", ""), [""; 0]);
    }
}
