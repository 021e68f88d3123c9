//! Relative links between pages lead somewhere.

use super::{Finding, Project};

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let pages = project.tree.matching("docs/", ".md").chain(project.tree.matching("README", ".md"));
    pages.flat_map(|(path, text)| check_page(project, path, text)).collect()
}

fn check_page(project: &Project, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let broken = targets(line).filter(|target| !leads_somewhere(project, path, target));
        findings.extend(
            broken.map(|target| Finding::line(path, number, format!("links to {target}, which is missing"))),
        );
    }
    findings
}

/// What the links of a line point to.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

fn leads_somewhere(project: &Project, page: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let Some(path) = resolve(page, file) else {
        // Above the root: outside of what is published.
        return false;
    };
    let headings = project.tree.text(&path).unwrap_or_default();
    project.tree.has(&path)
        && (anchor.is_empty() || headings.lines().filter_map(slug).any(|slug| slug == anchor))
}

/// The path of `link` as seen from `page`, from the workspace's root. The empty link is the page itself.
fn resolve(page: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// The anchor of a heading: lower case, blanks to dashes, punctuation dropped.
fn slug(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    Some(kept.map(|character| if character == ' ' { '-' } else { character }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_found() {
        for (line, findings) in [
            ("See [words](glossary.md) and [home](../README.md).", 0),
            ("See [words](glossary.md#one-word-one-meaning).", 0),
            ("See [words](glossary.md#nothing-here).", 1),
            ("See [words](glosary.md).", 1),
            ("See [below](#page), [decisions](decisions/) and [web](https://example.com/x).", 0),
            ("See [shared](../../shared/design.md).", 1),
            ("```\n[sample](nowhere.md)\n```", 0),
            ("[a](nowhere.md) [b](glossary.md) [c](neither.md \"title\")", 2),
        ] {
            let page = format!("# Page\n{line}\n");
            let project = Project::of([
                ("docs/page.md", page.as_str()),
                ("docs/glossary.md", "# Words\n## One word, one meaning\n"),
                ("docs/decisions/0001.md", ""),
                ("README.md", ""),
            ]);
            assert_eq!(check(&project).len(), findings, "{line}");
        }
    }
}
