//! Wrong input ends before the first request, with a message that names the place and the nearest right thing.

use std::net::TcpListener;

use crate::program::Place;

/// A place whose account is a port on which nobody may knock.
fn guarded() -> (Place, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (Place::with_account(&url), listener)
}

fn check(arguments: &[&str], file: &str, code: &str, exit: i32, what: &str) {
    let (place, listener) = guarded();
    place.write("r.yaml", file);
    let ended = place.run(arguments);
    assert_eq!(ended.code, Some(exit), "{arguments:?} {file}: {}", ended.stderr);
    assert!(ended.stderr.contains(code) && ended.stderr.contains(what), "{what}: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "words go to standard error");
    assert!(listener.accept().is_err(), "nobody was asked");
}

#[test]
fn wrong_replication_files_are_refused() {
    let run = &["run", "-r", "r.yaml"];
    let file = |streams: &str| {
        format!("source: shop\ntarget: lake\ndefaults: {{object: 'a.{{stream_name}}'}}\nstreams:\n{streams}")
    };
    for (text, code, what) in [
        (file("  contcats:\n"), "CF-101", "did you mean \"contacts\""),
        (file("  tags: {mode: change-capture}\n"), "CF-105", "r.yaml:5:16"),
        (file("  tags: {sql: select 1}\n"), "CF-105", "`sql` is not done: it is for database sources"),
        (file("  tags: {columns: {id: bigin}}\n"), "CF-104", "did you mean \"bigint\""),
        (file("  tags: {hooks: {post: [{type: copy}]}}\n"), "CF-105", "a hook of type `copy` is not done"),
        (
            file("  tags: {columns: {id: 'bigint | value >> 0'}}\n"),
            "CF-104",
            "is not understood at character 8",
        ),
        (file("  tags: {object: x}\n  lists: {object: x}\n"), "CF-107", "r.yaml:6:3"),
        (file("  tags: [\n"), "CF-104", "not valid YAML"),
        (file("  tags:\n").replace("shop", "shp"), "CF-102", "did you mean SHOP"),
        (file("  tags:\n").replace("lake", "shop"), "CF-103", "cannot be a target"),
        (file("  tags:\n").replace("shop", "lake"), "CF-103", "must be an ActiveCampaign account"),
        ("steps: []\n".to_owned(), "CF-105", "pipeline"),
    ] {
        check(run, &text, code, 2, what);
    }
    check(&["run", "-r", "none.yaml"], "", "CF-104", 2, "cannot read none.yaml");
    check(
        &["run", "-r", "r.yaml", "--strict"],
        &file("  tags: {colums: 1}\n"),
        "CF-104",
        2,
        "did you mean `columns`",
    );
}

#[test]
fn wrong_flags_are_refused() {
    let good = "source: shop\ntarget: lake\nstreams: {tags: {object: tags}}\n";
    for (arguments, code, what) in [
        (&["run"][..], "CF-106", "neither a file nor --src-conn"),
        (&["run", "-r", "r.yaml", "--mode", "incremantal"], "CF-106", "did you mean \"incremental\""),
        (&["run", "-r", "r.yaml", "--limit", "0"], "CF-106", "--limit: must be 1 or more"),
        (&["run", "-r", "r.yaml", "--range", "a,b"], "CF-104", "--range:1:1"),
        (&["run", "-r", "r.yaml", "--columns", "{id: x}"], "CF-104", "--columns:1:6"),
        (&["run", "-r", "r.yaml", "--tgt-options", "{merge_strategy: x}"], "CF-104", "--tgt-options:1:18"),
        (
            &["run", "-r", "r.yaml", "--strict", "--src-options", "{lmit: 1}"],
            "CF-104",
            "did you mean `limit`",
        ),
        (&["run", "-r", "r.yaml", "--streams", "tag:a,-tag:b"], "CF-106", "not both in one call"),
        (&["run", "-c", "task.yaml"], "CF-105", "--config is not done: task files are not ours"),
        (&["run", "-p", "pipe.yaml"], "CF-105", "--pipeline is not done"),
        (&["run", "-r", "r.yaml", "--env", "[1]"], "CF-104", "--env:1:1"),
        (&["run", "-r", "r.yaml", "--select", "nmae"], "CF-104", "tags has no field \"nmae\""),
        (
            &["run", "--src-conn", "shop", "--src-stream", "tag", "--tgt-conn", "lake", "--tgt-object", "x"],
            "CF-101",
            "did you mean \"tags\"",
        ),
        (
            &["run", "--src-conn", "shop", "--src-stream", "tags", "--tgt-conn", "lake"],
            "CF-104",
            "`object` is missing",
        ),
        (
            &["replicate", "run", "--from", "shop", "--to", "lake", "--streams", "contacs"],
            "CF-101",
            "did you mean \"contacts\"",
        ),
        (&["replicate", "run", "--from", "shop", "--to", "lake", "--since", "soon"], "CF-106", "--since"),
        (
            &["replicate", "run", "--from", "shop", "--to", "lake", "--since", "2999-01-01"],
            "CF-103",
            "lies in the future",
        ),
        (&["replicate", "plan", "--from", "shop", "--to", "sqlit://x"], "CF-103", "did you mean \"sqlite\""),
        (&["conns", "test", "shopp"], "CF-102", "did you mean SHOP"),
        (&["conns", "remove", "shop"], "CF-106", "add --yes"),
        (&["sim", "--rate", "fast"], "CF-106", "--rate"),
        (&["sim", "--latency", "1+x"], "CF-106", "--latency"),
        (&["sim", "--faults", "r.yaml"], "CF-104", "fault rule 1"),
    ] {
        check(arguments, good, code, 2, what);
    }
}

#[test]
fn usage_errors_name_the_argument() {
    for (arguments, what) in [
        (&["explian"][..], "some similar subcommands exist: 'replicate', 'explain'"),
        (&["run", "--limt", "3"], "'--limit'"),
        (&["run", "-r", "r.yaml", "--stdout"], "--src-conn"),
        (&["replicate", "run", "--from", "shop"], "--to"),
        (&["sim", "--port", "99999"], "--port"),
    ] {
        check(arguments, "", "error", 2, what);
    }
}

#[test]
fn broken_env_file_names_its_place() {
    let place = Place::new();
    place.write("env.yaml", "connections:\n  shop: {type: api\n");
    let ended = place.run(&["conns", "list"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("got     HOME/env.yaml:"), "{}", ended.stderr);

    place.write("env.yaml", "connection: {}\n");
    insta::assert_snapshot!(place.run(&["conns", "list"]).stderr, @r#"
    error CF-104  The file is not understood.
      got     HOME/env.yaml:1:1: the file: unknown key "connection"
      means   Nothing was tried.
      likely  A syntax error, a missing key, or a value of the wrong type.
      try     did you mean "connections"
      more    achub explain CF-104
    "#);
}

#[test]
fn errors_are_objects_where_json_is_asked() {
    let ended = Place::new().run(&["conns", "show", "nobody", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((error["code"].as_str(), error["exit_code"].as_u64()), (Some("CF-102"), Some(2)));
}
