//! Hooks called as the engine calls them.

use std::{collections::BTreeMap, time::Duration};

use achub_client::{Outbound, address::Policy};
use achub_core::{
    Code, Error, Outcomes, RunId, StreamName,
    port::hooks::{Facts, Hooks as _, Moment, StreamFacts, Verdict},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{FileHooksRunner, Tools, Values};
use crate::{
    config::{
        connection::Connection,
        connections::Connections,
        environment::Environment,
        keys::Origin,
        replication_file::{FileHooks, hooks_of_text},
    },
    output::{Output, progress::Style},
};

/// The target: a database file.
fn lake(folder: &std::path::Path) -> Connection {
    let url = format!("sqlite://{}", folder.join("lake.db").display());
    let node = crate::config::yaml::parse(&url).expect("the text is YAML");
    Connection::read(&Origin::new("a test"), "LAKE", &node).expect("the URL is understood")
}

struct Rig {
    folder: tempfile::TempDir,
    policy: Policy,
    allow_commands: bool,
}

impl Rig {
    fn new() -> Rig {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Rig { folder, policy: Policy::from_allow_private(true), allow_commands: true }
    }

    /// The hooks of `run` for the run, those of `contacts` for that stream; both are maps of the file.
    fn hooks(&self, run: &str, contacts: &str) -> Result<FileHooksRunner, Error> {
        let output = Output {
            is_json: false,
            is_csv: false,
            is_quiet: true,
            has_color: false,
            progress: Style::None,
            may_ask: false,
            says_json: false,
        };
        let tools = Tools {
            output,
            connections: Connections::default(),
            environment: Environment::default(),
            target: ("LAKE".to_owned(), lake(self.folder.path())),
            folder: self.folder.path().to_owned(),
            allow_commands: self.allow_commands,
            try_pause: Duration::ZERO,
            outbound: Outbound::new(self.policy).expect("trust can be set up"),
        };
        let contacts_name = StreamName::new("contacts");
        let hooks = FileHooks {
            run: hooks_of_text(run, false)?,
            streams: BTreeMap::from([(contacts_name.clone(), hooks_of_text(contacts, true)?)]),
        };
        let about = json!({ "stream": { "name": "contacts" }, "object": { "full_name": "crm.contacts" } });
        let about = BTreeMap::from([(contacts_name, about)]);
        FileHooksRunner::prepare(&Origin::new("r.yaml"), hooks, Values::default(), about, tools)
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

fn facts(stream_error: Option<&str>) -> Facts {
    let stream = StreamFacts {
        name: StreamName::new("contacts"),
        outcomes: Outcomes { added: 12, ..Outcomes::default() },
        rows: 12,
        seconds: 2.5,
        error: stream_error.map(|message| ("AC-203".to_owned(), message.to_owned())),
    };
    Facts { stream: Some(stream), ..end(0) }
}

fn end(failed: u64) -> Facts {
    let run = RunId::new("r-1");
    Facts { run, stream: None, succeeded: 1, failed, skipped: 0, rows: 12, seconds: 3.0 }
}

/// A server for one request on loopback; gives the request's text.
async fn one_request(answer: &'static str) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let port = listener.local_addr().expect("it is bound").port();
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a request comes");
        let mut request = vec![0; 64 << 10];
        let length = socket.read(&mut request).await.expect("it can be read");
        socket.write_all(answer.as_bytes()).await.expect("it can be answered");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (port, task)
}

#[tokio::test]
async fn hooks_see_figures_and_what_others_kept() {
    let rig = Rig::new();
    let contacts = r#"{
        pre: [ { type: store, key: who, value: 'of {stream.name}' } ],
        post: [
          { type: write, to: a.txt, content: '{run.total_rows} rows {store.who} into {object.full_name}, {run.status}' },
          { type: read, from: a.txt, into: text },
          { type: write, to: b.txt, content: 'again: {store.text}' },
          { type: write, to: c.txt, content: 'never', if: 'run.total_rows > 12' }
        ]
    }"#;
    let hooks = rig.hooks("{}", contacts).expect("the hooks are right");

    for moment in [Moment::StreamStart, Moment::StreamEnd] {
        assert_eq!(hooks.at(moment, &facts(None)).await.expect("no hook fails"), Verdict::GoOn);
    }

    assert_eq!(rig.file("b.txt"), "again: 12 rows of contacts into crm.contacts, success");
    assert_eq!(rig.file("c.txt"), "");
}

#[tokio::test]
async fn failure_means_what_the_file_says() {
    let rig = Rig::new();
    for (on_failure, expected) in [
        ("abort", Err("hook start-1: too few")),
        ("warn", Ok(Verdict::GoOn)),
        ("quiet", Ok(Verdict::GoOn)),
        ("skip", Ok(Verdict::Skip)),
        ("break", Ok(Verdict::Break)),
        ("error", Ok(Verdict::GoOn)),
        ("defer", Ok(Verdict::GoOn)),
    ] {
        let run = format!(
            "{{start: [{{type: check, check: 'run.total_rows > 100', failure_message: too few, on_failure: {on_failure}}}]}}"
        );
        let hooks = rig.hooks(&run, "{}").expect("the hooks are right");

        let verdict = hooks.at(Moment::RunStart, &end(0)).await;

        match expected {
            Ok(expected) => assert_eq!(verdict.expect(on_failure), expected, "{on_failure}"),
            Err(message) => {
                let error = verdict.expect_err(on_failure);
                assert_eq!((error.code(), error.message()), (Code::HookFailed, message));
            }
        }
        let at_end = hooks.at(Moment::RunEnd, &end(0)).await;
        assert_eq!(at_end.is_err(), matches!(on_failure, "error" | "defer"), "{on_failure}");
    }
}

#[tokio::test]
async fn retry_tries_three_times_before_it_fails() {
    let rig = Rig::new();
    let run = "{start: [{type: command, command: 'echo x >> tries.txt; exit 1', on_failure: retry}]}";
    let hooks = rig.hooks(run, "{}").expect("the hooks are right");

    let error = hooks.at(Moment::RunStart, &end(0)).await.expect_err("it never works");

    assert_eq!(error.message(), "hook start-1: the program ended with exit code 1");
    assert_eq!(rig.file("tries.txt").lines().count(), 3);
}

#[tokio::test]
async fn request_carries_figures_and_keeps_the_answer() {
    let rig = Rig::new();
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"id\": 4711}"; // one byte short of the whole
    let (port, request) = one_request(&answer[..answer.len() - 1]).await;
    let contacts = format!(
        "{{post: [
           {{type: http, url: 'http://127.0.0.1:{port}/x?s={{stream.name}}', method: post, headers: {{X-Rows: '{{run.total_rows}}'}},
             payload: {{text: '{{run.total_rows}} rows'}}, into: ticket, on_failure: warn}},
           {{type: write, to: a.txt, content: '{{store.ticket.status}}'}} ]}}"
    );
    let hooks = rig.hooks("{}", &contacts).expect("the hooks are right");

    hooks.at(Moment::StreamEnd, &facts(None)).await.expect("no hook fails");

    let request = request.await.expect("the server ends");
    assert!(request.starts_with("POST /x?s=contacts HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-rows: 12\r\n"), "{request}");
    assert!(request.ends_with("{\"text\":\"12 rows\"}"), "{request}");
    assert_eq!(rig.file("a.txt"), "200");
}

#[tokio::test]
async fn private_address_is_refused_unless_allowed() {
    let rig = Rig { policy: Policy::from_allow_private(false), ..Rig::new() };
    for host in ["127.0.0.1:9", "10.0.0.1", "169.254.169.254", "[::1]:9", "localhost:9"] {
        let hooks = rig.hooks(&format!("{{end: [{{type: http, url: 'http://{host}/x'}}]}}"), "{}");

        let error = hooks.expect("the hooks are right").at(Moment::RunEnd, &end(0)).await.expect_err(host);

        let expected = "hook end-1: the address is a private one or not allowed, nothing was sent";
        assert_eq!((error.code(), error.message()), (Code::HookFailed, expected), "{host}");
    }
}

#[tokio::test]
async fn error_status_and_redirect_are_failures() {
    let rig = Rig::new();
    for (answer, status) in [
        ("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", 500),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n", 302),
    ] {
        let (port, request) = one_request(answer).await;
        let hooks = rig.hooks(&format!("{{end: [{{type: http, url: 'http://127.0.0.1:{port}/'}}]}}"), "{}");

        let error =
            hooks.expect("the hooks are right").at(Moment::RunEnd, &end(0)).await.expect_err("it fails");

        assert_eq!(error.message(), format!("hook end-1: the answer has status {status}"));
        request.await.expect("the server ends");
    }
}

#[tokio::test]
async fn program_gets_no_variables_of_ours() {
    let rig = Rig::new();
    let run = "{start: [ {type: command, command: [env], env: {MINE: '{execution.total_rows}'}, into: seen},
                         {type: write, to: env.txt, content: '{store.seen.output}'} ]}";
    let hooks = rig.hooks(run, "{}").expect("the hooks are right");

    hooks.at(Moment::RunStart, &end(0)).await.expect("no hook fails");

    let seen = rig.file("env.txt");
    let names: Vec<&str> =
        seen.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.contains(&"MINE") && names.contains(&"PATH"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("CARGO") || name.starts_with("ACHUB")), "{names:?}");
}

#[tokio::test]
async fn program_that_takes_too_long_is_killed_with_its_children() {
    let rig = Rig::new();
    let run =
        "{start: [{type: command, command: '(sleep 600; echo late > late.txt) & wait', timeout: 0.2s}]}";
    let hooks = rig.hooks(run, "{}").expect("the hooks are right");

    let error = hooks.at(Moment::RunStart, &end(0)).await.expect_err("it takes too long");

    assert_eq!(error.message(), "hook start-1: the program took longer than 0.2 s and was killed");
}

#[test]
fn mistakes_are_found_before_the_run() {
    let rig = Rig { allow_commands: false, ..Rig::new() };
    for (run, code, what) in [
        ("{end: [{type: log, message: x, if: 'nobody.status > 0'}]}", "CF-104", "nobody.status"),
        ("{end: [{type: check, check: 'run.total_rows >'}]}", "CF-104", "a value was expected"),
        ("{end: [{type: check, check: 'system(1) > 0'}]}", "CF-104", "there is no function"),
        ("{end: [{type: command, command: 'rm x'}]}", "CF-105", "starting programs is not allowed"),
    ] {
        let error = rig.hooks(run, "{}").err().expect(run);
        assert_eq!(error.code().id(), code, "{run}");
        assert!(error.message().contains(what), "{run}: {}", error.message());
    }
}

#[tokio::test]
async fn paths_do_not_lead_out_of_the_folder() {
    let rig = Rig::new();
    let contacts = "{post: [{type: write, to: '../{stream.name}.txt', content: x}]}";
    let hooks = rig.hooks("{}", contacts).expect("the hooks are right");

    let error = hooks.at(Moment::StreamEnd, &facts(Some("x"))).await.expect_err("it leads out");

    assert!(error.message().contains("leads out of its folder"), "{}", error.message());
}
