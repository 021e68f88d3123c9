//! The lock file holds no second TLS provider, no second Arrow, and nothing from a registry of its own; and only one
//! module names Arrow.

use super::{Finding, Project, source};

const LOCK: &str = "Cargo.lock";

/// Packages that must not come in, by however many detours. `deny.toml` says the same to cargo-deny.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-rs", "rustls panics where two providers are linked; ring is ours"),
    ("aws-lc-sys", "rustls panics where two providers are linked; ring is ours"),
    ("native-tls", "rustls is ours"),
    ("openssl", "rustls is ours"),
    ("openssl-sys", "rustls is ours"),
];

/// Packages whose versions do not understand each other's values. `deny.toml` says the same to cargo-deny.
const ONCE: &[&str] = &["arrow-array", "arrow-buffer", "arrow-data", "arrow-schema", "parquet"];

/// The only place that names Arrow, so that its version is chosen once.
const ARROW: &str = "crates/connectors/src/arrow/";

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let Some(lock) = project.tree.text(LOCK) else {
        return vec![Finding::file(LOCK, "is missing")];
    };
    let lines = (1..).zip(lock.lines()).filter_map(|(number, line)| finding(number, line));
    lines.chain(second_versions(lock)).chain(arrow_elsewhere(project)).collect()
}

fn second_versions(lock: &str) -> impl Iterator<Item = Finding> {
    ONCE.iter().filter_map(move |once| {
        let name = format!("name = \"{once}\"");
        let mut places = (1..).zip(lock.lines()).filter(|(_, line)| *line == name);
        let (number, _) = places.nth(1)?;
        let message = format!("a second version of `{once}`: pin it with `cargo update --precise`");
        Some(Finding::line(LOCK, number, message))
    })
}

fn arrow_elsewhere(project: &Project) -> impl Iterator<Item = Finding> {
    let files = project.tree.matching("crates/", ".rs").filter(|(path, _)| !path.starts_with(ARROW));
    files.flat_map(|(path, text)| {
        (1..).zip(text.lines()).filter(|(_, line)| names_arrow(line)).map(move |(number, _)| {
            Finding::line(path, number, format!("names an arrow crate; take what is needed from {ARROW}"))
        })
    })
}

fn names_arrow(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["arrow_array", "arrow_buffer", "arrow_data", "arrow_schema"].iter().any(|name| {
        code.match_indices(name).any(|(at, found)| source::is_word_at(code, at, at + found.len()))
    })
}

fn finding(number: usize, line: &str) -> Option<Finding> {
    if let Some(name) = line.strip_prefix("name = ") {
        let name = name.trim_matches('"');
        let (_, reason) = BANNED.iter().find(|(banned, _)| *banned == name)?;
        return Some(Finding::line(LOCK, number, format!("`{name}` is banned: {reason}")));
    }
    let source = line.strip_prefix("source = ")?.trim_matches('"');
    // The public index by its own name, whichever mirror a machine uses.
    let public = ["registry+https://github.com/rust-lang/crates", "io-index"].join(".");
    (source != public).then(|| Finding::line(LOCK, number, format!("comes from {source}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_tls_provider_is_found() {
        let lock = "[[package]]\nname = \"ring\"\n\n[[package]]\nname = \"aws-lc-rs\"\n";

        let findings = check(&Project::of([(LOCK, lock)]));

        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, Some(5));
    }

    #[test]
    fn second_arrow_is_found() {
        let lock = "[[package]]\nname = \"arrow-array\"\n\n[[package]]\nname = \"arrow-array\"\n";
        let elsewhere = "// arrow_schema is not named here\nuse arrow_schema::Field;\n";

        let findings = check(&Project::of([
            (LOCK, lock),
            ("crates/connectors/src/arrow/mod.rs", elsewhere),
            ("crates/connectors/src/duckdb/mod.rs", elsewhere),
        ]));

        let places: Vec<_> = findings.iter().map(|finding| (finding.path.as_str(), finding.line)).collect();
        assert_eq!(places, [(LOCK, Some(5)), ("crates/connectors/src/duckdb/mod.rs", Some(2))]);
    }

    #[test]
    fn foreign_source_is_found() {
        let lock = "[[package]]\nname = \"a\"\nsource = \"git+https://example.com/a#1\"\n";

        assert_eq!(check(&Project::of([(LOCK, lock)])).len(), 1);
    }
}
