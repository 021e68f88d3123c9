//! What every target must keep, as functions that each target's tests call.
//!
//! A [`Bench`] opens the target, as often as asked and as if after a restart, and looks at what is in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use achub_core::{
    Batch, Code, Column, Error, Field, FieldType, ReplicationName, RunId, Schema, SharedSchema, StreamName,
    Table, Value, WalkName,
    port::{
        source::{Page, Part, Position, Scope},
        target::{Closing, Load, LoadMode, LoadSpec, Origin, TableLoad, TableReport, Target, WideView},
    },
    schema::TableRules,
};
use async_trait::async_trait;
use serde_json::json;

use crate::poison;

/// A row as text by column; null is `None`.
pub type TextRow = BTreeMap<String, Option<String>>;

/// A place that targets are tried in.
#[async_trait]
pub trait Bench: Send + Sync {
    /// Opens the target, as a new process would.
    async fn open(&self) -> Box<dyn Target>;
    /// All rows of a table in the default schema, in any order. Integers and text as they are spelled.
    async fn rows(&self, table: &str) -> Vec<TextRow>;
    /// Whether there is a table or file of that name.
    async fn has_table(&self, table: &str) -> bool;
    /// Stream, key and column of the rows put aside.
    async fn quarantined(&self) -> Vec<(String, String, String)>;
    /// Takes one row out of where rows of `table` are collected.
    async fn lose_staged_row(&self, table: &str);
    /// Whether rows that are merged as the walk goes can be read before its end.
    fn shows_rows_early(&self) -> bool;
    /// A text this target cannot hold, where there is one.
    fn refused_text(&self) -> Option<&'static str>;
    /// Whether the key rows are merged by is declared, and unique columns may be emptied and filled in one transaction.
    fn declares_keys(&self) -> bool {
        true
    }
}

const STREAM: &str = "things";
const ALL_MODES: [LoadMode; 4] =
    [LoadMode::Replace, LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo];

/// The shape of the suite's stream: id, owner, label.
pub fn schema() -> SharedSchema {
    let field = |name: &str, ty| Field { name: name.to_owned(), ty, noise: false };
    SharedSchema::new(Schema {
        fields: vec![
            field("id", FieldType::Integer),
            field("owner", FieldType::Integer),
            field("label", FieldType::Text),
        ],
        key: vec![0],
    })
}

/// How the suite's stream lands: its fields, the extra column, the moment of writing; the id is the key.
pub fn table_load(table: &str, mode: LoadMode) -> TableLoad {
    let schema = schema();
    let mut columns: Vec<Column> =
        schema.fields.iter().map(|field| Column::new(&field.name, field.ty)).collect();
    columns.push(Column::new("_achub_extra", FieldType::Json));
    columns.push(Column::new("_achub_loaded_at", FieldType::Timestamp));
    let table = Table {
        schema: None,
        name: table.to_owned(),
        columns,
        key: vec![0],
        declare_key: true,
        comment: Some("things that came".to_owned()),
        rules: TableRules::default(),
    };
    let origins = vec![Origin::Field(0), Origin::Field(1), Origin::Field(2), Origin::Extra, Origin::LoadedAt];
    TableLoad::new(StreamName::new(STREAM), table, origins, mode)
}

/// A load of one table.
pub fn spec_of(load: TableLoad) -> LoadSpec {
    LoadSpec {
        replication: ReplicationName::new("account/target"),
        state_schema: None,
        walk: WalkName::new("things"),
        run: RunId::generate(),
        started_at: "2026-03-01T12:00:00.25Z".parse().expect("a literal"),
        tables: vec![load],
        resume: false,
    }
}

/// A load of the suite's stream into the table `things`.
pub fn spec(mode: LoadMode) -> LoadSpec {
    spec_of(table_load(STREAM, mode))
}

/// A row of the suite's stream: id, owner, label.
pub type Thing<'a> = (i64, i64, &'a str);

/// Records without anything beyond the schema.
pub fn batch(things: &[Thing<'_>]) -> Batch {
    let mut batch = Batch::new(schema());
    for (id, owner, label) in things {
        batch.push([Value::Integer(*id), Value::Integer(*owner), Value::text(*label)], None);
    }
    batch
}

fn page_of(batch: Batch, scope: Option<Vec<i64>>, position: i64) -> Page {
    let scope = scope.map(|parents| Scope { field: "owner".to_owned(), parents });
    let part = Part { stream: StreamName::new(STREAM), batch, scope };
    Page { parts: vec![part], position: Position(position.into()) }
}

/// A page of records.
pub fn page(things: &[Thing<'_>], position: i64) -> Page {
    page_of(batch(things), None, position)
}

fn closing(cursor: &str) -> Closing {
    let cursors = HashMap::from([(StreamName::new(STREAM), cursor.parse().expect("a literal"))]);
    Closing { cursors, ..Closing::default() }
}

async fn open_load(target: &dyn Target, spec: LoadSpec) -> Box<dyn Load> {
    target.load(spec).await.expect("a load can be opened")
}

/// Loads pages, each in a commit of its own, to the end.
///
/// Errors: those of the load.
pub async fn load_pages(
    target: &dyn Target,
    spec: LoadSpec,
    pages: Vec<Page>,
) -> Result<Vec<TableReport>, Error> {
    let mut load = target.load(spec).await?;
    for page in pages {
        load.write(vec![page]).await?;
    }
    load.finish(&Closing::default()).await
}

async fn things(bench: &dyn Bench) -> Vec<(i64, i64, String)> {
    let mut things: Vec<_> = bench
        .rows(STREAM)
        .await
        .into_iter()
        .map(|row| {
            let text = |name: &str| row[name].clone().unwrap_or_default();
            (
                text("id").parse().expect("an integer"),
                text("owner").parse().expect("an integer"),
                text("label"),
            )
        })
        .collect();
    things.sort();
    things
}

fn owned(things: &[Thing<'_>]) -> Vec<(i64, i64, String)> {
    things.iter().map(|&(id, owner, label)| (id, owner, label.to_owned())).collect()
}

/// The last version of a record wins, within a commit and across commits, and a second run leaves the same table.
pub async fn last_version_of_a_key_wins(bench: &dyn Bench) {
    for mode in ALL_MODES {
        let target = bench.open().await;
        for _ in 0..2 {
            let pages = vec![page(&[(1, 1, "a"), (2, 1, "b"), (1, 1, "a2")], 1), page(&[(2, 1, "b2")], 2)];
            let reports = load_pages(&*target, spec(mode), pages).await.expect("the load ends");
            assert_eq!(things(bench).await, owned(&[(1, 1, "a2"), (2, 1, "b2")]), "{mode:?}");
            assert_eq!(reports[0].rows, 2, "{mode:?}");
        }
    }
}

/// Outcomes name each record once.
pub async fn outcomes_sum_to_records_considered(bench: &dyn Bench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let target = bench.open().await;
        let first = vec![page(&[(1, 1, "a"), (2, 1, "b"), (2, 1, "b")], 1), page(&[(2, 1, "b")], 2)];
        load_pages(&*target, spec(LoadMode::Replace), first.clone()).await.expect("the load ends");
        let second = vec![page(&[(1, 1, "a"), (2, 1, "other")], 1), page(&[(3, 1, "c"), (1, 1, "a")], 2)];
        let reports = load_pages(&*target, spec(mode), second).await.expect("the load ends");
        let outcomes = reports[0].outcomes;
        assert_eq!((outcomes.added, outcomes.changed, outcomes.same), (1, 1, 1), "{mode:?}");
        assert_eq!(outcomes.total(), 3, "{mode:?}");
    }
}

/// Full modes leave exactly what was read; merging keeps what was not.
pub async fn only_full_modes_drop_old_rows(bench: &dyn Bench) {
    for mode in ALL_MODES {
        let target = bench.open().await;
        let old = vec![page(&[(1, 1, "old"), (9, 1, "old")], 1)];
        load_pages(&*target, spec(LoadMode::Replace), old).await.expect("the load ends");
        load_pages(&*target, spec(mode), vec![page(&[(1, 1, "new")], 1)]).await.expect("the load ends");
        let expected = match mode {
            LoadMode::Replace | LoadMode::Truncate => owned(&[(1, 1, "new")]),
            LoadMode::MergeAtEnd | LoadMode::MergeAsYouGo => owned(&[(1, 1, "new"), (9, 1, "old")]),
        };
        assert_eq!(things(bench).await, expected, "{mode:?}");
    }
}

/// Until the end, collected rows are not in the table, and merged rows are.
pub async fn unfinished_walk_leaves_table_as_promised(bench: &dyn Bench) {
    for mode in ALL_MODES {
        let target = bench.open().await;
        load_pages(&*target, spec(LoadMode::Replace), vec![page(&[(1, 1, "old")], 1)])
            .await
            .expect("the load ends");
        let mut load = open_load(&*target, spec(mode)).await;
        load.write(vec![page(&[(1, 1, "new")], 1)]).await.expect("rows are taken");
        drop(load);
        let expected = if mode == LoadMode::MergeAsYouGo && bench.shows_rows_early() { "new" } else { "old" };
        assert_eq!(things(bench).await, owned(&[(1, 1, expected)]), "{mode:?}");
    }
}

/// A walk dropped after any number of commits is resumed from its position and ends with the same table.
pub async fn dropped_walk_resumes_where_it_stood(bench: &dyn Bench) {
    let pages = || (1..=3).map(|n| page(&[(n, 1, "x"), (n + 10, 1, "y")], n)).collect::<Vec<_>>();
    for mode in ALL_MODES {
        for commits in 1..=3 {
            let target = bench.open().await;
            load_pages(&*target, spec(LoadMode::Replace), vec![page(&[], 1)]).await.expect("the load ends");
            let mut load = open_load(&*target, spec(mode)).await;
            for page in pages().into_iter().take(commits) {
                load.write(vec![page]).await.expect("rows are taken");
            }
            drop(load);
            drop(target);

            let target = bench.open().await;
            let checkpoints =
                target.checkpoints(None, &spec(mode).replication).await.expect("checkpoints are read");
            assert_eq!(checkpoints.walks[&WalkName::new("things")], Position((commits as i64).into()));
            let resumed = LoadSpec { resume: true, ..spec(mode) };
            let rest = pages().into_iter().skip(commits).collect();
            let reports = load_pages(&*target, resumed, rest).await.expect("the load ends");

            assert_eq!(reports[0].outcomes.added, 6, "{mode:?} after {commits}");
            assert_eq!(things(bench).await.len(), 6, "{mode:?} after {commits}");
            let checkpoints =
                target.checkpoints(None, &spec(mode).replication).await.expect("checkpoints are read");
            assert!(checkpoints.walks.is_empty(), "{mode:?}");
        }
    }
}

/// A walk that starts over forgets what was collected.
pub async fn walk_started_over_begins_empty(bench: &dyn Bench) {
    let target = bench.open().await;
    let mut load = open_load(&*target, spec(LoadMode::Replace)).await;
    load.write(vec![page(&[(1, 1, "stale")], 1)]).await.expect("rows are taken");
    drop(load);
    load_pages(&*target, spec(LoadMode::Replace), vec![page(&[(2, 1, "new")], 1)])
        .await
        .expect("the load ends");
    assert_eq!(things(bench).await, owned(&[(2, 1, "new")]));
}

/// A walk whose other mode is asked for is not continued, and can be started over.
pub async fn changed_mode_is_not_continued(bench: &dyn Bench) {
    let target = bench.open().await;
    let mut load = open_load(&*target, spec(LoadMode::MergeAtEnd)).await;
    load.write(vec![page(&[(1, 1, "half")], 1)]).await.expect("rows are taken");
    drop(load);
    let resumed = LoadSpec { resume: true, ..spec(LoadMode::Replace) };
    let error = target.load(resumed).await.err().expect("half a table must not replace a whole one");
    assert_eq!(error.code(), Code::TableChanged);
    let checkpoints =
        target.checkpoints(None, &spec(LoadMode::Replace).replication).await.expect("checkpoints are read");
    assert!(checkpoints.walks.is_empty());
}

/// Children of complete sets that came no more are removed; those of other parents stay.
pub async fn absent_children_of_complete_sets_go(bench: &dyn Bench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let target = bench.open().await;
        let old = vec![page(&[(1, 7, "a"), (2, 7, "b"), (3, 8, "c"), (4, 9, "d")], 1)];
        load_pages(&*target, spec(LoadMode::Replace), old).await.expect("the load ends");
        let pages = vec![
            page_of(batch(&[(1, 7, "a"), (5, 7, "e")]), Some(vec![7, 9]), 1),
            page_of(batch(&[(1, 7, "a")]), Some(vec![7]), 2),
        ];
        let reports = load_pages(&*target, spec(mode), pages).await.expect("the load ends");
        assert_eq!(things(bench).await, owned(&[(1, 7, "a"), (3, 8, "c")]), "{mode:?}");
        assert!(reports[0].outcomes.removed >= 2, "{mode:?}: {:?}", reports[0].outcomes);
    }
}

/// A cursor moves forward only.
pub async fn cursor_never_moves_backward(bench: &dyn Bench) {
    let target = bench.open().await;
    for (given, kept) in [
        ("2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-03-03T00:00:00.5Z", "2026-03-03T00:00:00.5Z"),
    ] {
        let load = open_load(&*target, spec(LoadMode::MergeAsYouGo)).await;
        load.finish(&closing(given)).await.expect("the load ends");
        let replication = spec(LoadMode::Replace).replication;
        let checkpoints = target.checkpoints(None, &replication).await.expect("checkpoints are read");
        assert_eq!(checkpoints.cursors, closing(kept).cursors);
    }
}

/// Reading what is remembered makes nothing.
pub async fn unknown_replication_has_no_checkpoints(bench: &dyn Bench) {
    let target = bench.open().await;
    let checkpoints =
        target.checkpoints(None, &ReplicationName::new("nobody")).await.expect("checkpoints are read");
    assert_eq!(checkpoints, Default::default());
    assert!(!bench.has_table("_achub_state").await);
    assert_eq!(target.newest(None, STREAM, "id").await.expect("nothing is there"), None);
}

/// A staging table that lost rows does not become a table.
pub async fn lost_staged_rows_are_noticed(bench: &dyn Bench) {
    let target = bench.open().await;
    load_pages(&*target, spec(LoadMode::Replace), vec![page(&[(1, 1, "old")], 1)])
        .await
        .expect("the load ends");
    let mut load = open_load(&*target, spec(LoadMode::Replace)).await;
    load.write(vec![page(&[(1, 1, "new"), (2, 1, "new")], 1)]).await.expect("rows are taken");
    bench.lose_staged_row(STREAM).await;
    let error = load.finish(&Closing::default()).await.expect_err("a row is missing");
    assert!(matches!(error.code(), Code::CountMismatch | Code::TableChanged), "{error:?}");
    assert_eq!(things(bench).await, owned(&[(1, 1, "old")]));
}

/// The same walk is loaded once at a time; another one can be loaded beside it.
pub async fn walk_is_loaded_once_at_a_time(bench: &dyn Bench) {
    let (one, two) = (bench.open().await, bench.open().await);
    let mut load = open_load(&*one, spec(LoadMode::MergeAsYouGo)).await;
    for target in [&one, &two] {
        let error = target.load(spec(LoadMode::MergeAsYouGo)).await.err().expect("the walk is taken");
        assert_eq!(error.code(), Code::Busy);
    }
    let other =
        LoadSpec { walk: WalkName::new("others"), ..spec_of(table_load("others", LoadMode::MergeAsYouGo)) };
    let mut beside = open_load(&*two, other).await;
    beside.write(vec![page(&[(1, 1, "beside")], 1)]).await.expect("rows are taken");
    load.write(vec![page(&[(1, 1, "here")], 1)]).await.expect("rows are taken");
    beside.finish(&Closing::default()).await.expect("the load ends");
    load.finish(&Closing::default()).await.expect("the load ends");
    assert_eq!(things(bench).await, owned(&[(1, 1, "here")]));
    assert_eq!(bench.rows("others").await.len(), 1);
    open_load(&*one, spec(LoadMode::MergeAsYouGo)).await;
}

/// What cannot be held is put aside with column and reason; all else lands.
pub async fn rows_that_cannot_be_held_are_put_aside(bench: &dyn Bench) {
    for mode in ALL_MODES {
        let before = bench.quarantined().await.len();
        let target = bench.open().await;
        let mut rows = batch(&[(1, 1, "good")]);
        rows.push([Value::Null, Value::Integer(1), Value::text("no key")], None);
        let mut expected = 1;
        if let Some(text) = bench.refused_text() {
            rows.push([Value::Integer(2), Value::Integer(1), Value::text(text)], None);
            expected += 1;
        }
        rows.push([Value::Integer(3), Value::Integer(1), Value::text("good")], None);
        let mut load = open_load(&*target, spec(mode)).await;
        let written = load.write(vec![page_of(rows, None, 1)]).await.expect("rows are taken");
        assert_eq!(written.rows[&StreamName::new(STREAM)], 2, "{mode:?}");
        assert_eq!(written.quarantined.len(), expected, "{mode:?}");
        assert_eq!(written.quarantined[0].column, "id", "{mode:?}");
        let reports = load.finish(&Closing::default()).await.expect("the load ends");
        assert_eq!(reports[0].outcomes.refused, expected as u64, "{mode:?}");
        assert_eq!(things(bench).await, owned(&[(1, 1, "good"), (3, 1, "good")]), "{mode:?}");
        assert_eq!(bench.quarantined().await.len(), before + expected, "{mode:?}");
    }
}

/// Names and values of every shape come back as they were.
pub async fn hostile_names_and_values_come_back(bench: &dyn Bench) {
    let values = [
        "=1+1",
        "'; DROP TABLE things; --",
        "\"quoted\"",
        "a,b;c\td",
        "line\nbreak\r\nagain",
        "\\N",
        "\\.",
        "$1 ? :x %s {0}",
        "<script>alert(1)</script>",
        "\u{202e}right to left",
        "\u{feff}bom",
        "👩‍👩‍👧",
        "İıßẞ",
        "null",
        "NULL",
        "",
        " ",
        "00123",
        "1e400",
        "||a||b||",
        "\u{1b}[2J",
        "{{7*7}}",
        "../../etc",
        "e\u{301}",
        "é",
    ];
    for mode in ALL_MODES {
        let mut load = table_load("select \"from\"", mode);
        load.table.columns[2].name = "la'bel\"; --".to_owned();
        load.table.columns[1].name = "select".to_owned();
        let rows: Vec<Thing<'_>> =
            values.iter().enumerate().map(|(index, value)| (index as i64, 1, *value)).collect();
        let target = bench.open().await;
        load_pages(&*target, spec_of(load), vec![page(&rows, 1)]).await.expect("the load ends");
        let mut landed: Vec<(i64, String)> = bench
            .rows("select \"from\"")
            .await
            .into_iter()
            .map(|row| {
                let id = row["id"].as_deref().expect("a key").parse().expect("an integer");
                (id, row["la'bel\"; --"].clone().unwrap_or_default())
            })
            .collect();
        landed.sort();
        let expected: Vec<_> =
            values.iter().enumerate().map(|(index, value)| (index as i64, (*value).to_owned())).collect();
        assert_eq!(landed, expected, "{mode:?}");
    }
}

/// Class K of the fault tests: every poisoned value comes back as it was, as text and inside JSON; one that the target cannot
/// hold is put aside by its column. A second load finds its own values again.
pub async fn poisoned_values_come_back(bench: &dyn Bench) {
    let (values, names) = (poison::values(), ["id", "label", "_achub_extra"]);
    let refuses_nul = bench.refused_text().is_some_and(|text| text.contains('\0'));
    let is_refused = |value: &String| refuses_nul && value.contains('\0');
    for mode in ALL_MODES {
        for _ in 0..2 {
            let target = bench.open().await;
            load_pages(&*target, spec(mode), vec![poisoned_page(&values)]).await.expect("the load ends");
        }

        let mut landed: Vec<(usize, String, Option<serde_json::Value>)> = Vec::new();
        for row in bench.rows(STREAM).await {
            let [id, label, extra] = names.map(|name| row[name].clone().unwrap_or_default());
            landed.push((id.parse().expect("an integer"), label, serde_json::from_str(&extra).ok()));
        }
        landed.sort_by_key(|row| row.0);
        let kept = values.iter().enumerate().filter(|(_, value)| !is_refused(value));
        let expected: Vec<_> =
            kept.map(|(index, value)| (index, value.clone(), Some(json!({"x": value})))).collect();
        assert_eq!(landed.len(), expected.len(), "{mode:?}");
        for (landed, expected) in landed.iter().zip(&expected) {
            assert_eq!(landed, expected, "{mode:?}");
        }
        let aside: BTreeSet<String> = bench.quarantined().await.into_iter().map(|(_, key, _)| key).collect();
        let refused = values.iter().enumerate().filter(|(_, value)| is_refused(value));
        assert_eq!(aside, refused.map(|(index, _)| index.to_string()).collect(), "{mode:?}");
    }
}

/// A row for each value, which also is a member that no field is declared for.
fn poisoned_page(values: &[String]) -> Page {
    let mut batch = Batch::new(schema());
    for (index, value) in values.iter().enumerate() {
        let extra = json!({"x": value}).to_string();
        let row = [Value::Integer(index as i64), Value::Integer(1), Value::text(value.as_str())];
        batch.push(row, Some(extra.into()));
    }
    page_of(batch, None, 1)
}

/// New columns are added at the end, old ones stay.
pub async fn new_columns_are_added(bench: &dyn Bench) {
    for mode in [LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let target = bench.open().await;
        let mut narrow = table_load(STREAM, LoadMode::Replace);
        narrow.table.columns.remove(2);
        narrow.origins.remove(2);
        load_pages(&*target, spec_of(narrow), vec![page(&[(1, 1, "unseen")], 1)])
            .await
            .expect("the load ends");
        load_pages(&*target, spec(mode), vec![page(&[(1, 1, "seen")], 1)]).await.expect("the load ends");
        assert_eq!(things(bench).await, owned(&[(1, 1, "seen")]), "{mode:?}");
    }
}

/// Members without a field become columns where that was asked for, also across an interruption.
pub async fn unknown_members_become_columns(bench: &dyn Bench) {
    for mode in ALL_MODES {
        let mut load = table_load(STREAM, mode);
        load.add_columns = true;
        let with_extra = |id: i64, extra: &str, position| {
            let mut batch = Batch::new(schema());
            batch.push([Value::Integer(id), Value::Integer(1), Value::text("x")], Some(extra.into()));
            page_of(batch, None, position)
        };
        let target = bench.open().await;
        load_pages(&*target, spec(LoadMode::Replace), Vec::new()).await.expect("the load ends");
        let mut first = open_load(&*target, spec_of(load.clone())).await;
        let page = with_extra(1, r#"{"newName":"v","ID":"clash","gone":null}"#, 1);
        first.write(vec![page]).await.expect("rows are taken");
        drop(first);
        let resumed = LoadSpec { resume: true, ..spec_of(load) };
        let pages = vec![with_extra(2, r#"{"newName":5,"list":[1,2]}"#, 2)];
        load_pages(&*target, resumed, pages).await.expect("the load ends");

        let mut rows = bench.rows(STREAM).await;
        rows.sort_by_key(|row| row["id"].clone());
        assert_eq!(rows[0]["newName"].as_deref(), Some("v"), "{mode:?}");
        assert_eq!(rows[1]["newName"].as_deref(), Some("5"), "{mode:?}");
        let list = rows[1]["list"].as_deref().unwrap_or_default().replace(' ', "");
        assert_eq!(list, "[1,2]", "{mode:?}");
        assert!(!rows[0].contains_key("gone"), "{mode:?}");
        assert!(rows[0].values().any(|value| value.as_deref() == Some("clash")), "{mode:?}");
    }
}

/// Rows are merged by a key that the table does not declare, and appended where there is no key.
pub async fn tables_without_declared_key_merge_or_append(bench: &dyn Bench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let mut undeclared = table_load(STREAM, mode);
        undeclared.table.declare_key = false;
        let mut replaced = undeclared.clone();
        replaced.mode = LoadMode::Replace;
        let target = bench.open().await;
        load_pages(&*target, spec_of(replaced), vec![page(&[(1, 1, "a"), (2, 1, "b")], 1)])
            .await
            .expect("the load ends");
        let reports =
            load_pages(&*target, spec_of(undeclared.clone()), vec![page(&[(2, 1, "b2"), (3, 1, "c")], 1)])
                .await
                .expect("the load ends");
        assert_eq!(things(bench).await, owned(&[(1, 1, "a"), (2, 1, "b2"), (3, 1, "c")]), "{mode:?}");
        assert_eq!((reports[0].outcomes.added, reports[0].outcomes.changed), (1, 1), "{mode:?}");

        undeclared.table.key.clear();
        load_pages(&*target, spec_of(undeclared), vec![page(&[(3, 1, "c"), (3, 1, "c")], 1)])
            .await
            .expect("the load ends");
        assert_eq!(things(bench).await.len(), 5, "{mode:?}");
    }
}

/// The wide view has a column for each field, follows the tables through a replacement, and can get other columns.
/// Targets without views are left alone.
pub async fn wide_view_has_column_per_field(bench: &dyn Bench) {
    let target = bench.open().await;
    let people = spec_of(table_load("people", LoadMode::Replace));
    let values =
        LoadSpec { walk: WalkName::new("values"), ..spec_of(table_load("values", LoadMode::Replace)) };
    let view = |columns: &[(i64, &str)]| WideView {
        name: "people_wide".to_owned(),
        base: people.tables[0].table.clone(),
        base_key: "id".to_owned(),
        values: values.tables[0].table.clone(),
        parent: "owner".to_owned(),
        field: "id".to_owned(),
        value: "label".to_owned(),
        columns: columns.iter().map(|(id, name)| (*id, (*name).to_owned())).collect(),
        rest: None,
    };
    for columns in [&[(10, "size"), (11, "it's \"x\"")][..], &[(11, "it's \"x\""), (12, "new"), (10, "size")]]
    {
        for spec in [&people, &values] {
            let things: &[Thing<'_>] = if spec.walk == values.walk {
                &[(10, 1, "large"), (11, 1, "y")]
            } else {
                &[(1, 0, "ann"), (2, 0, "bob")]
            };
            load_pages(&*target, spec.clone(), vec![page(things, 1)]).await.expect("the load ends");
        }
        if !target.wide_view(&view(columns)).await.expect("the view is made") {
            return;
        }
        // The tables are replaced under the view.
        load_pages(&*target, people.clone(), vec![page(&[(1, 0, "ann"), (2, 0, "bob")], 1)])
            .await
            .expect("the load ends");
        let mut rows = bench.rows("people_wide").await;
        rows.sort_by_key(|row| row["id"].clone());
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["size"].as_deref(), Some("large"));
        assert_eq!(rows[0]["it's \"x\""].as_deref(), Some("y"));
        assert_eq!(rows[1]["size"], None);
    }
}

/// A walk without a row ends with an empty table.
pub async fn empty_walk_leaves_empty_table(bench: &dyn Bench) {
    for mode in ALL_MODES {
        let target = bench.open().await;
        let reports = load_pages(&*target, spec(mode), Vec::new()).await.expect("the load ends");
        assert_eq!((reports[0].rows, reports[0].outcomes.total()), (0, 0), "{mode:?}");
        assert_eq!(things(bench).await, []);
    }
}

/// The check leaves nothing behind.
pub async fn check_leaves_nothing_behind(bench: &dyn Bench) {
    let target = bench.open().await;
    target.check().await.expect("the target can be written");
    assert!(!bench.has_table("_achub_check").await);
}

/// Calls the macro `$case` with the name of every function of the suite, so that no target forgets one.
#[macro_export]
macro_rules! target_suite {
    ($case:ident) => {
        $case! {
            last_version_of_a_key_wins
            outcomes_sum_to_records_considered
            only_full_modes_drop_old_rows
            unfinished_walk_leaves_table_as_promised
            dropped_walk_resumes_where_it_stood
            walk_started_over_begins_empty
            changed_mode_is_not_continued
            absent_children_of_complete_sets_go
            cursor_never_moves_backward
            unknown_replication_has_no_checkpoints
            lost_staged_rows_are_noticed
            walk_is_loaded_once_at_a_time
            rows_that_cannot_be_held_are_put_aside
            hostile_names_and_values_come_back
            poisoned_values_come_back
            new_columns_are_added
            unknown_members_become_columns
            tables_without_declared_key_merge_or_append
            wide_view_has_column_per_field
            empty_walk_leaves_empty_table
            check_leaves_nothing_behind
        }
    };
}
