//! Pages that need neither account nor configuration: version, explain, completions, streams, help.

use std::process::Stdio;

use serde_json::Value;

use crate::program::Place;

#[test]
fn version_is_told_in_three_ways() {
    let place = Place::new();
    let expected = format!("achub {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(place.good(&["--version"]), expected);
    let drivers = [
        ("duckdb", cfg!(feature = "duckdb")),
        ("file", true),
        ("parquet", cfg!(feature = "parquet")),
        ("postgres", true),
        ("sqlite", true),
    ];
    let carried: Vec<&str> =
        drivers.into_iter().filter(|(_, is_in)| *is_in).map(|(driver, _)| driver).collect();
    let carried = format!("sources  activecampaign\ntargets  {}\n", carried.join(", "));
    assert_eq!(place.good(&["version"]), format!("{expected}{carried}"));
    let json: Value = serde_json::from_str(&place.good(&["version", "--json"])).unwrap();
    assert_eq!(json["format_version"], 1);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn explain_prints_the_page_of_a_code() {
    let place = Place::new();
    insta::assert_snapshot!(place.good(&["explain", "cf105"]), @r"
    CF-105  The file asks for something this version does not do.

    means   Nothing was tried.
    likely  A key of the replication file that is valid elsewhere.
    try     Take the key out, or use a version that grants it.
    exit    2
    ");
    let list = place.good(&["explain"]);
    assert_eq!(list.lines().count(), achub_core::Code::ALL.len() + 1);

    let wrong = place.run(&["explain", "AC-999"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong
            .stderr
            .starts_with("error CF-106  An argument is wrong.\n  got     there is no code \"AC-999\"\n")
    );
}

#[test]
fn completions_know_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.good(&["completions", shell]);
        assert!(script.contains("replicate") && script.contains("discover"), "{shell}");
    }
    assert_eq!(place.run(&["completions", "cmd.exe"]).code, Some(2));
}

/// Requirements SL-12, SL-28.
#[test]
fn streams_are_listed_with_group_and_key() {
    let place = Place::new();
    let list = place.good(&["streams", "list"]);
    let mut lines = list.lines();
    assert_eq!(lines.next(), Some("stream\tgroup\tread\tkey\tcursor\tfields"));
    assert!(lines.next().unwrap().starts_with("contacts\tcontact management\tid windows\tid\tudate\t"));
    for group in ["contact management", "CRM / deals", "marketing", "account"] {
        assert!(list.contains(&format!("\t{group}\t")), "{group}");
    }

    let json: Value = serde_json::from_str(&place.good(&["streams", "show", "Contacts", "--json"])).unwrap();
    assert_eq!(json["stream"], "contacts");
    let fields = json["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["field"] == "email" && field["type"] == "text"));

    let wrong = place.run(&["streams", "show", "contcats"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("CF-101") && wrong.stderr.contains("did you mean \"contacts\""),
        "{}",
        wrong.stderr
    );
}

#[test]
fn closed_pipe_ends_quietly() {
    let place = Place::new();
    let mut child =
        place.command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The reading end is gone before the first line is written, or soon after; both are fine.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn quiet_and_no_color_are_kept() {
    let place = Place::new();
    let ended = place.run(&["streams", "show", "tags", "--quiet"]);
    assert_eq!(ended.stderr, "");
    let error = place.command(&["explain", "nothing", "--color", "always"]).output().unwrap();
    assert!(String::from_utf8_lossy(&error.stderr).starts_with("\u{1b}[1;31merror\u{1b}[0m CF-106"));
    let plain = place.run(&["explain", "nothing", "--quiet"]);
    assert!(plain.stderr.starts_with("error CF-106"), "errors are said even when quiet");
}
