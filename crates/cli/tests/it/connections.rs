//! `conns`: what is written, what is shown, what is tested.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use serde_json::Value;

use crate::program::{Account, Place};

/// Requirements SL-8, SL-10.
#[test]
fn set_writes_and_keeps_everything_else() {
    let place = Place::new();
    place.write(
        "env.yaml",
        "# mine\nconnections:\n  # the lake\n  lake: {type: sqlite, path: x.db}\nenv:\n  A: 1\n",
    );
    place.good(&[
        "conns",
        "set",
        "SHOP",
        "type=api",
        "spec=activecampaign",
        "secrets={api_key: k-1, base_url: https://a.api-us1.com}",
    ]);
    let ended = place.run(&["conns", "set", "shop", "inputs.anchor_date=2024-01-01"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    insta::assert_snapshot!(place.read("env.yaml"), @r"
    # mine
    connections:
      # the lake
      lake: {type: sqlite, path: x.db}
      SHOP:
        type: api
        spec: activecampaign
        secrets: '{api_key: k-1, base_url: https://a.api-us1.com}'
        inputs:
          anchor_date: 2024-01-01
    env:
      A: 1
    ");
    let shown = place.good(&["conns", "show", "shop"]);
    assert!(shown.contains("api_key\t•••\n") && !shown.contains("k-1"), "{shown}");
    assert!(shown.contains("anchor_date\t2024-01-01T00:00:00Z\n"));

    place.good(&["conns", "unset", "shop"]);
    assert!(place.read("env.yaml").ends_with("lake: {type: sqlite, path: x.db}\nenv:\n  A: 1\n"));
    assert_eq!(place.run(&["conns", "unset", "shop"]).code, Some(2));
}

#[test]
fn set_refuses_what_would_not_be_understood() {
    let place = Place::new();
    for (values, what) in [
        (&["type=api", "spec=activecampaign"][..], "`secrets` is missing"),
        (&["type=sqlite", "pth=x"], "did you mean \"path\""),
        (&["nonsense"], "is not KEY=VALUE"),
    ] {
        let mut arguments = vec!["conns", "set", "X"];
        arguments.extend(values);
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(2), "{values:?}");
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    }
    assert!(!place.path("env.yaml").exists(), "nothing was written");
}

#[cfg(unix)]
#[test]
fn written_file_is_private_and_secrets_are_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let ended = place.run(&["conns", "set", "DB", "url=postgres://u:secret-1@h/d"]);
    assert!(ended.stderr.contains("the shell keeps this command"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret-1"));
    let mode = std::fs::metadata(place.path("env.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for arguments in [&["conns", "list"][..], &["conns", "show", "db"], &["conns", "list", "--json"]] {
        assert!(!place.good(arguments).contains("secret-1"), "{arguments:?}");
    }
}

#[test]
fn variable_shadows_the_file_and_says_so() {
    let place = Place::with_account("http://127.0.0.1:1").variable("LAKE", "sqlite://other.db");
    let ended = place.run(&["conns", "list"]);
    insta::assert_snapshot!(ended.stdout, @r"
    name	type	source	place	problem
    LAKE	sqlite	variable	other.db	
    LOCAL	file	built in	.	
    SHOP	activecampaign	HOME/env.yaml	http://127.0.0.1:1	
    ");
    assert_eq!(ended.stderr, "LAKE: the variable shadows the entry at HOME/env.yaml:9\n");
}

/// Requirement SL-9.
#[test]
fn connections_come_from_dotenv_and_text_in_variables() {
    let body = "connections: {body: {type: file, path: out, format: jsonl}}";
    let place = Place::new().variable("ENV_YAML", body).variable("B64", "base64:c3FsaXRlOi8vYi5kYg==:46esab");
    place.write(".env.sling", "# mine\nDOT='{type: sqlite,\n  path: dot.db}'\nB64=sqlite://never.db\n");
    insta::assert_snapshot!(place.good(&["conns", "list", "-o", "csv"]), @r"
    name,type,source,place,problem
    B64,sqlite,variable,b.db,
    BODY,file,ENV_YAML,out,
    DOT,sqlite,.env.sling,dot.db,
    LOCAL,file,built in,.,
    ");
}

/// Requirements AB-14, AB-15, EV-2, EV-3, EV-4, SL-6, SL-7.
#[test]
fn help_tells_where_credentials_are() {
    let help = Place::new().good(&["conns", "add", "--help"]);
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for what in
        ["Settings → Developer", "/app/settings/developer", "depends on account and region", "never publish"]
    {
        assert!(words.contains(what), "{what}");
    }
}

/// Requirement SX-31.
#[test]
fn add_tests_and_saves_with_an_estimate() {
    let account = Account::start(&["--contacts", "250"]);
    let place = Place::new();
    place.write("key", "demo\n");
    let arguments =
        ["conns", "add", "shop", "--url", &account.url, "--key-file", "key", "--allow-private-address"];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("  ok  ").count(), 6, "{}", ended.stderr);
    assert!(ended.stderr.contains("SHOP holds 250 contacts"), "{}", ended.stderr);
    assert!(ended.stderr.contains("Next  achub replicate plan"));

    assert_eq!(place.run(&arguments).code, Some(2), "a connection is not replaced without a word");
    let rows = place.good(&["conns", "discover", "shop", "--pattern", "deal*", "--json"]);
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let deals = rows["rows"].as_array().unwrap().iter().find(|row| row["stream"] == "deals").unwrap();
    assert_eq!(deals["rows"], 50);
}

#[test]
fn password_on_the_command_line_is_refused() {
    let place = Place::new();
    let ended = place.run(&["conns", "add", "db", "--url", "postgres://u:secret-2@h/d"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("stays in the shell's history") && !ended.stderr.contains("secret-2"));
    let ended = place.run(&["conns", "add", "shop", "--url", "https://a.api-us1.com"]);
    assert!(ended.stderr.contains("the Key is missing"), "{}", ended.stderr);
}

/// A server that answers every request with a web page.
fn web_page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let body = "<!DOCTYPE html><html><body>Sign in</body></html>";
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

/// Target U4.
#[test]
fn each_wrong_connection_has_its_own_code() {
    let account = Account::start(&["--contacts", "10", "--key", "other"]);
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, allowed, code, exit) in [
        (web_page(), true, "AC-104", 2),
        (account.url.clone(), true, "AC-105", 4),
        (format!("http://{unused}"), true, "AC-107", 7),
        (account.url.clone(), false, "AC-101", 2),
    ] {
        let place = Place::with_account(&url);
        if !allowed {
            place.good(&["conns", "set", "shop", "inputs.allow_private_address=false"]);
        }
        let ended = place.run(&["conns", "test", "shop"]);
        assert!(ended.stderr.contains(&format!("error {code}")), "{url}: {}", ended.stderr);
        assert_eq!(ended.code, Some(exit), "{code}");
    }
}

#[test]
fn private_addresses_can_be_allowed_everywhere() {
    let account = Account::start(&["--contacts", "10"]);
    let place = Place::with_account(&account.url).variable("ACHUB_ALLOW_PRIVATE_ADDRESSES", "1");
    place.good(&["conns", "set", "shop", "inputs.allow_private_address=false"]);
    let json: Value = serde_json::from_str(&place.good(&["conns", "test", "shop", "--json"])).unwrap();
    assert_eq!(json["passed"], true);
    assert_eq!(json["checks"].as_array().map(Vec::len), Some(6));
}

#[test]
fn statements_run_on_a_database() {
    let place = Place::with_account("http://127.0.0.1:1");
    // An empty file is a database without tables; one that is not there is not made.
    place.write("lake.db", "");
    place.good(&[
        "conns",
        "exec",
        "lake",
        "create table t (n integer, x text); insert into t values (1, 'a'), (2, null)",
    ]);
    let rows = place.run(&["conns", "exec", "lake", "select n, x from t order by n", "-l", "1", "-o", "csv"]);
    assert_eq!((rows.code, rows.stdout.as_str()), (Some(0), "n,x\n1,a\n"), "{}", rows.stderr);
    assert!(rows.stderr.contains("and 1 more rows"), "{}", rows.stderr);
    let wrong = place.run(&["conns", "exec", "shop", "select 1"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("CF-105"), "{}", wrong.stderr);
}

#[test]
fn variable_names_the_form_of_lists() {
    let place = Place::with_account("http://127.0.0.1:1").variable("SLING_OUTPUT", "json");
    assert!(place.good(&["conns", "list"]).starts_with('{'));
    assert!(place.good(&["conns", "list", "-o", "csv"]).starts_with("name,"), "the flag wins");
    let wrong = Place::new().variable("SLING_OUTPUT", "xml");
    assert_eq!(wrong.run(&["conns", "list"]).code, Some(2));
}

#[test]
fn commands_without_counterpart_are_named() {
    for name in ["it", "mcp", "project", "update"] {
        let ended = Place::new().run(&[name, "--whatever", "x"]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        let what = format!("the command `{name}` has no counterpart here");
        assert!(ended.stderr.contains("CF-105") && ended.stderr.contains(&what), "{}", ended.stderr);
    }
}
