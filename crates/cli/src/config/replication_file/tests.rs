//! Files as people write them, read and resolved.

use std::collections::HashSet;

use achub_core::{Error, ReplicationName};
use achub_engine::replication::{Anchor, Replication};

use crate::config::{
    connection::Connection,
    environment::Environment,
    keys::Origin,
    known_stream,
    replication_file::{Overrides, Reading, ReplicationFile, Setting, Style, Switches, resolve},
    yaml::parse,
};

const EXAMPLE_A: &str = "\
source: ACTIVECAMPAIGN
target: MY_POSTGRES
defaults:
  mode: full-refresh
  object: activecampaign.{stream_name}
streams:
  contacts:
    mode: incremental
  deals: { mode: incremental }
  lists:
  tags:
  contact_tags:
env:
  SLING_LOADED_AT_COLUMN: timestamp
";

const EXAMPLE_B: &str = "\
source: activecampaign
target: my_postgres
defaults:
  object: '{SCHEMA}.ac_{stream_name}'
  primary_key: [id]
  source_options: { flatten: 1, empty_as_null: true }
  target_options: { column_casing: snake, add_new_columns: true }
streams:
  '*':
  users: { disabled: true }
  deal_*: { mode: truncate, tags: [crm] }
env:
  SCHEMA: ${TARGET_SCHEMA}
  SLING_THREADS: 3
  SLING_STATE: MY_POSTGRES/ops
";

const EXAMPLE_C: &str = "\
source: ACTIVECAMPAIGN
target: MY_POSTGRES
streams: {
  contacts: {
    object: crm.contacts, mode: backfill, primary_key: id, update_key: updated_timestamp,
    source_options: { range: '2025-01-01,2025-06-30' },
    select: [id, email, 'firstName as first_name', updated_timestamp, '*', '-links'],
    columns: { id: bigint primary_key, phone: 'string(50)', sentcnt: 'integer | value >= 0' },
    hooks: { post: [ { type: log, message: '{run.total_rows} rows' } ] }
  }
}
hooks: { end: [ { type: http, url: 'http://127.0.0.1:9/x', method: POST, if: 'execution.status.error > 0' } ] }
";

fn read(text: &str) -> Result<ReplicationFile, Error> {
    let environment = Environment::of(&[("TARGET_SCHEMA", "crm")]);
    ReplicationFile::read(Origin::new("r.yaml"), text, &environment, &Reading::default())
}

fn connection(text: &str) -> Connection {
    Connection::read(&Origin::new("env.yaml"), "X", &parse(text).unwrap()).unwrap()
}

fn resolved_with(
    text: &str,
    style: Style,
    overrides: &Overrides,
    target: &str,
) -> Result<(Replication, Vec<String>), Error> {
    let file = read(text)?;
    let account = "{type: api, spec: activecampaign, secrets: {api_key: k, base_url: u}}";
    let Connection::ActiveCampaign(account) = connection(account) else { panic!("an account") };
    let target = connection(target);
    let known = known_stream::all();
    let tracked = HashSet::from(["contacts".to_owned()]);
    let setting = Setting {
        known: &known,
        tracked: &tracked,
        source: ("SHOP", &account),
        target: ("LAKE", &target),
        style,
        now: "2026-03-02T14:05:06Z".parse().unwrap(),
        switches: Switches::default(),
        overrides,
    };
    let resolved = resolve(&file, ReplicationName::new("test"), &setting)?;
    Ok((resolved.replication, resolved.notes))
}

fn resolved(text: &str) -> Result<Replication, Error> {
    resolved_with(text, Style::Sling, &Overrides::default(), "postgres://u@h/d")
        .map(|(replication, _)| replication)
}

/// `stream schema.table mode` of each task.
fn tasks(replication: &Replication) -> Vec<String> {
    let show = |task: &achub_engine::replication::StreamTask| {
        let schema = task.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        format!("{} {schema}{} {}", task.stream, task.table, task.mode.name())
    };
    replication.streams.iter().map(show).collect()
}

/// A file with these streams and a usable object.
fn file(streams: &str) -> String {
    format!("source: s\ntarget: t\ndefaults:\n  object: ac.{{stream_name}}\nstreams:\n{streams}")
}

/// Requirement SL-11.
#[test]
fn vendors_own_example_is_taken_unchanged() {
    let replication = resolved(EXAMPLE_A).unwrap();
    let expected = [
        "contacts activecampaign.contacts incremental",
        "deals activecampaign.deals incremental",
        "lists activecampaign.lists full-refresh",
        "tags activecampaign.tags full-refresh",
        "contact_tags activecampaign.contact_tags full-refresh",
    ];
    assert_eq!(tasks(&replication), expected);
    assert_eq!(replication.streams[0].mode_reason, "from the file");
    assert_eq!(replication.streams[2].mode_reason, "from defaults");
    let loaded_at = replication.landing.loaded_at.unwrap();
    assert_eq!((loaded_at.column.as_str(), loaded_at.unix), ("_sling_loaded_at", false));
    assert_eq!(replication.anchor, Anchor::Since("2025-03-02T14:05:06Z".parse().unwrap()));
}

#[test]
fn ungranted_keys_are_refused_by_name() {
    for (text, names) in [
        (
            EXAMPLE_B,
            &[
                "source_options: `flatten`",
                "`empty_as_null`",
                "`target_options`",
                "`tags`",
                "`SLING_STATE`",
                "`SLING_THREADS`",
            ][..],
        ),
        (EXAMPLE_C, &["mode backfill", "`range`", "`columns`"]),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.code().id(), "CF-105");
        let all = format!("{}\n{:?}", error.message(), error.details());
        for name in names {
            assert!(all.contains(name), "{name} in {all}");
        }
    }
}

#[test]
fn wildcards_exclusions_and_substitution_are_carried_out() {
    let granted: String = EXAMPLE_B
        .lines()
        .filter(|line| !line.contains("_options") && !line.contains("SLING_"))
        .map(|line| format!("{}\n", line.replace(", tags: [crm]", "")))
        .collect();
    let replication = resolved(&granted).unwrap();

    assert_eq!(replication.streams.len(), 14, "Sling's fifteen without users");
    assert!(replication.streams.iter().all(|task| task.stream.as_str() != "users"));
    let shown = tasks(&replication);
    assert_eq!(shown[0], "contacts crm.ac_contacts incremental");
    assert!(shown.contains(&"deal_stages crm.ac_deal_stages truncate".to_owned()), "{shown:?}");
    assert_eq!(replication.streams[0].mode_reason, "no mode given, the file names a key");
}

#[test]
fn own_settings_win_over_defaults_even_when_empty() {
    let text = "source: s\ntarget: t\ndefaults: {object: 'a.{stream_name}', primary_key: id, select: [id, '*'], source_options: {limit: 5}}\n\
        streams:\n  contacts: {primary_key: [], select: [email, id], source_options: {limit: 7}}\n  tags:\n  lists: {source_options: {limit: }}\n";
    let replication = resolved(text).unwrap();
    let [contacts, tags, lists] = &replication.streams[..] else { panic!("three streams") };

    assert_eq!(contacts.primary_key, Some(vec![]));
    assert_eq!(contacts.mode.name(), "full-refresh", "an empty key is no key");
    assert_eq!(contacts.row_limit, Some(7));
    assert_eq!(contacts.select.as_ref().unwrap().len(), 2);
    assert_eq!(tags.primary_key, Some(vec!["id".to_owned()]));
    assert_eq!(tags.mode.name(), "incremental");
    assert_eq!((tags.row_limit, lists.row_limit), (Some(5), None));
}

#[test]
fn patterns_leave_named_streams_their_place() {
    let streams = "  deal_*: {mode: truncate, primary_key: name}\n  'Contacts':\n  deal_pipelines: {mode: full-refresh}\n  '*': {disabled: true}\n";
    let replication = resolved(&file(streams)).unwrap();
    assert_eq!(
        tasks(&replication),
        ["contacts ac.contacts full-refresh", "deal_pipelines ac.deal_pipelines full-refresh"],
        "the later pattern decides"
    );
    let replication = resolved(&file("  deal_*: {mode: truncate, primary_key: name}\n")).unwrap();
    assert_eq!(replication.streams[0].primary_key, None, "the key comes from the stream");
}

#[test]
fn wrong_files_name_place_and_nearest() {
    for (text, code, message, hint) in [
        ("target: t\nstreams: {tags: }", "CF-104", "r.yaml:1:1: `source` is missing", "add `source: NAME`"),
        ("source: s\nstreams: {tags: }", "CF-104", "r.yaml:1:1: `target` is missing", "add `target: NAME`"),
        ("source: s\ntarget: t", "CF-104", "r.yaml:1:1: `streams` is missing", "add `streams:`"),
        (
            "source: {conn: s}\ntarget: t\nstreams: {tags: }",
            "CF-104",
            "r.yaml:1:9: `source` must be the name",
            "",
        ),
        (
            "source: s\ntarget: t\nstreams: [tags]",
            "CF-104",
            "r.yaml:3:10: `streams` must be a map",
            "write each",
        ),
        ("source: s\ntarget: t\nstreams: {}", "CF-104", "r.yaml:3:10: `streams` names no stream", ""),
        ("steps:\n- type: log", "CF-105", "r.yaml:1:1: `steps` is not done: the file is a pipeline", ""),
        ("a: [", "CF-104", "r.yaml:2:1: not valid YAML", ""),
        ("", "CF-104", "r.yaml:1:1: a replication file must be a map, got nothing", ""),
        (
            &file("  contcats:\n"),
            "CF-101",
            "r.yaml:6:3: there is no stream \"contcats\"",
            "did you mean \"contacts\"",
        ),
        (&file("  x_*:\n"), "CF-101", "r.yaml:6:3: there is no stream \"x_*\"", "there are: contacts"),
        (&file("  tags:\n  TAGS:\n"), "CF-104", "r.yaml:7:3: the stream tags is named twice", ""),
        (
            &file("  tags: {mode: incremantal}\n"),
            "CF-104",
            "r.yaml:6:16: stream tags: `mode` has",
            "did you mean \"inc",
        ),
        (&file("  tags: {mode: snapshot}\n"), "CF-105", "r.yaml:6:16: stream tags: mode snapshot comes", ""),
        (
            &file("  tags: {mode: change-capture}\n"),
            "CF-105",
            "r.yaml:6:16: stream tags: mode change-capture",
            "",
        ),
        (&file("  tags: {sql: select 1}\n"), "CF-105", "r.yaml:6:10: stream tags: `sql` is not done", ""),
        (
            &file("  tags: {select: [nmae]}\n"),
            "CF-104",
            "r.yaml:6:18: stream tags: `select`: tags has no field",
            "",
        ),
        (
            &file("  tags: {select: {a: b}}\n"),
            "CF-104",
            "r.yaml:6:18: stream tags: `select` must be a text",
            "",
        ),
        (
            &file("  tags: {primary_key: idd}\n"),
            "CF-104",
            "r.yaml:6:23: stream tags: `primary_key` names \"idd\"",
            "did you",
        ),
        (
            &file("  tags: {update_key: x}\n"),
            "CF-104",
            "r.yaml:6:22: stream tags: `update_key` names \"x\"",
            "",
        ),
        (
            &file("  tags: {disabled: maybe}\n"),
            "CF-104",
            "r.yaml:6:20: stream tags: `disabled` must be true",
            "",
        ),
        (
            &file("  tags: {object: '{stream_nme}'}\n"),
            "CF-104",
            "r.yaml:6:18: stream tags: `object`: the variable",
            "",
        ),
        (
            &file("  tags: {source_options: {limit: -1}}\n"),
            "CF-104",
            "r.yaml:6:34: stream tags, source_options: `limit` must be a whole number of 1 or more, got \"-1\"",
            "",
        ),
        (
            &file("  tags: {object: ' '}\n"),
            "CF-104",
            "r.yaml:6:3: stream tags: `object` is missing",
            "add `object",
        ),
        (
            &file("  tags: {object: a.x}\n  lists: {object: A.X}\n"),
            "CF-107",
            "r.yaml:7:3: stream lists: would land",
            "",
        ),
        (
            &file("  tags: {object: x_tmp}\n  lists: {object: x}\n"),
            "CF-107",
            "r.yaml:7:3: stream lists: would",
            "",
        ),
        (&file("  tags: {object: _achub_state}\n"), "CF-107", "r.yaml:6:3: stream tags: the table name", ""),
        (
            &file(&format!("  tags: {{object: {}}}\n", "x".repeat(64))),
            "CF-107",
            "r.yaml:6:3: stream tags: the name",
            "shorten",
        ),
        (
            &format!("{}env: {{SLING_LIMIT: x}}", file("  tags:\n")),
            "CF-104",
            "r.yaml:7:6: env: `SLING_LIMIT` must",
            "",
        ),
        (
            &format!("{}env: {{SLING_LOADED_AT_COLUMN: x}}", file("  tags:\n")),
            "CF-104",
            "r.yaml:7:6: env: `SLING_LO",
            "",
        ),
    ] {
        let error = resolved(text).unwrap_err();
        assert_eq!(error.code().id(), code, "{text}\n{}", error.message());
        assert!(error.message().starts_with(message), "{text}\n{}", error.message());
        assert!(error.hint().starts_with(hint), "{text}\n{}", error.hint());
    }
}

#[test]
fn unknown_keys_are_warned_about_once() {
    let text = "source: s\ntarget: t\nnonsense: 1\ndefaults: {object: 'a.{stream_name}', moode: x}\n\
        streams: {tags: {colums: x, where: 'a > 1', single: true}}\nenv: {SLING_FOO: 1, SLING_STREAM_URL_COLUMN: 1}\n";
    let expected = [
        "r.yaml:5:29: stream tags: `where` is ignored: it is for database sources; narrow the stream with `select` or `source_options.limit`",
        "r.yaml:6:6: env: `SLING_FOO` is not known and ignored",
        "r.yaml:6:6: env: `SLING_STREAM_URL_COLUMN` is ignored: it is for file sources",
        "r.yaml:3:1: `nonsense` is not known and ignored",
        "r.yaml:4:39: defaults: `moode` is not known and ignored, did you mean `mode`",
        "r.yaml:5:18: stream tags: `colums` is not known and ignored, did you mean `columns`",
    ];
    assert_eq!(read(text).unwrap().warnings, expected);

    let strict = Reading { strict: true, ..Reading::default() };
    let error =
        ReplicationFile::read(Origin::new("r.yaml"), text, &Environment::default(), &strict).unwrap_err();
    assert_eq!(error.code().id(), "CF-104");
    assert_eq!(error.message(), "r.yaml:3:1: `nonsense` is not known");
    assert_eq!(error.details().len(), 2);
}

#[test]
fn flags_come_last() {
    let overrides = Overrides {
        streams: vec!["CON*".to_owned(), "tags".to_owned(), "nobody".to_owned()],
        mode: super::mode_of("truncate"),
        limit: Some(3),
        primary_key: Some(vec!["ID".to_owned()]),
        select: Some(vec!["id".to_owned()]),
        ..Overrides::default()
    };
    let text = file("  contacts: {source_options: {limit: 9}}\n  tags:\n  lists:\n");
    let (replication, notes) = resolved_with(&text, Style::Sling, &overrides, "sqlite://x").unwrap();
    assert_eq!(tasks(&replication), ["contacts ac.contacts truncate", "tags ac.tags truncate"]);
    assert!(replication.streams.iter().all(|task| task.row_limit == Some(3)));
    assert_eq!(replication.streams[0].primary_key, Some(vec!["id".to_owned()]));
    assert_eq!(notes, ["--streams: nobody matches no stream of the file"]);

    let error = resolved_with(
        &text,
        Style::Sling,
        &Overrides { streams: vec!["tag:x".into()], ..overrides },
        "sqlite://x",
    );
    assert_eq!(error.unwrap_err().code().id(), "CF-105");
}

#[test]
fn our_defaults_differ_from_slings() {
    let text = file("  contacts:\n  tags:\n");
    let (ours, _) = resolved_with(&text, Style::Ours, &Overrides::default(), "sqlite://x").unwrap();
    assert_eq!(tasks(&ours), ["contacts ac.contacts incremental", "tags ac.tags full-refresh"]);
    assert_eq!(ours.anchor, Anchor::Everything);
    assert!(ours.landing.declare_key);

    let (sling, _) = resolved_with(&text, Style::Sling, &Overrides::default(), "sqlite://x").unwrap();
    assert_eq!(tasks(&sling), ["contacts ac.contacts full-refresh", "tags ac.tags full-refresh"]);
    assert!(!sling.landing.declare_key);
}

#[test]
fn sqlite_tables_collide_without_schemas() {
    let text = file("  tags: {object: a.b}\n  lists: {object: a_b}\n");
    assert!(resolved(&text).is_ok(), "PostgreSQL keeps them apart");
    let error = resolved_with(&text, Style::Sling, &Overrides::default(), "sqlite://x").unwrap_err();
    assert_eq!(error.code().id(), "CF-107");
}

#[test]
fn start_in_the_future_is_refused() {
    let since = Anchor::Since("2027-01-01T00:00:00Z".parse().unwrap());
    let overrides = Overrides { since: Some(since), ..Overrides::default() };
    let error = resolved_with(&file("  tags:\n"), Style::Sling, &overrides, "sqlite://x").unwrap_err();
    assert!(error.message().ends_with("lies in the future"), "{}", error.message());
}
