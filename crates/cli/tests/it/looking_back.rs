//! What can be seen of a run afterwards, what policies do to it, and what hooks do around it.

use serde_json::Value;

use crate::program::{Account, Place, numbers};

const STREAMS: &str = "contacts,contact_tags,field_values,lists,tags";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn replicate(place: &Place, more: &[&str]) -> Value {
    let flags = ["replicate", "run", "--from", "shop", "--to", "lake", "--streams", STREAMS, "--json"];
    json(&place.good(&[&flags[..], more].concat()))
}

/// Issue 3 E: runs, their streams, their log.
#[test]
fn runs_tell_what_happened() {
    let account = Account::start(&["--contacts", "150", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    let run = replicate(&place, &[])["run"].as_str().unwrap().to_owned();

    let list = json(&place.good(&["runs", "list", "--json"]));
    assert_eq!(
        (list["rows"][0]["run"].as_str(), list["rows"][0]["streams"].as_u64()),
        (Some(&*run), Some(5))
    );
    let show = place.good(&["runs", "show", &run[..20]]);
    assert!(show.contains("contacts\tcontacts\tincremental\t150\t0\t0\t"), "{show}");
    let log = place.good(&["runs", "logs", "last"]);
    assert!(log.contains("\tcontacts\tcontacts ended: 150 added; 150 rows in contacts\n"), "{log}");
    assert_eq!(json(&place.good(&["runs", "rows", "last", "--json"]))["rows"], Value::Array(Vec::new()));
    let ended = place.run(&["runs", "show", "r-nobody"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

/// SL-45: where to look, and a bundle for whoever helps. I10: neither key nor addresses of people are in it, nor in
/// anything else that the program says or keeps for itself.
#[test]
fn help_holds_no_key_and_no_person() {
    const KEY: &str = "c4n4ry-k3y-0123456789";
    let account = Account::start(&["--contacts", "120", "--rate", "off", "--key", KEY]);
    let place = Place::with_account(&account.url);
    place.write("env.yaml", &place.read("env.yaml").replace("demo", KEY));
    let flags = ["-vv", "replicate", "run", "--from", "shop", "--to", "lake", "--streams", STREAMS];
    let run = place.run(&flags);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, Some(0), "{}", doctor.stderr);
    assert!(doctor.stderr.contains("connection SHOP: key accepted as "), "{}", doctor.stderr);

    place.good(&["runs", "bundle", "last", "--to", "bundle.json"]);

    let bundle = place.read("bundle.json");
    assert_eq!(json(&bundle)["run"]["status"], "done");
    let state = std::fs::read(place.path("state.db")).unwrap();
    let state = String::from_utf8_lossy(&state).into_owned();
    let people = addresses(&place);
    assert_eq!(people.len(), 120);
    for said in [&run.stdout, &run.stderr, &doctor.stderr, &bundle, &state] {
        assert!(!said.contains(KEY), "the key is told");
        let told = people.iter().find(|address| said.contains(address.as_str()));
        assert_eq!(told, None, "a person's address is told");
    }
    // A doctor who finds something wrong says so.
    place.write("env.yaml", &place.read("env.yaml").replace(KEY, "wrong"));
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, Some(4), "{}", doctor.stderr);
    assert!(doctor.stderr.contains("AC-105"), "{}", doctor.stderr);
}

/// The addresses of all people that landed.
fn addresses(place: &Place) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use sqlx::Connection as _;
        let path = format!("sqlite://{}", place.path("lake.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&path).await.unwrap();
        sqlx::query_scalar("SELECT email FROM contacts").fetch_all(&mut connection).await.unwrap()
    })
}

/// Two sightings, then the mark; `--removals delete` deletes instead, and the floor keeps a halved table whole.
#[test]
fn policies_decide_about_gone_rows() {
    let account = Account::start(&["--contacts", "100", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    replicate(&place, &[]);
    account.mutate(r#"{"collection": "contacts", "delete": 5, "seed": 1}"#);
    let live = "select count(*) from contacts where _achub_deleted_at is null";
    let all = "select count(*) from contacts";
    let lake = place.path("lake.db");

    let first = replicate(&place, &["--full-check"]);
    assert_eq!(first["streams"][0]["outcomes"]["held"], 5);
    assert_eq!(numbers(&lake, &[live, all]), [100, 100]);
    let second = replicate(&place, &["--full-check"]);
    assert_eq!(second["streams"][0]["outcomes"]["removed"], 5);
    assert_eq!(numbers(&lake, &[live, all]), [95, 100]);

    account.mutate(r#"{"collection": "contacts", "delete": 60, "seed": 2}"#);
    let ends =
        ["replicate", "run", "--from", "shop", "--to", "lake", "--streams", "contacts", "--full-check"];
    let guarded = place.run(&ends);
    assert_eq!(guarded.code, Some(5), "{}", guarded.stderr);
    assert!(guarded.stderr.contains("GD-101"), "{}", guarded.stderr);
    for _ in 0..2 {
        let flags = [&ends[..], &["--removal-floor", "0", "--removals", "delete"]].concat();
        assert_eq!(place.run(&flags).code, Some(0));
    }
    assert_eq!(numbers(&lake, &[live]), [35]);
}

/// Without a terminal nobody can be asked: the difference is shown and nothing is written.
#[test]
fn changed_columns_wait_for_a_person() {
    let account = Account::start(&["--contacts", "20", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    let ends = ["replicate", "run", "--from", "shop", "--to", "lake", "--streams", "tags"];
    place.good(&ends);
    place.good(&["conns", "exec", "lake", "ALTER TABLE tags DROP COLUMN description"]);

    let asked = place.run(&[&ends[..], &["--schema-changes", "ask"]].concat());
    assert_eq!(asked.code, Some(5), "{}", asked.stderr);
    assert!(asked.stderr.contains("description") && asked.stderr.contains("DB-106"), "{}", asked.stderr);
    assert_eq!(place.run(&[&ends[..], &["--schema-changes", "stop"]].concat()).code, Some(5));
    place.good(&[&ends[..], &["--schema-changes", "add"]].concat());
    assert_eq!(
        numbers(&place.path("lake.db"), &["select count(*) from tags where description is null"]),
        [0]
    );
}

/// Section 10 of the format: hooks around a run of the real program.
#[test]
fn hooks_go_along_with_the_run() {
    let account = Account::start(&["--contacts", "40", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    let file = |extra: &str| {
        format!(
            "source: SHOP\ntarget: LAKE\ndefaults: {{mode: full-refresh, object: '{{stream_name}}'}}\nstreams:\n  \
             tags:\n    hooks:\n      post_merge: [{{type: query, query: 'CREATE TABLE seen AS SELECT count(*) AS n FROM tags'}}]\n      \
             post: [{{type: write, to: rows.txt, content: '{{run.total_rows}} {{run.status}}'}}]\n  lists:\n\
             hooks:\n  start: [{{type: check, check: 'execution.total_rows == 0'}}{extra}]\n  \
             end: [{{type: log, message: 'all: {{execution.total_rows}} rows'}}]\n"
        )
    };
    place.write("r.yaml", &file(""));

    let ended = place.run(&["run", "r.yaml"]);

    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("all: 48 rows\n"), "{}", ended.stderr);
    assert_eq!(place.read("rows.txt"), "40 success");
    assert_eq!(numbers(&place.path("lake.db"), &["select n from seen"]), [40]);

    place.write("r.yaml", &file(", {type: command, command: 'echo hi > said.txt'}"));
    let before = account.requests();
    let ended = place.run(&["run", "r.yaml"]);
    assert_eq!((ended.code, account.requests()), (Some(2), before), "nothing is tried: {}", ended.stderr);
    place.good(&["conns", "exec", "lake", "DROP TABLE seen"]);
    place.good(&["run", "r.yaml", "--allow-commands"]);
    assert_eq!(place.read("said.txt"), "hi\n");

    place.write(
        "r.yaml",
        &file(", {type: check, check: 'execution.total_rows > 0', failure_message: too few}"),
    );
    let ended = place.run(&["run", "r.yaml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("RN-107") && ended.stderr.contains("too few"), "{}", ended.stderr);
}

/// SL-12, SL-28: what an account offers, what reading it takes, and what is in it, without showing whose it is.
#[test]
fn account_is_shown_without_its_people() {
    let account = Account::start(&["--contacts", "250", "--rate", "off"]);
    let place = Place::with_account(&account.url);

    let offered = json(&place.good(&["conns", "discover", "shop", "-p", "contact*", "--json"]));
    let rows = offered["rows"].as_array().unwrap();
    let contacts = rows.iter().find(|row| row["stream"] == "contacts").unwrap();
    assert_eq!((contacts["rows"].as_u64(), contacts["requests"].as_u64()), (Some(250), Some(3)));
    assert_eq!(contacts["group"], "contact management");
    prices_agree(&place);
    let tested = place.good(&["conns", "test", "shop", "--endpoints", "tags,deal_*"]);
    assert!(tested.starts_with("stream\tresult\trows\tms\tproblem\ntags\tok\t40\t"), "{tested}");
    assert!(tested.contains("deal_stages\tok\t"), "{tested}");

    let sample = place.good(&["streams", "sample", "contacts", "--from", "shop", "--count", "30"]);
    assert!(sample.contains("id\tinteger\t100 %\t"), "{sample}");
    place.good(&["replicate", "run", "--from", "shop", "--to", "lake", "--streams", "contacts"]);
    let shown = addresses(&place).into_iter().find(|address| sample.contains(address.as_str()));
    assert_eq!(shown, None);
    assert!(sample.contains("…@"), "{sample}");
    assert_eq!(place.run(&["streams", "sample", "contcats", "--from", "shop"]).code, Some(2));
}

/// What `conns discover` says that reading the ten takes, what the plan says, and what a run then takes.
fn prices_agree(place: &Place) {
    const TEN: &str =
        "contacts,contact_tags,contact_lists,field_values,deals,lists,tags,deal_pipelines,deal_stages,users";
    let discovered = place.run(&["conns", "discover", "shop", "-p", TEN]).stderr;
    let told = discovered.split("All of it together: about ").nth(1).expect("a sum is told");
    let discovered: u64 = told.split(' ').next().unwrap().replace(',', "").parse().unwrap();
    let ends = ["--from", "shop", "--to", "sqlite://ten.db", "--streams", TEN, "--json"];
    let planned = json(&place.good(&[&["replicate", "plan"][..], &ends].concat()));
    let ran = json(&place.good(&[&["replicate", "run"][..], &ends].concat()));

    let planned = planned["requests"].as_u64().unwrap();
    let ran = ran["requests"].as_u64().unwrap();

    assert!(
        discovered.abs_diff(planned) <= 1 && discovered.abs_diff(ran) <= 1,
        "{discovered}, {planned}, {ran}"
    );
}
