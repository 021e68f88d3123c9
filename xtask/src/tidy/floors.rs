//! Crates ask only for crates on lower floors, and the lower floors are free of input, output and vendors.

use super::{Finding, Project};

/// The floors of `docs/architecture.md`; crates beside the house stand on [`BESIDE`].
const FLOORS: &[(&str, u32)] = &[
    ("achub-core", 0),
    ("achub-api", 1),
    ("achub-engine", 1),
    ("achub-store", 1),
    ("achub-client", 2),
    ("achub-sim", 2),
    ("achub-connectors", 3),
    ("achub-server", 4),
    ("achub", 5),
    ("achub-testkit", BESIDE),
    ("achub-bench", BESIDE),
    ("xtask", BESIDE),
];

/// Nobody but tests asks for these.
const BESIDE: u32 = u32::MAX;

const IO: &[&str] = &["tokio", "sqlx", "reqwest", "axum", "hyper", "rustls"];

/// What a crate must not ask for whatever its floor.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("achub-core", IO),
    ("achub-api", IO),
    ("achub-engine", &["sqlx", "reqwest", "axum", "hyper", "http", "rustls", "achub-api", "achub-client"]),
    ("achub-sim", &["achub-client", "achub-engine", "achub-store", "sqlx", "reqwest"]),
    ("achub-store", &["reqwest", "axum", "achub-api"]),
    ("achub-client", &["sqlx", "axum", "achub-engine", "achub-store"]),
    ("achub-connectors", &["reqwest", "axum"]),
    ("achub-server", &["reqwest", "sqlx", "achub-client", "achub-connectors"]),
];

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &project.metadata.packages {
        let name = &package.name;
        let Some(floor) = floor(name) else {
            findings.push(Finding::file("Cargo.toml", format!("`{name}` stands on no floor; see floors.rs")));
            continue;
        };
        let asked_for =
            package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        for dependency in asked_for.map(|dependency| dependency.name.as_str()) {
            if forbidden(name).contains(&dependency) {
                findings.push(finding(name, dependency, "must not depend on it"));
            } else if self::floor(dependency).is_some_and(|other| other >= floor) {
                findings.push(finding(name, dependency, "stands on the same floor or below it"));
            }
        }
    }
    findings
}

fn floor(package: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == package).map(|(_, floor)| *floor)
}

fn forbidden(package: &str) -> &'static [&'static str] {
    FORBIDDEN.iter().find(|(name, _)| *name == package).map_or(&[], |(_, names)| names)
}

fn finding(package: &str, dependency: &str, reason: &str) -> Finding {
    let folder = match package {
        "xtask" => "xtask".to_owned(),
        "achub" => "crates/cli".to_owned(),
        other => format!("crates/{}", other.trim_start_matches("achub-")),
    };
    Finding::file(&format!("{folder}/Cargo.toml"), format!("asks for `{dependency}`: `{package}` {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, Package};

    fn check_one(package: &str, dependency: &str, kind: Option<&str>) -> usize {
        let mut project = Project::of([]);
        project.metadata.packages.push(Package {
            name: package.to_owned(),
            dependencies: vec![Dependency { name: dependency.to_owned(), kind: kind.map(str::to_owned) }],
        });
        check(&project).len()
    }

    #[test]
    fn dependency_on_own_or_higher_floor_is_found() {
        for (package, dependency, kind, findings) in [
            ("achub-engine", "achub-core", None, 0),
            ("achub-engine", "achub-store", None, 1),
            ("achub-engine", "achub-connectors", Some("build"), 1),
            ("achub-engine", "achub-connectors", Some("dev"), 0),
            ("achub-engine", "sqlx", None, 1),
            ("achub-core", "tokio", None, 1),
            ("achub-core", "serde", None, 0),
            ("achub", "achub-testkit", None, 1),
            ("achub", "achub-testkit", Some("dev"), 0),
            ("achub-new", "serde", None, 1),
        ] {
            assert_eq!(check_one(package, dependency, kind), findings, "{package} → {dependency} ({kind:?})");
        }
    }
}
