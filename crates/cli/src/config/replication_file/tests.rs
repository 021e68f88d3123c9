//! Files as people write them, read and resolved.

use std::collections::HashSet;

use achub_core::{
    Error, FieldType, ReplicationName,
    port::target::{AbsenceAction, Evolution, MergeStrategy, Origin as From},
    schema::Storage,
};
use achub_engine::{
    replication::{Anchor, Casing, FullCheck, Replication, StreamTask},
    shape::{Fields, Nesting, OnBroken, Transform},
};

use crate::config::{
    connection::Connection,
    environment::Environment,
    keys::Origin,
    known_stream,
    replication_file::{
        Overrides, Reading, ReplicationFile, Setting, StreamMap, Style, Switches, add_flag, add_option,
        resolve, resolve::Resolved,
    },
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
    let resolved = resolved_file(&read(text)?, style, overrides, target)?;
    Ok((resolved.replication, resolved.notes))
}

fn resolved_file(
    file: &ReplicationFile,
    style: Style,
    overrides: &Overrides,
    target: &str,
) -> Result<Resolved, Error> {
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
        switches: Switches::of_run(&file.env, &Environment::default())?,
        overrides,
    };
    resolve(file, ReplicationName::new("test"), &setting)
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
    assert_eq!(replication.landing.system, [(From::LoadedAt, "_sling_loaded_at".to_owned())]);
    assert_eq!(replication.anchor, Anchor::Since("2025-03-02T14:05:06Z".parse().unwrap()));
}

/// Requirement SL-11.
#[test]
fn wildcards_exclusions_and_substitution_are_carried_out() {
    let replication = resolved(EXAMPLE_B).unwrap();

    assert_eq!(replication.streams.len(), 14, "Sling's fifteen without users");
    assert!(replication.streams.iter().all(|task| task.stream.as_str() != "users"));
    let shown = tasks(&replication);
    assert_eq!(shown[0], "contacts crm.ac_contacts incremental");
    assert!(shown.contains(&"deal_stages crm.ac_deal_stages truncate".to_owned()), "{shown:?}");
    let contacts = &replication.streams[0];
    assert_eq!(contacts.mode_reason, "no mode given, the file names a key");
    assert_eq!((contacts.shaping.nesting, contacts.shaping.empty_as_null), (Nesting::AsJson, true));
    assert_eq!(contacts.table_wish.casing, Some(Casing::Snake));
    assert_eq!(contacts.table_wish.evolution, Some(Evolution::Add));
    assert_eq!(replication.state_schema.as_deref(), Some("ops"));
    assert_eq!(replication.working.walks_at_a_time, 3);
}

/// Requirement SL-11.
#[test]
fn columns_select_backfill_and_hooks_are_carried_out() {
    let file = read(EXAMPLE_C).unwrap();
    let resolved = resolved_file(&file, Style::Sling, &Overrides::default(), "postgres://u@h/d").unwrap();

    let [contacts] = &resolved.replication.streams[..] else { panic!("one stream") };
    assert_eq!(tasks(&resolved.replication), ["contacts crm.contacts backfill"]);
    let range = contacts.range.unwrap();
    assert_eq!(range.from.unwrap().to_string(), "2025-01-01T00:00:00Z");
    assert_eq!(range.until.unwrap().to_string(), "2025-07-01T00:00:00Z", "the last day is included");
    let selected = contacts.select.as_ref().unwrap();
    assert_eq!(selected[2].column.as_deref(), Some("first_name"));
    assert!(selected.iter().all(|selected| selected.field != "links"));
    let kinds: Vec<_> = contacts.columns.iter().map(|wish| (wish.field.as_str(), wish.ty)).collect();
    let (integer, text) = (Some(FieldType::Integer), Some(FieldType::Text));
    assert_eq!(kinds, [("id", integer), ("phone", text), ("sentcnt", integer)]);
    assert_eq!(contacts.columns[2].constraint.as_ref().unwrap().1, OnBroken::Warn);
    assert_eq!(contacts.table_wish.rules.primary, Some(vec!["id".to_owned()]));
    assert_eq!(resolved.hooks.streams[&contacts.stream].len(), 1);
    assert_eq!(resolved.hooks.run[0].condition.as_deref(), Some("execution.status.error > 0"));
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
        (
            &file("  tags: {mode: backfill, update_key: id}\n"),
            "CF-104",
            "r.yaml:6:16: stream tags: mode backfill needs `source_options.range`",
            "add `source_options",
        ),
        (
            &file("  tags: {mode: backfill, source_options: {range: '2025-01-01,'}}\n"),
            "CF-104",
            "r.yaml:6:16: stream tags: mode backfill needs an `update_key`",
            "",
        ),
        (
            &file("  contacts: {mode: backfill, primary_key: [], source_options: {range: '2025-01-01,'}}\n"),
            "CF-104",
            "r.yaml:6:20: stream contacts: mode backfill needs a `primary_key`",
            "",
        ),
        (
            &file("  tags: {mode: incremental, target_options: {direct_insert: true}}\n"),
            "CF-104",
            "r.yaml:6:61: stream tags: `direct_insert` is not for rows that are merged",
            "take it out",
        ),
        (
            &file("  tags: {select: [id], source_options: {flatten: false}}\n"),
            "CF-104",
            "r.yaml:6:18: stream tags: `select` and `flatten: false`",
            "",
        ),
        (
            &file("  tags: {source_options: {flatten: 0}}\n"),
            "CF-104",
            "r.yaml:6:36: stream tags, source_options: `flatten` must be true, false, or a depth",
            "",
        ),
        (
            &file("  tags: {columns: {nmae: text}}\n"),
            "CF-104",
            "r.yaml:6:20: stream tags: `columns` names \"nmae\", which is no field",
            "",
        ),
        (
            &file("  tags: {transforms: {nmae: lower}}\n"),
            "CF-104",
            "r.yaml:6:22: stream tags: `transforms` names \"nmae\"",
            "",
        ),
        (
            &file("  tags: {target_options: {merge_strategy: upsert}}\n"),
            "CF-104",
            "r.yaml:6:43: stream tags, target_options: `merge_strategy` has the unknown value",
            "did you mean \"insert\"",
        ),
        (
            &file("  tags: {target_options: {delete_missing: {where: x}}}\n"),
            "CF-104",
            "r.yaml:6:43: stream tags, target_options: `delete_missing` names no `type`",
            "",
        ),
        (
            &file("  tags: {target_options: {table_tmp: other.tmp}}\n"),
            "CF-104",
            "r.yaml:6:3: stream tags: `table_tmp`: a staging table lives in the schema of its table",
            "",
        ),
        (
            &file("  tags: {target_options: {pre_sql: nowhere.sql}}\n"),
            "CF-104",
            "r.yaml:6:36: stream tags: cannot read nowhere.sql",
            "",
        ),
        (
            &format!("{}env: {{SLING_STATE: OTHER/ops}}", file("  tags:\n")),
            "CF-105",
            "SLING_STATE: the state of a stream lives beside its rows",
            "write `SLING_STATE: LAKE/SCHEMA`",
        ),
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
        "r.yaml:5:29: stream tags: `where` is ignored: it is for database sources; narrow the stream with `source_options.range` or `select`",
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
        &Overrides { streams: vec!["tag:x".into(), "-tag:y".into()], ..overrides },
        "sqlite://x",
    );
    assert_eq!(error.unwrap_err().code().id(), "CF-106");
}

#[test]
fn our_defaults_differ_from_slings() {
    let text = file("  contacts:\n  tags:\n");
    let (ours, _) = resolved_with(&text, Style::Ours, &Overrides::default(), "sqlite://x").unwrap();
    assert_eq!(tasks(&ours), ["contacts ac.contacts incremental", "tags ac.tags incremental"]);
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

fn one(text: &str) -> StreamTask {
    resolved(text).unwrap_or_else(|error| panic!("{}", error.message())).streams.remove(0)
}

#[test]
fn options_are_merged_key_by_key() {
    let text = "source: s\ntarget: t\ndefaults:\n  object: a.{stream_name}\n  source_options: {empty_as_null: true, null_if: n/a, limit: 5, max_decimals: 2}\n\
        \x20 target_options: {column_casing: upper, merge_strategy: insert, table_keys: {index: [a]}}\nstreams:\n\
        \x20 tags: {source_options: {null_if: '', limit: }, target_options: {merge_strategy: update_insert, table_keys: {}}}\n";
    let task = one(text);
    assert_eq!((task.shaping.empty_as_null, task.shaping.max_decimals), (true, Some(2)));
    assert_eq!(task.shaping.null_if.as_deref(), Some(""));
    assert_eq!(task.row_limit, None, "an empty value takes the default away");
    assert_eq!((task.table_wish.casing, task.table_wish.merge), (Some(Casing::Upper), MergeStrategy::Upsert));
    assert!(task.table_wish.rules.indexes.is_empty());
}

#[test]
fn columns_are_added_to_defaults_by_plus() {
    let text = |own: &str| {
        format!(
            "source: s\ntarget: t\ndefaults: {{object: 'a.{{stream_name}}', columns: {{id: bigint, tag: text}}}}\nstreams:\n  tags: {{columns: {own}}}\n"
        )
    };
    let shown = |own: &str| -> Vec<String> {
        let columns = one(&text(own)).columns;
        columns.iter().map(|wish| format!("{} {:?}", wish.field, wish.rules.storage.unwrap())).collect()
    };
    assert_eq!(shown("{cdate: date}"), ["cdate Date"], "without a + the map replaces that of the defaults");
    assert_eq!(shown("{+cdate: date, +tag: ~}"), ["id BigInt", "cdate Date"]);
    assert_eq!(
        shown("{+id: integer, cdate: date}"),
        ["id Integer", "tag String { length: None }", "cdate Date"]
    );
    assert_eq!(one(&text("")).columns.len(), 0, "an empty value takes the defaults away");
}

#[test]
fn old_places_of_columns_and_transforms_count() {
    let text = file("  tags: {source_options: {columns: {id: integer}, transforms: {tag: lower}}}\n");
    let task = one(&text);
    assert_eq!(task.columns[0].rules.storage, Some(Storage::Integer));
    assert_eq!(task.shaping.transforms, [(Fields::Named("tag".to_owned()), Transform::Lower)]);
}

#[test]
fn target_options_reach_the_table() {
    let options = "table_keys: {primary: id, unique: [[tag], [id, tag]], sort: [x]}, table_tmp: 'ac.{stream_name}_stage', \
        pre_sql: 'delete from {object_full_name} where a = ''{b}''', isolation_level: serializable, batch_limit: 7, \
        batch_max_duration: 2s, ignore_existing: true, add_new_columns: false, \
        table_ddl: 'create table {object_name} ({col_types})', \
        delete_missing: {type: hard, where: a > 1, target_where: b}";
    let columns = "tagType: 'text index(name=x, priority=2)', tag: 'text index(name=x, priority=1) unique'";
    let text = file(&format!(
        "  tags: {{description: all tags, id: T, columns: {{{columns}}}, target_options: {{{options}}}}}\n"
    ));
    let replication = resolved(&text).unwrap_or_else(|error| panic!("{}", error.message()));
    let task = &replication.streams[0];
    let wish = &task.table_wish;

    assert_eq!(wish.rules.primary, Some(vec!["id".to_owned()]));
    let sets = |sets: &[Vec<String>]| sets.iter().map(|set| set.join("+")).collect::<Vec<_>>();
    assert_eq!(sets(&wish.rules.unique), ["tag", "id+tag", "tag"]);
    assert_eq!(sets(&wish.rules.indexes), ["tag+tagType"]);
    assert_eq!(wish.rules.ddl.as_deref(), Some("create table {object_name} ({col_types})"));
    assert_eq!(wish.staging.as_deref(), Some("tags_stage"));
    assert_eq!(wish.statements.before_load, [r#"delete from "ac"."tags" where a = '{b}'"#]);
    assert_eq!(wish.statements.isolation.as_deref(), Some("SERIALIZABLE"));
    assert_eq!((wish.ignore_existing, wish.evolution), (true, Some(Evolution::Keep)));
    let absence = wish.absence.as_ref().unwrap();
    assert_eq!((absence.action, absence.only.as_deref()), (AbsenceAction::Delete, Some("(a > 1) AND (b)")));
    let working = &replication.working;
    assert_eq!(working.commit_rows, Some(7));
    let checks = (replication.full_check, task.full_check);
    assert_eq!(checks, (FullCheck::Never, Some(FullCheck::Now)), "who asks for deletions wants them found");
    assert_eq!((task.id.as_str(), task.description.as_deref()), ("T", Some("all tags")));
}

#[test]
fn column_typing_bounds_every_text() {
    let typing = "column_typing: {string: {max_length: 99, use_max: true}, decimal: {cast_as: string}}";
    let text = file(&format!("  tags: {{columns: {{id: 'decimal(9,2)'}}, target_options: {{{typing}}}}}\n"));
    let task = one(&text);
    let of = |field: &str| task.columns.iter().find(|wish| wish.field == field).unwrap().rules.storage;
    assert_eq!(of("id"), Some(Storage::String { length: None }));
    assert_eq!(of("tag"), Some(Storage::String { length: Some(99) }));
    assert!(task.columns.iter().all(|wish| wish.field != "subscriber_count"), "it is no text");
}

#[test]
fn switches_reach_landing_and_work() {
    let env = "env: {SLING_SYNCED_AT_COLUMN: true, SLING_EXEC_ID_COLUMN: true, SLING_ROW_ID_COLUMN: true, \
        SLING_ROW_NUM_COLUMN: true, SLING_RETRIES: 2, SLING_RETRY_DELAY: 5s, SLING_TIMEOUT: 1, SLING_ALLOW_EMPTY: true, \
        SLING_LOADED_AT_COLUMN: unix, SLING_KEEP_TEMP: true, SLING_ON_CONSTRAINT_FAILURE: skip, SLING_DIRECT_INSERT: true}\n";
    let streams = "  tags: {mode: snapshot, columns: {id: 'bigint | value > 0'}}\n  \
        contacts: {mode: incremental, target_options: {delete_missing: soft}}\n";
    let replication = resolved(&format!("{}{env}", file(streams))).unwrap();
    let [tags, contacts] = &replication.streams[..] else { panic!("two streams") };

    let names: Vec<&str> = replication.landing.system.iter().map(|(_, name)| name.as_str()).collect();
    let expected = [
        "_sling_exec_id",
        "_sling_row_id",
        "_sling_row_num",
        "_sling_synced_at",
        "_sling_synced_op",
        "_sling_loaded_at",
    ];
    assert_eq!(names, expected, "when a row was loaded stands last");
    assert!(replication.landing.empty_tables);
    let working = &replication.working;
    assert_eq!(
        (working.tries, working.try_delay.as_secs(), working.time_limit.unwrap().as_secs()),
        (3, 5, 60)
    );
    assert_eq!(tags.columns[0].constraint.as_ref().unwrap().1, OnBroken::Skip);
    assert!(tags.table_wish.system.is_empty(), "the landing has the column already");
    assert!(tags.table_wish.direct && tags.table_wish.keep_staging);
    assert!(!contacts.table_wish.direct, "rows of it are merged");
    assert_eq!(
        (tags.full_check, contacts.full_check),
        (None, Some(FullCheck::Now)),
        "one stream's wish is its own"
    );
    assert!(contacts.table_wish.system.is_empty(), "_sling_synced_op stands in for _sling_deleted_at");
}

#[test]
fn snapshots_always_tell_when_rows_were_loaded() {
    let task = one(&file("  tags: {mode: snapshot}\n"));
    assert_eq!(task.table_wish.system, [(From::LoadedAt, "_sling_loaded_at".to_owned())]);
}

#[test]
fn soft_deletion_brings_its_column() {
    let task = one(&file("  contacts: {mode: incremental, target_options: {delete_missing: soft}}\n"));
    assert_eq!(task.table_wish.system, [(From::DeletedAt, "_sling_deleted_at".to_owned())]);
    assert_eq!(task.table_wish.absence.unwrap().action, AbsenceAction::Mark);
}

#[test]
fn flags_of_maps_win_over_file() {
    let reading = Reading::default();
    let mut map = StreamMap::default();
    let mut add =
        |flag: &str, key: &str, text: &str| add_flag(&mut map, flag, key, text, &reading, &mut Vec::new());
    add("--columns", "columns", "{\"id\": \"integer\"}").unwrap();
    add("--src-options", "source_options", "flatten: 2").unwrap();
    let error = add("--columns", "columns", "{id: bigin}").unwrap_err();
    let what = "--columns:1:6: every stream, columns: `id` has the unknown type";
    assert!(error.message().starts_with(what), "{}", error.message());
    add_option(&mut map, "--offset", "offset", "3", &reading).unwrap();
    let error = add_option(&mut map, "--range", "range", "soon", &reading).unwrap_err();
    let what = "--range:1:1: every stream, source_options: `range` must be";
    assert!(error.message().starts_with(what), "{}", error.message());

    let overrides = Overrides { map, ..Overrides::default() };
    let text = file("  tags: {columns: {tag: text}, source_options: {offset: 9, empty_as_null: true}}\n");
    let (replication, _) = resolved_with(&text, Style::Sling, &overrides, "sqlite://x").unwrap();
    let task = &replication.streams[0];
    assert_eq!((task.columns.len(), task.columns[0].field.as_str()), (1, "id"));
    assert_eq!((task.skip, task.shaping.nesting, task.shaping.empty_as_null), (3, Nesting::Depth(1), true));
}

#[test]
fn streams_are_selected_by_id_and_tag() {
    let text = file("  contacts: {id: People, tags: [nightly]}\n  tags: {tags: [nightly, crm]}\n  lists:\n");
    for (items, expected) in [
        (&["people"][..], &["contacts"][..]),
        (&["tag:nightly"], &["contacts", "tags"]),
        (&["-tag:crm"], &["contacts", "lists"]),
        (&["l*", "tag:crm"], &["tags", "lists"]),
    ] {
        let streams = items.iter().map(|&item| item.to_owned()).collect();
        let overrides = Overrides { streams, ..Overrides::default() };
        let (replication, notes) = resolved_with(&text, Style::Sling, &overrides, "sqlite://x").unwrap();
        let names: Vec<&str> = replication.streams.iter().map(|task| task.stream.as_str()).collect();
        assert_eq!(names, expected, "{items:?}");
        assert!(notes.is_empty(), "{notes:?}");
    }
}
