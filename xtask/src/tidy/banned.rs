//! The lock file holds no second TLS provider and nothing from a registry of its own.

use super::{Finding, Project};

const LOCK: &str = "Cargo.lock";

/// Packages that must not come in, by however many detours. `deny.toml` says the same to cargo-deny.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-rs", "rustls panics where two providers are linked; ring is ours"),
    ("aws-lc-sys", "rustls panics where two providers are linked; ring is ours"),
    ("native-tls", "rustls is ours"),
    ("openssl", "rustls is ours"),
    ("openssl-sys", "rustls is ours"),
];

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let Some(lock) = project.tree.text(LOCK) else {
        return vec![Finding::file(LOCK, "is missing")];
    };
    (1..).zip(lock.lines()).filter_map(|(number, line)| finding(number, line)).collect()
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
    fn foreign_source_is_found() {
        let lock = "[[package]]\nname = \"a\"\nsource = \"git+https://example.com/a#1\"\n";

        assert_eq!(check(&Project::of([(LOCK, lock)])).len(), 1);
    }
}
