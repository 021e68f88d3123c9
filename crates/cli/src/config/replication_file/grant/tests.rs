//! `docs/replication-file.md`, made from the tables, and the tables held against the format's description.
//!
//! `ACHUB_WRITE_DOCS=1 cargo test -p achub --bin achub page` writes the page anew.

use std::{fs, path::PathBuf};

use super::{Grant, Table, flags, hooks, options, streams, switches};

const PAGE: &str = "docs/replication-file.md";
const FORMAT: &str = "../shared/replication-config.md";

const HEAD: &str = "\
# The replication file

This page is generated from `crates/cli/src/config/replication_file/grant/`; a test fails when it is stale.

`achub run FILE` takes a replication file as Sling takes it, and `achub replicate run -r FILE` the same file with our own defaults.
What is **done** is carried out; **same** is taken and leaves nothing to do; **ignored** is taken and said once on standard error;
**refused** stops before the first request.
A key that is not on this page is ignored with the nearest known key, and refused with `--strict`.
";

/// The tables of the page with their headings.
fn tables() -> Vec<(String, Table)> {
    let named: [(&str, Table); 17] = [
        ("The file", streams::ROOT),
        ("`defaults` and each stream", streams::STREAM),
        ("Modes", streams::MODE),
        ("`columns`: types", streams::COLUMN_TYPE),
        ("`columns`: modifiers", streams::MODIFIER),
        ("`transforms`", streams::TRANSFORM),
        ("`source_options`", options::SOURCE_OPTIONS),
        ("`target_options`", options::TARGET_OPTIONS),
        ("`target_options.merge_strategy`", options::MERGE_STRATEGY),
        ("`target_options.delete_missing`", options::DELETE_MISSING),
        ("`target_options.table_keys`", options::TABLE_KEYS),
        ("`target_options.column_typing`", options::COLUMN_TYPING),
        ("`target_options.column_typing.string`", options::STRING_TYPING),
        ("`target_options.column_typing.decimal`", options::DECIMAL_TYPING),
        ("Switches in `env` and the environment", switches::SWITCH),
        ("Flags of `achub run`", flags::FLAG),
        ("`hooks` of the file", hooks::HOOKS_OF_RUN),
    ];
    let mut tables: Vec<(String, Table)> =
        named.into_iter().map(|(heading, table)| (heading.to_owned(), table)).collect();
    for (heading, table) in [
        ("`hooks` of a stream", hooks::HOOKS_OF_STREAM),
        ("Hook types", hooks::HOOK_TYPE),
        ("Keys of every hook", hooks::HOOK),
        ("`on_failure`", hooks::ON_FAILURE),
    ] {
        tables.push((heading.to_owned(), table));
    }
    for (word, _) in hooks::HOOK_TYPE.iter().filter(|(_, grant)| matches!(grant, Grant::Done(_))) {
        tables.push((format!("Keys of a `{word}` hook"), hooks::hook_keys(word)));
    }
    tables
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (heading, table) in tables() {
        page.push_str(&format!("\n## {heading}\n\n| | | |\n|---|---|---|\n"));
        for (name, grant) in table {
            let (verdict, why) = match grant {
                Grant::Done(how) => ("done", how),
                Grant::Same(why) => ("same", why),
                Grant::Warned(why) => ("ignored", why),
                Grant::Refused(why) => ("refused", why),
            };
            page.push_str(&format!("| `{name}` | {verdict} | {why} |\n"));
        }
    }
    page
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn page_is_made_from_the_tables() {
    let path = root().join(PAGE);
    if std::env::var_os("ACHUB_WRITE_DOCS").is_some() {
        fs::write(&path, page()).unwrap();
    }
    let present = fs::read_to_string(&path).unwrap_or_default();
    assert!(present == page(), "{PAGE} is stale: run `cargo xtask docs`");
}

/// What the description says about a key, `None` where it says several things or nothing.
fn verdict(text: &str) -> Option<&'static str> {
    let text = text.replace("**", "");
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    ["do", "same", "warn", "refuse"].into_iter().find(|verdict| words.contains(verdict))
}

fn matches(grant: Grant, verdict: &str) -> bool {
    match grant {
        Grant::Done(_) => verdict == "do",
        Grant::Same(_) => verdict == "same",
        Grant::Warned(_) => verdict == "warn",
        Grant::Refused(_) => verdict == "refuse",
    }
}

/// The rows of the description's tables, by the number of their section: names in the first cell, and the last cell.
fn described(text: &str) -> Vec<(String, Vec<String>, String)> {
    let mut section = String::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
            section = heading.split_whitespace().next().unwrap_or_default().trim_end_matches('.').to_owned();
        }
        let cells: Vec<&str> = match line.strip_prefix("| ") {
            // A `|` inside of backquotes is written `\|`.
            Some(row) => row.trim_end().trim_end_matches('|').split(" | ").collect(),
            None => continue,
        };
        let names: Vec<String> = cells[0]
            .split('`')
            .skip(1)
            .step_by(2)
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect();
        if !names.is_empty() {
            rows.push((section.clone(), names, cells.last().unwrap_or(&"").to_string()));
        }
    }
    rows
}

/// Requirement SL-11: every key of the format has the verdict that its description gives it.
#[test]
fn every_described_key_has_its_verdict() {
    let Ok(text) = fs::read_to_string(root().join(FORMAT)) else {
        println!("skipped: {FORMAT} is not there");
        return;
    };
    let sections: [(&str, Table); 6] = [
        ("2", streams::ROOT),
        ("3", streams::STREAM),
        ("9.3", options::SOURCE_OPTIONS),
        ("9.4", options::TARGET_OPTIONS),
        ("10", hooks::HOOK_TYPE),
        ("11", switches::SWITCH),
    ];
    let (mut seen, mut wrong) = (0, Vec::new());
    for (section, names, last) in described(&text) {
        let Some((_, table)) = sections.iter().find(|(number, _)| *number == section) else { continue };
        for name in names {
            // The description shortens one name and names a family by its beginning.
            if name.contains('…') || name == "other" || name == "SLING_…" {
                continue;
            }
            let name = name.split('/').next().unwrap_or_default();
            seen += 1;
            match (super::grant(table, name), verdict(&last)) {
                (None, _) => wrong.push(format!("§{section}: {name} is not known")),
                (Some(grant), Some(verdict)) if !mixed(&last) && !matches(grant, verdict) => {
                    wrong.push(format!("§{section}: {name} is {grant:?}, the description says {last}"));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 100, "{seen} keys were found: the description is read wrongly");
}

/// Whether a row of the description gives its names different verdicts: they are told apart in words.
fn mixed(text: &str) -> bool {
    ["else warn", "the rest", "others", "with `range`", "refuse other", "the others"]
        .iter()
        .any(|words| text.contains(words))
}
