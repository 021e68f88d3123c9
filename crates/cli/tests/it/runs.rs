//! Runs against a pretend account: what lands, what is said, how they end.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Account, Place, numbers};

const FILE: &str = "source: SHOP\ntarget: LAKE\ndefaults:\n  mode: full-refresh\n  object: ac.{stream_name}\nstreams:\n  \
    contacts: {mode: incremental}\n  deals: {mode: incremental}\n  lists:\n  tags:\n  contact_tags:\n\
    env:\n  SLING_LOADED_AT_COLUMN: timestamp\n";

/// Requirements SL-5, SL-11.
#[test]
fn file_lands_and_older_records_are_counted() {
    let account = Account::start(&["--contacts", "200", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    place.write("r.yaml", FILE);
    let first: Value = serde_json::from_str(&place.good(&["run", "-r", "r.yaml", "--json"])).unwrap();
    let contacts = &first["streams"][0];
    let (added, left_out) = (contacts["outcomes"]["added"].as_u64(), contacts["left_out"].as_u64());
    assert_eq!(added.unwrap() + left_out.unwrap(), 200);
    assert!(left_out > Some(0), "the first run starts a year ago");

    let ended = place.run(&["run", "r.yaml"]);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.stderr.contains("[4 / 5] tags: inserted 40 rows into \"ac\".\"tags\" in "),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("5 streams, 0 failed"), "{}", ended.stderr);
    let queries = [
        "select count(*) from ac_contacts",
        "select count(*) from ac_tags where _sling_loaded_at is not null",
    ];
    assert_eq!(numbers(&place.path("lake.db"), &queries), [i64::try_from(added.unwrap()).unwrap(), 40]);
}

/// Requirement SL-30.
#[test]
fn plan_prices_and_run_keeps_to_it() {
    let account = Account::start(&["--contacts", "200", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    let ends = ["--from", "shop", "--to", "lake", "--streams", "contacts,contact_tags,deal_stages", "--json"];
    let plan = place.good(&[&["replicate", "plan"][..], &ends].concat());
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert!(
        !place.path("lake.db").exists()
            || numbers(&place.path("lake.db"), &["select count(*) from sqlite_master"]) == [0]
    );

    let text =
        place.good(&["replicate", "plan", "--from", "shop", "--to", "lake", "--streams", "tags,contacts"]);
    let sum = text.lines().last().unwrap();
    assert!(sum.starts_with("sum\t\t\t240\t"), "{text}");

    let before = account.requests();
    let run = place.good(&[&["replicate", "run"][..], &ends].concat());
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(run["requests"], run["requests_expected"]);
    // What the plan found out about the account need not be asked again.
    assert!(
        run["requests"].as_u64() <= plan["requests"].as_u64(),
        "{} {}",
        run["requests"],
        plan["requests"]
    );
    // Looking at the count is a request too, of the control interface; it is not counted with the account's.
    assert_eq!(account.requests() - before, run["requests"].as_u64().unwrap());
    let queries = [
        "select count(*) from contacts",
        "select count(*) from contact_tags",
        "select count(*) from deal_stages",
    ];
    assert_eq!(numbers(&place.path("lake.db"), &queries), [200, 600, 12]);

    let status = place.good(&["replicate", "status"]);
    assert!(status.lines().nth(1).unwrap().contains("\treplicate:shop\t"), "{status}");
}

#[test]
fn single_stream_lands_by_flags() {
    let account = Account::start(&["--contacts", "50", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    let arguments = [
        "run",
        "--src-conn",
        "shop",
        "--src-stream",
        "tags",
        "--tgt-conn",
        "lake",
        "--tgt-object",
        "t.tags",
        "--limit",
        "5",
        "--select",
        "id,tag as name",
    ];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let queries = ["select count(*) from t_tags", "select count(name) from t_tags"];
    assert_eq!(numbers(&place.path("lake.db"), &queries), [5, 5]);
}

#[test]
fn folders_get_one_file_per_table() {
    let account = Account::start(&["--contacts", "50", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    for (target, file, lines) in
        [("file://out", "out/tags.csv", 41), ("file://out2?format=jsonl", "out2/tags.jsonl", 40)]
    {
        let arguments = ["replicate", "run", "--from", "shop", "--to", target, "--streams", "tags,contacts"];
        place.good(&arguments);
        assert_eq!(place.read(file).lines().count(), lines, "{file}");
    }
}

#[test]
fn nothing_selected_is_said_and_no_failure() {
    let place = Place::with_account("http://127.0.0.1:1");
    place.write("r.yaml", FILE);
    let ended = place.run(&["run", "-r", "r.yaml", "--streams", "users"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing to do"), "{}", ended.stderr);
}

#[test]
fn refused_key_ends_a_run_with_four() {
    let account = Account::start(&["--contacts", "10", "--key", "other"]);
    let place = Place::with_account(&account.url);
    let ended = place.run(&["replicate", "run", "--from", "shop", "--to", "lake", "--streams", "tags"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("AC-105"), "{}", ended.stderr);
}

#[test]
fn interrupted_run_continues_where_it_stopped() {
    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let account = Account::start(&["--contacts", "4000", "--rate", "off", "--latency", "150"]);
        let place = Place::with_account(&account.url);
        let arguments = [
            "replicate",
            "run",
            "--from",
            "shop",
            "--to",
            "lake",
            "--streams",
            "contacts",
            "--progress",
            "none",
        ];
        let child = place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        account.answered(8);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = place.ended(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(exit), "{}", ended.stderr);
        assert!(ended.stderr.contains("Finishing this batch"), "{}", ended.stderr);
        assert!(ended.stderr.contains("the same command continues from there"), "{}", ended.stderr);

        let before = account.requests();
        let again = place.run(&arguments);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        assert!(again.stderr.contains("contacts: continues an interrupted run"), "{}", again.stderr);
        assert!(account.requests() - before < 41, "it did not start over");
        assert_eq!(numbers(&place.path("lake.db"), &["select count(*) from contacts"]), [4000]);
    }
}
