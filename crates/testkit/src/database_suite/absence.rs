//! Rows the source no longer shows.

use std::collections::BTreeSet;

use achub_core::{
    StreamName, Value,
    port::{
        source::{Page, Part, Position, Scope},
        target::{Absence, AbsenceAction, LoadMode, MergeStrategy},
    },
};

use super::{DatabaseBench, Run, STREAM, check, live_and_marked, marked_load, rows};
use crate::target_suite::{Thing, batch, page};

const ALL: [Thing<'static>; 3] = [(1, 1, "a"), (2, 1, "b"), (3, 1, "c")];
const WITHOUT_3: [Thing<'static>; 2] = [(1, 1, "a"), (2, 1, "b")];

fn at_end(action: AbsenceAction) -> achub_core::port::target::TableLoad {
    marked_load(LoadMode::MergeAtEnd, action)
}

/// A row is acted upon when two runs did not see it, and as it was asked. (Deletes, issue 3 B)
pub async fn absent_rows_wait_for_second_sighting(bench: &dyn DatabaseBench) {
    for action in [AbsenceAction::Report, AbsenceAction::Mark, AbsenceAction::Delete] {
        bench.execute("DROP TABLE IF EXISTS things; DROP TABLE IF EXISTS _achub_missing").await;
        let load = at_end(action);
        let run = |run| Run::new(run, load.clone()).complete();

        let first = run("r1").things(bench, &ALL).await;
        assert_eq!((check(&first).held, check(&first).shown, first.outcomes.added), (0, 3, 3), "{action:?}");
        // The same run twice is one sighting.
        for _ in 0..2 {
            let seen = run("r2").things(bench, &WITHOUT_3).await;
            let found = check(&seen);
            assert_eq!((found.held, found.shown, found.waiting, found.gone), (3, 2, 1, 0), "{action:?}");
            assert_eq!((seen.outcomes.same, seen.outcomes.held, seen.rows), (2, 1, 3), "{action:?}");
        }
        let again = run("r3").things(bench, &WITHOUT_3).await;
        assert_eq!((check(&again).waiting, check(&again).gone), (0, 1), "{action:?}");

        let (live, marked) = live_and_marked(bench).await;
        let expected = match action {
            AbsenceAction::Report => (vec![1, 2, 3], vec![]),
            AbsenceAction::Mark => (vec![1, 2], vec![3]),
            AbsenceAction::Delete => (vec![1, 2], vec![]),
        };
        assert_eq!((&live, &marked), (&expected.0, &expected.1), "{action:?}");
        assert_eq!(again.rows, live.len() as u64, "{action:?}");
        let removed = u64::from(action != AbsenceAction::Report);
        assert_eq!((again.outcomes.removed, again.outcomes.held), (removed, 1 - removed), "{action:?}");

        let quiet = run("r4").things(bench, &WITHOUT_3).await;
        assert_eq!((check(&quiet).gone, quiet.outcomes.same), (1 - removed, 2), "{action:?}");
    }
}

/// A marked row that appears again is live, though nothing else about it changed.
pub async fn row_shown_again_loses_its_mark(bench: &dyn DatabaseBench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        bench.execute("DROP TABLE IF EXISTS things").await;
        for (run, things) in [("r1", &ALL[..]), ("r2", &WITHOUT_3[..]), ("r3", &WITHOUT_3[..])] {
            Run::new(run, at_end(AbsenceAction::Mark)).complete().things(bench, things).await;
        }
        assert_eq!(live_and_marked(bench).await, (vec![1, 2], vec![3]), "{mode:?}");
        assert_eq!(rows(bench).await[&3]["synced_op"].as_deref(), Some("D"), "{mode:?}");

        let back = Run::new("r4", marked_load(mode, AbsenceAction::Mark)).things(bench, &ALL[2..]).await;

        assert_eq!((back.outcomes.changed, back.outcomes.same, back.rows), (1, 0, 3), "{mode:?}");
        assert_eq!(live_and_marked(bench).await, (vec![1, 2, 3], vec![]), "{mode:?}");
        assert_eq!(rows(bench).await[&3]["synced_op"].as_deref(), Some("U"), "{mode:?}");
    }
}

/// A row that was missed once and then shown, by whatever load, begins anew.
pub async fn sighting_ends_when_row_is_shown(bench: &dyn DatabaseBench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        bench.execute("DROP TABLE IF EXISTS things").await;
        let complete = |run| Run::new(run, at_end(AbsenceAction::Delete)).complete();
        complete("r1").things(bench, &ALL).await;
        complete("r2").things(bench, &WITHOUT_3).await;
        let changes = Run::new("r3", marked_load(mode, AbsenceAction::Delete));
        changes.things(bench, &ALL[2..]).await;

        let next = complete("r4").things(bench, &WITHOUT_3).await;

        assert_eq!((check(&next).waiting, check(&next).gone, next.rows), (1, 0, 3), "{mode:?}");
        assert_eq!(check(&complete("r5").things(bench, &WITHOUT_3).await).gone, 1, "{mode:?}");
    }
}

/// Nothing is removed when a stream suddenly shows less than the share of what it held, and no sighting counts.
pub async fn short_read_removes_nothing(bench: &dyn DatabaseBench) {
    let all: Vec<Thing<'_>> = (1..=30).map(|id| (id, 1, "x")).collect();
    let load = |floor_percent| {
        let mut load = at_end(AbsenceAction::Delete);
        load.absence = Some(Absence { action: AbsenceAction::Delete, floor_percent, only: None });
        load
    };
    Run::new("r1", load(80)).complete().things(bench, &all).await;
    for (run, shown) in [("r2", 23), ("r3", 10), ("r4", 0)] {
        let short = Run::new(run, load(80)).complete().things(bench, &all[..shown]).await;
        let found = check(&short);
        assert!(found.guarded, "{shown}");
        assert_eq!((found.waiting, found.gone, short.rows, short.outcomes.held), (0, 0, 30, 0), "{shown}");
    }

    let enough = Run::new("r5", load(80)).complete().things(bench, &all[..24]).await;
    assert_eq!((check(&enough).guarded, check(&enough).waiting), (false, 6));
    let asked = Run::new("r6", load(0)).complete().things(bench, &[]).await;
    assert_eq!((check(&asked).guarded, check(&asked).gone, check(&asked).waiting), (false, 6, 24));
}

/// What is not a complete read says nothing about absent rows.
pub async fn incomplete_reads_remove_nothing(bench: &dyn DatabaseBench) {
    Run::new("r1", at_end(AbsenceAction::Delete)).complete().things(bench, &ALL).await;
    for run in ["r2", "r3", "r4"] {
        let part = Run::new(run, at_end(AbsenceAction::Delete)).things(bench, &WITHOUT_3).await;
        assert_eq!((part.check, part.rows, part.outcomes.total()), (None, 3, 2), "{run}");
    }
}

/// Only rows that meet the condition are looked at.
pub async fn condition_limits_what_is_looked_at(bench: &dyn DatabaseBench) {
    let mut load = at_end(AbsenceAction::Delete);
    let only = Some("owner = 7 -- the others are somebody else's".to_owned());
    load.absence = Some(Absence { action: AbsenceAction::Delete, floor_percent: 0, only });
    let run = |run| Run::new(run, load.clone()).complete();
    run("r1").things(bench, &[(1, 7, "a"), (2, 7, "b"), (3, 8, "c")]).await;
    for name in ["r2", "r3"] {
        run(name).things(bench, &[(1, 7, "a")]).await;
    }
    assert_eq!(live_and_marked(bench).await.0, [1, 3]);
}

/// A row that was shown and could not be held is not absent, though its older version is all the table has.
pub async fn rows_put_aside_are_not_absent(bench: &dyn DatabaseBench) {
    let mut load = at_end(AbsenceAction::Delete);
    load.table.columns[2].rules.not_null = true;
    let run = |run| Run::new(run, load.clone()).complete();
    run("r1").things(bench, &ALL).await;
    for name in ["r2", "r3", "r4"] {
        let mut shown = batch(&WITHOUT_3);
        shown.push([Value::Integer(3), Value::Integer(1), Value::Null], None);
        let part = Part { stream: StreamName::new(STREAM), batch: shown, scope: None };
        let report =
            run(name).pages(bench, vec![Page { parts: vec![part], position: Position(1.into()) }]).await;
        let found = check(&report);
        assert_eq!((found.shown, found.waiting, found.gone, report.rows), (3, 0, 0, 3), "{name}");
    }
}

/// Children that are absent from their parents' complete sets are marked, deleted or reported at once.
pub async fn absent_children_obey_the_action(bench: &dyn DatabaseBench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        for action in [AbsenceAction::Report, AbsenceAction::Mark, AbsenceAction::Delete] {
            bench.execute("DROP TABLE IF EXISTS things").await;
            Run::new("r1", at_end(action)).things(bench, &[(1, 7, "a"), (2, 7, "b"), (3, 8, "c")]).await;
            let scope = Some(Scope { field: "owner".to_owned(), parents: vec![7] });
            let part = Part { stream: StreamName::new(STREAM), batch: batch(&[(1, 7, "a")]), scope };
            let page = Page { parts: vec![part], position: Position(1.into()) };

            let report = Run::new("r2", marked_load(mode, action)).pages(bench, vec![page]).await;

            let expected = match action {
                AbsenceAction::Report => (vec![1, 2, 3], vec![], 0, 1),
                AbsenceAction::Mark => (vec![1, 3], vec![2], 1, 0),
                AbsenceAction::Delete => (vec![1, 3], vec![], 1, 0),
            };
            let (live, marked) = live_and_marked(bench).await;
            let found = (live, marked, report.outcomes.removed, report.outcomes.held);
            assert_eq!(found, expected, "{mode:?} {action:?}");
        }
    }
}

/// A row that is otherwise left alone loses its mark all the same.
pub async fn only_inserting_takes_marks_off_too(bench: &dyn DatabaseBench) {
    let mut load = at_end(AbsenceAction::Mark);
    load.merge = MergeStrategy::InsertOnly;
    for (run, things) in [("r1", &ALL[..]), ("r2", &WITHOUT_3[..]), ("r3", &WITHOUT_3[..])] {
        Run::new(run, load.clone()).complete().things(bench, things).await;
    }
    let back = Run::new("r4", load).pages(bench, vec![page(&[(2, 1, "new"), (3, 1, "new")], 1)]).await;
    assert_eq!((back.outcomes.changed, back.outcomes.skipped, back.rows), (1, 1, 3));
    assert_eq!(rows(bench).await[&3]["label"].as_deref(), Some("c"));
}

/// Where every version of a row is kept, those that were marked before are not marked again.
pub async fn older_versions_keep_their_marks(bench: &dyn DatabaseBench) {
    let set = |label| {
        let things: Vec<Thing<'_>> = Option::into_iter(label).map(|label| (1, 7, label)).collect();
        let scope = Some(Scope { field: "owner".to_owned(), parents: vec![7] });
        let part = Part { stream: StreamName::new(STREAM), batch: batch(&things), scope };
        vec![Page { parts: vec![part], position: Position(1.into()) }]
    };
    let mut load = at_end(AbsenceAction::Mark);
    load.merge = MergeStrategy::History;
    let days = [
        ("2026-03-01T00:00:00Z", Some("a"), 0),
        ("2026-03-02T00:00:00Z", None, 1),
        ("2026-03-03T00:00:00Z", Some("b"), 0),
        ("2026-03-04T00:00:00Z", None, 1),
    ];
    for (at, label, removed) in days {
        let run = Run { at, ..Run::new("r", load.clone()) };
        assert_eq!(run.pages(bench, set(label)).await.outcomes.removed, removed, "{at}");
    }
    let marks: BTreeSet<_> =
        bench.rows(STREAM).await.into_iter().map(|row| row["deleted_at"].clone()).collect();
    assert_eq!(marks.len(), 2, "each version keeps the time of its own mark");
}
