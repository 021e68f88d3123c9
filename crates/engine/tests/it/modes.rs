//! The modes that are not read by changes, and what is asked of single tables.

use std::{collections::HashMap, time::Duration};

use achub_core::{FieldType, port::target::LoadMode};
use achub_engine::replication::{ColumnWish, Landing, LoadedAt, Mode, Range, Selected};

use crate::{
    fakes::{Asked, RecordingTarget, Script, ScriptedSource, at},
    rig::{replication, run_plainly, task},
};

#[tokio::test]
async fn definition_only_asks_for_nothing() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 3)]);
    let target = RecordingTarget::default();

    let summary =
        run_plainly(&replication(vec![task("contacts", Mode::DefinitionOnly)]), &source, &target).await;

    assert!(source.opens.lock().expect("no test panics with it").is_empty());
    let spec = target.load_spec();
    assert_eq!((spec.tables[0].mode, spec.tables[0].empty_table), (LoadMode::Replace, true));
    assert!(matches!(target.asked().last(), Some(Asked::Finish { cursors, .. }) if cursors.is_empty()));
    assert_eq!(summary.class(), None);
}

/// SL: `range` with a step lands window after window and leaves the stored cursor where it is.
#[tokio::test]
async fn backfill_lands_window_after_window() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 2), Script::of("deals", 1)]);
    let target = RecordingTarget::default();
    let mut backfill = task("contacts", Mode::Backfill);
    let day = Duration::from_secs(24 * 3_600);
    let (from, until) = (at("2026-01-01T00:00:00Z"), at("2026-01-03T00:00:00Z"));
    backfill.range = Some(Range { from: Some(from), until: Some(until), step: Some(day) });
    let tasks = vec![backfill, task("deals", Mode::Incremental)];

    let summary = run_plainly(&replication(tasks), &source, &target).await;

    let opens = source.opens.lock().expect("no test panics with it");
    let spans: Vec<Vec<_>> = opens
        .iter()
        .map(|wanted| {
            wanted.iter().map(|wanted| (wanted.stream.as_str(), wanted.since, wanted.until)).collect()
        })
        .collect();
    assert_eq!(
        spans,
        [
            vec![("deals", None, None)],
            vec![("contacts", Some(from), Some(from + day))],
            vec![("contacts", Some(from + day), Some(until))],
        ]
    );
    let streams: Vec<String> = target.closed().0.keys().map(ToString::to_string).collect();
    assert_eq!(streams, ["deals"], "a backfill moves no cursor");
    assert_eq!(summary.streams[0].outcomes.added, 4);
    let walks: Vec<String> = target
        .asked()
        .into_iter()
        .filter_map(|asked| match asked {
            Asked::Load(spec) => Some(spec.walk.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(walks.len(), 3);
    assert!(walks[1] != walks[2], "each window keeps its own position: {walks:?}");
}

/// A snapshot is appended; a record that came on two pages is still one row.
#[tokio::test]
async fn snapshot_appends_each_record_once() {
    let source = ScriptedSource::new(vec![Script { times: 2, ..Script::of("contacts", 3) }]);
    let target = RecordingTarget::default();
    let mut replication = replication(vec![task("contacts", Mode::Snapshot)]);
    replication.landing = Landing::sling(None);

    let summary = run_plainly(&replication, &source, &target).await;

    let spec = target.load_spec();
    let table = &spec.tables[0].table;
    assert_eq!((spec.tables[0].mode, table.key.len()), (LoadMode::MergeAtEnd, 0));
    assert!(table.index_of("_loaded_at").is_some(), "snapshots can be told apart by nothing else");
    assert_eq!(summary.streams[0].outcomes.added, 3);
    assert_eq!(target.closed().0, HashMap::new());
}

/// SL: `select` may leave the key out where the table is made anew.
#[tokio::test]
async fn unselected_key_lands_records_once() {
    let source = ScriptedSource::new(vec![Script { times: 2, ..Script::of("contacts", 3) }]);
    let target = RecordingTarget::default();
    let mut names = task("contacts", Mode::FullRefresh);
    names.select = Some(vec![Selected { field: "firstName".to_owned(), column: None }]);

    let summary = run_plainly(&replication(vec![names]), &source, &target).await;

    assert_eq!(target.load_spec().tables[0].table.columns[0].name, "first_name");
    assert_eq!(summary.streams[0].outcomes.added, 3);
}

#[tokio::test]
async fn existing_table_is_left_alone_if_asked() {
    for (held, opened) in [(Some(2), 0), (None, 1)] {
        let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
        let held = held.map(|rows| ("contacts".to_owned(), rows)).into_iter().collect();
        let target = RecordingTarget { held, ..RecordingTarget::default() };
        let mut careful = task("contacts", Mode::FullRefresh);
        careful.table_wish.ignore_existing = true;

        let summary = run_plainly(&replication(vec![careful]), &source, &target).await;

        assert_eq!(source.opens.lock().expect("no test panics with it").len(), opened);
        assert_eq!(summary.streams[0].skipped.is_some(), opened == 0);
        assert_eq!(summary.class(), None);
    }
}

/// Kinds and rules asked of columns reach the table, and values are turned into them.
#[tokio::test]
async fn column_wishes_reach_the_table() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
    let target = RecordingTarget::default();
    let mut wishing = task("contacts", Mode::FullRefresh);
    let rules = |description: &str| achub_core::schema::ColumnRules {
        description: Some(description.to_owned()),
        ..Default::default()
    };
    let wish = |field: &str, ty, description| ColumnWish {
        field: field.to_owned(),
        ty,
        rules: rules(description),
        constraint: None,
    };
    wishing.columns = vec![wish("id", Some(FieldType::Text), "the key"), wish("*", None, "another")];

    run_plainly(&replication(vec![wishing]), &source, &target).await;

    let columns = &target.load_spec().tables[0].table.columns;
    let seen: Vec<_> = columns[..2]
        .iter()
        .map(|column| (column.name.as_str(), column.ty, column.rules.description.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [("id", FieldType::Text, Some("the key")), ("first_name", FieldType::Text, Some("another"))]
    );
}

#[tokio::test]
async fn system_columns_stand_last() {
    let source = ScriptedSource::new(vec![Script::of("contacts", 1)]);
    let target = RecordingTarget::default();
    let mut replication = replication(vec![task("contacts", Mode::FullRefresh)]);
    let loaded_at = LoadedAt { column: "_sling_loaded_at".to_owned(), unix: true };
    replication.landing = Landing::sling(Some(loaded_at));
    replication.landing.system = vec![
        (achub_core::port::target::Origin::RunId, "_sling_exec_id".to_owned()),
        (achub_core::port::target::Origin::RowNumber, "_sling_row_num".to_owned()),
    ];

    run_plainly(&replication, &source, &target).await;

    let columns = &target.load_spec().tables[0].table.columns;
    let last: Vec<_> =
        columns[columns.len() - 3..].iter().map(|column| (column.name.as_str(), column.ty)).collect();
    assert_eq!(
        last,
        [
            ("_sling_loaded_at", FieldType::Integer),
            ("_sling_exec_id", FieldType::Text),
            ("_sling_row_num", FieldType::Integer),
        ]
    );
}
