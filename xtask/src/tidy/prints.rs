//! Only the command line's output module prints.

use super::{Finding, Project, source};

/// Where the program's words and data leave it: a file of this name or the folder beside it.
const OUTPUT: &str = "crates/cli/src/output";

/// Names and the sign that follows where they are used.
const PRINTING: &[(&str, &str)] = &[
    ("println", "!"),
    ("eprintln", "!"),
    ("print", "!"),
    ("eprint", "!"),
    ("dbg", "!"),
    ("stdout", "("),
    ("stderr", "("),
];

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.tree.matching("", ".rs") {
        if path.starts_with(OUTPUT) || source::is_for_developers(path) {
            continue;
        }
        for (number, line) in source::code(text) {
            if let Some(name) = printing(line) {
                let message = format!("prints with `{name}`; that is for {OUTPUT}");
                findings.push(Finding::line(path, number, message));
            }
        }
    }
    findings
}

fn printing(line: &str) -> Option<&'static str> {
    PRINTING.iter().find_map(|&(name, sign)| {
        let mut places = line.match_indices(name).map(|(at, _)| (at, at + name.len()));
        let prints = |(start, end): (usize, usize)| {
            // `.stdout(…)` is a method of a child process.
            let method = line[..start].ends_with('.');
            line[end..].starts_with(sign) && source::is_word_at(line, start, end) && !method
        };
        places.any(prints).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_prints_are_found() {
        for (path, text, findings) in [
            ("crates/cli/src/run.rs", "    println!(\"done\");", 1),
            ("crates/cli/src/run.rs", "let out = std::io::stdout();", 1),
            ("crates/cli/src/run.rs", "let out = std::io::stderr().lock();", 1),
            ("crates/engine/src/hub.rs", "dbg!(1);", 1),
            ("crates/engine/src/hub.rs", "/// Use `println!(…)`.", 0),
            ("crates/engine/src/hub.rs", "command.stdout(Stdio::piped())", 0),
            ("crates/engine/src/hub.rs", "let my_stdout = blueprint!(1);", 0),
            ("crates/engine/src/hub.rs", "#[cfg(test)]\nmod tests { fn f() { println!() } }", 0),
            ("crates/cli/src/output.rs", "println!()", 0),
            ("crates/cli/src/output/table.rs", "println!()", 0),
            ("crates/cli/tests/it/main.rs", "println!()", 0),
            ("crates/testkit/src/postgres.rs", "println!()", 0),
        ] {
            let project = Project::of([(path, text)]);
            assert_eq!(check(&project).len(), findings, "{path}: {text}");
        }
    }
}
