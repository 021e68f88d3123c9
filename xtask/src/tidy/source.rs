//! Rust source as the rules read it: line by line, told apart into code, comments and tests.

/// Whether all of the file at `path` is test code or a tool for developers, which may print.
pub fn is_for_developers(path: &str) -> bool {
    let beside = ["xtask/", "crates/bench/", "crates/testkit/"];
    beside.iter().any(|folder| path.starts_with(folder)) || is_test(path)
}

/// Whether all of the file at `path` is compiled for tests or as an example only.
pub fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/examples/") || path.ends_with("/tests.rs")
}

/// The lines of `text` with their numbers from 1 up to its unit tests, comments left out.
pub fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = unit_tests_begin(text);
    let lines = (1..).zip(text.lines()).take_while(move |(number, _)| *number < end);
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The documentation lines of test code in `text`: of the whole file where `whole`, else of its unit tests.
pub fn test_docs(text: &str, whole: bool) -> impl Iterator<Item = (usize, &str)> {
    let begin = if whole { 1 } else { unit_tests_begin(text) };
    (1..).zip(text.lines()).skip_while(move |(number, _)| *number < begin).filter(|(_, line)| {
        let line = line.trim_start();
        line.starts_with("///") || line.starts_with("//!")
    })
}

/// The number of the line with which the unit tests at the end of `text` begin, one past the last where there are none.
/// Tests in a file of their own (`mod tests;`) are not at the end.
fn unit_tests_begin(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |pair: &[&str]| {
        pair[0].starts_with("#[cfg(test)]") && pair[1].contains("mod ") && pair[1].contains('{')
    };
    lines.windows(2).position(begins).map_or(lines.len() + 1, |index| index + 1)
}

/// Whether `text[start..end]` is a whole name, not part of a longer one.
pub fn is_word_at(text: &str, start: usize, end: usize) -> bool {
    let part_of_name = |character: char| character.is_alphanumeric() || character == '_';
    !text[..start].ends_with(part_of_name) && !text[end..].starts_with(part_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "//! About.\n#[cfg(test)]\nmod tests;\n    // Why.\n/// Doc.\nfn b() {}\n#[cfg(test)]\nmod more {\n    /// SL-1.\n}";

    #[test]
    fn code_is_without_comments_and_tests() {
        assert_eq!(
            code(FILE).collect::<Vec<_>>(),
            [(2, "#[cfg(test)]"), (3, "mod tests;"), (6, "fn b() {}")]
        );
    }

    #[test]
    fn docs_outside_tests_do_not_count() {
        assert_eq!(test_docs(FILE, false).collect::<Vec<_>>(), [(9, "    /// SL-1.")]);
        assert_eq!(test_docs(FILE, true).count(), 3);
    }

    #[test]
    fn words_end_where_names_end() {
        let text = "eprintln!(print!";
        assert!(is_word_at(text, 0, 8));
        assert!(!is_word_at(text, 1, 8));
        assert!(is_word_at(text, 10, 15));
    }
}
