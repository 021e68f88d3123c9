//! The generated pages of `docs/` are as the code would make them now.

use super::{Finding, Project};
use crate::docs::{PAGES, Page};

pub(super) fn check(project: &Project) -> Vec<Finding> {
    PAGES.iter().filter_map(|page| stale(project, page)).collect()
}

fn stale(project: &Project, page: &Page) -> Option<Finding> {
    let wanted = (page.text)();
    let present = project.tree.text(page.path).unwrap_or_default();
    if present == wanted {
        return None;
    }
    let differs = (1..)
        .zip(wanted.lines())
        .zip(present.lines().chain(std::iter::repeat("")))
        .find_map(|((number, wanted), present)| (wanted != present).then_some(number));
    let line = differs.unwrap_or_else(|| wanted.lines().count() + 1);
    Some(Finding::line(page.path, line, "is not what the code would make; run `cargo xtask docs`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_page_is_found_at_the_line() {
        let page = Page { path: "docs/page.md", text: || "one\ntwo\n".to_owned() };
        for (present, line) in
            [("one\ntwo\n", None), ("one\nthree\n", Some(2)), ("one\ntwo\nmore\n", Some(3)), ("", Some(1))]
        {
            let project = Project::of([("docs/page.md", present)]);
            assert_eq!(stale(&project, &page).map(|finding| finding.line), line.map(Some), "{present:?}");
        }
    }
}
