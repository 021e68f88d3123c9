//! How rows meet those of the same key.

use achub_core::{
    Code,
    port::target::{AbsenceAction, LoadMode, MergeStrategy, TableLoad},
};

use super::{DatabaseBench, Run, STREAM, marked_load, rows};
use crate::target_suite::{page, table_load};

const BOTH: [LoadMode; 2] = [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo];

fn load(mode: LoadMode, merge: MergeStrategy, declare_key: bool) -> TableLoad {
    let mut load = marked_load(mode, AbsenceAction::Mark);
    load.merge = merge;
    load.table.declare_key = declare_key;
    load
}

async fn labels(bench: &dyn DatabaseBench) -> Vec<String> {
    let mut labels: Vec<String> =
        bench.rows(STREAM).await.into_iter().map(|row| row["label"].clone().unwrap_or_default()).collect();
    labels.sort();
    labels
}

/// Each strategy does to new, known, and unchanged keys what its name says, with and without a unique key, and counts it.
pub async fn strategies_meet_known_keys_as_named(bench: &dyn DatabaseBench) {
    // Labels afterwards; added, changed, same, skipped.
    let cases = [
        (MergeStrategy::Upsert, vec!["a", "b2", "c"], (1, 1, 1, 0)),
        (MergeStrategy::DeleteInsert, vec!["a", "b2", "c"], (1, 1, 1, 0)),
        (MergeStrategy::InsertOnly, vec!["a", "b", "c"], (1, 0, 1, 1)),
        (MergeStrategy::UpdateOnly, vec!["a", "b2"], (0, 1, 1, 1)),
        (MergeStrategy::History, vec!["a", "b", "b2", "c"], (1, 1, 1, 0)),
    ];
    for mode in BOTH {
        for declare_key in [true, false] {
            for (merge, expected, counts) in &cases {
                bench.execute("DROP TABLE IF EXISTS things").await;
                let first =
                    load(mode, MergeStrategy::Upsert, declare_key && *merge != MergeStrategy::History);
                Run::new("r1", first).things(bench, &[(1, 1, "a"), (2, 1, "b")]).await;
                let next = Run::new("r2", load(mode, *merge, declare_key));
                let next = Run { at: "2026-03-02T12:00:00Z", ..next };
                let pages = vec![page(&[(1, 1, "a"), (3, 1, "c")], 1), page(&[(2, 1, "b2")], 2)];

                let outcomes = next.pages(bench, pages).await.outcomes;

                let label = format!("{mode:?} {merge:?}, unique: {declare_key}");
                assert_eq!(labels(bench).await, *expected, "{label}");
                let counted = (outcomes.added, outcomes.changed, outcomes.same, outcomes.skipped);
                assert_eq!((counted, outcomes.total()), (*counts, 3), "{label}");
                let operations: Vec<String> = {
                    let mut rows = bench.rows(STREAM).await;
                    rows.retain(|row| row["label"].as_deref() == Some("b2"));
                    rows.iter().filter_map(|row| row["synced_op"].clone()).collect()
                };
                assert!(operations.iter().all(|operation| operation == "U"), "{label}: {operations:?}");
            }
        }
    }
}

/// A row that is deleted and inserted holds nothing in columns of others.
pub async fn deleting_and_inserting_blanks_other_columns(bench: &dyn DatabaseBench) {
    for mode in BOTH {
        bench.execute("DROP TABLE IF EXISTS things").await;
        Run::new("r1", load(mode, MergeStrategy::Upsert, true))
            .things(bench, &[(1, 1, "a"), (2, 1, "b")])
            .await;
        bench.execute("ALTER TABLE things ADD COLUMN note varchar(9); UPDATE things SET note = 'mine'").await;
        Run::new("r2", load(mode, MergeStrategy::DeleteInsert, true)).things(bench, &[(1, 1, "a")]).await;
        let rows = rows(bench).await;
        assert_eq!(
            (rows[&1]["note"].as_deref(), rows[&2]["note"].as_deref()),
            (None, Some("mine")),
            "{mode:?}"
        );
    }
}

/// Every version stays, one that came again unchanged is not added, and a table that cannot hold several is refused.
pub async fn history_keeps_every_version(bench: &dyn DatabaseBench) {
    for mode in BOTH {
        bench.execute("DROP TABLE IF EXISTS things").await;
        for (day, label, added, changed) in
            [(1, "a", 1, 0), (2, "a", 0, 0), (3, "b", 0, 1), (4, "b", 0, 0), (5, "a", 0, 1)]
        {
            let at: &'static str = [
                "",
                "2026-03-01T00:00:00Z",
                "2026-03-02T00:00:00Z",
                "2026-03-03T00:00:00Z",
                "2026-03-04T00:00:00Z",
                "2026-03-05T00:00:00Z",
            ][day];
            let run = Run { at, ..Run::new("r", load(mode, MergeStrategy::History, true)) };
            let outcomes = run.things(bench, &[(1, 1, label)]).await.outcomes;
            assert_eq!((outcomes.added, outcomes.changed), (added, changed), "{mode:?} day {day}");
        }
        assert_eq!(labels(bench).await, ["a", "a", "b"], "{mode:?}");

        if !bench.declares_keys() {
            continue;
        }
        let target = bench.open().await;
        let mut keyed = table_load("keyed", mode);
        Run::new("r", keyed.clone()).try_pages(&*target, Vec::new()).await.expect("the load ends");
        keyed.merge = MergeStrategy::History;
        let refused = Run::new("r", keyed).try_pages(&*target, Vec::new()).await;
        assert_eq!(refused.expect_err("the key is unique").code(), Code::TableChanged, "{mode:?}");
    }
}
