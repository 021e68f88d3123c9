//! What cargo-nextest writes about a run, as far as the report needs it.

use super::runner;

/// The reasons of passed tests that said `skipped: reason` on a line of their own; the first one of each test.
///
/// `xml` is cargo-nextest's JUnit file with the output of passed tests in it.
pub fn skip_reasons(xml: &str) -> Vec<String> {
    xml.split("<testcase ").skip(1).filter_map(skip_reason).collect()
}

fn skip_reason(test: &str) -> Option<String> {
    if test.contains("<failure") || test.contains("<error") {
        return None;
    }
    let outputs = test.replace("<system-out>", "\n").replace("<system-err>", "\n").replace("</system-", "\n");
    outputs.lines().find_map(runner::skip_reason).map(|reason| unescape(reason.trim()))
}

fn unescape(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_skipped_test_counts_once() {
        let xml = r#"<testsuites tests="5">
            <testcase name="a" classname="x"><system-out>
running 1 test
skipped: ../shared is &quot;missing&quot;
skipped: again
test a ... ok</system-out></testcase>
            <testcase name="b"><system-err>skipped: no server</system-err></testcase>
            <testcase name="c"><system-out>not skipped: all ran</system-out></testcase>
            <testcase name="d" time="0.1"/>
            <testcase name="e"><failure type="test failure">...</failure><system-out>skipped: half</system-out></testcase>
        </testsuites>"#;

        assert_eq!(skip_reasons(xml), ["../shared is \"missing\"", "no server"]);
    }
}
