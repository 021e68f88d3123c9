//! The simulator takes nothing but the stream table from `api`: with its decoders it would share their mistakes.

use super::{Finding, Project, source};

const CRATE: &str = "achub_api";

const ALLOWED: &[&str] = &["stream", "streams"];

pub(super) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.tree.matching("crates/sim/src/", ".rs") {
        // An import may span lines, so the rest of the file is looked at from each mention on.
        let code: Vec<(usize, &str)> = source::code(text).collect();
        for (index, (number, line)) in code.iter().enumerate() {
            for (at, _) in line.match_indices(CRATE) {
                let following = code[index + 1..].iter().flat_map(|(_, line)| line.chars());
                let rest: String = line[at + CRATE.len()..].chars().chain(following).take(2_000).collect();
                let taken = imported(&rest);
                let refused = taken.iter().filter(|name| !ALLOWED.contains(&name.as_str()));
                findings.extend(refused.map(|name| {
                    Finding::line(
                        path,
                        *number,
                        format!("takes `{CRATE}::{name}`; only the stream table is allowed"),
                    )
                }));
            }
        }
    }
    findings
}

/// The modules or items that are named directly below the crate: one, or those of a brace list.
fn imported(rest: &str) -> Vec<String> {
    let Some(path) = rest.trim_start().strip_prefix("::") else {
        return vec!["*".to_owned()];
    };
    let path = path.trim_start();
    let Some(list) = path.strip_prefix('{') else {
        return vec![first_name(path)];
    };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut item = String::new();
    for character in list.chars() {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => names.push(first_name(&std::mem::take(&mut item))),
            _ => {
                depth += i32::from(character == '{') - i32::from(character == '}');
                item.push(character);
            }
        }
    }
    names.push(first_name(&item));
    names.retain(|name| !name.is_empty());
    names
}

fn first_name(path: &str) -> String {
    let name = path
        .trim()
        .split(|character: char| !character.is_alphanumeric() && character != '_' && character != '*');
    name.into_iter().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_but_the_table_is_found() {
        for (text, findings) in [
            ("use achub_api::stream::{Stream, Read};", 0),
            ("use achub_api::{\n    stream::{Field, Type},\n    streams,\n};", 0),
            ("let all = achub_api::streams::all();", 0),
            ("use achub_api::{stream, model::Contact};", 1),
            ("use achub_api::{stream::{self, Type}, decode, errors::ApiError};", 2),
            ("use achub_api::*;", 1),
            ("use achub_api as api;", 1),
            ("fn f(x: achub_api::model::Contact) {}", 1),
            ("// achub_api::model", 0),
            ("#[cfg(test)]\nmod tests { use achub_api::model; }", 0),
        ] {
            let project = Project::of([("crates/sim/src/routes.rs", text)]);
            assert_eq!(check(&project).len(), findings, "{text}");
        }
    }
}
