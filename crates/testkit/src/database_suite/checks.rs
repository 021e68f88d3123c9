//! What complete reads find out, and what system columns tell.

use achub_core::{
    Code, StreamName,
    port::target::{AbsenceAction, LoadMode},
};

use super::{DatabaseBench, Run, STREAM, check, live_and_marked, marked_load, rows};
use crate::target_suite::{page, spec};

/// A complete read counts as a check where its rows were collected aside, or the table held nothing.
pub async fn checked_moves_with_complete_reads(bench: &dyn DatabaseBench) {
    let cases = [
        (LoadMode::MergeAsYouGo, "2026-03-01T00:00:00Z", Some("2026-03-01T00:00:00Z")),
        // The table holds something now: what came is merged, and nothing is known of what did not.
        (LoadMode::MergeAsYouGo, "2026-03-02T00:00:00Z", Some("2026-03-01T00:00:00Z")),
        (LoadMode::MergeAtEnd, "2026-03-03T00:00:00Z", Some("2026-03-03T00:00:00Z")),
        (LoadMode::Truncate, "2026-03-04T00:00:00Z", Some("2026-03-04T00:00:00Z")),
        (LoadMode::Replace, "2026-03-05T00:00:00Z", Some("2026-03-05T00:00:00Z")),
        (LoadMode::MergeAtEnd, "2026-03-04T00:00:00Z", Some("2026-03-05T00:00:00Z")),
    ];
    for (mode, at, expected) in cases {
        let run = Run { at, ..Run::new("r", marked_load(mode, AbsenceAction::Mark)).complete() };
        run.things(bench, &[(1, 1, "a")]).await;
        let target = bench.open().await;
        let known = target.checkpoints(None, &spec(mode).replication).await.expect("checkpoints are read");
        let checked = known.checked.get(&StreamName::new(STREAM)).map(ToString::to_string);
        assert_eq!(checked.as_deref(), expected, "{mode:?} {at}");
    }
}

/// Changes that an earlier run should have landed are counted apart from those that were due only now.
pub async fn check_tells_drift_from_due_changes(bench: &dyn DatabaseBench) {
    let mut load = marked_load(LoadMode::MergeAtEnd, AbsenceAction::Report);
    // The column of the moment of writing stands for a record's own time of change here: 12:00 in every load.
    let moment = load.table.index_of("_achub_loaded_at").expect("the suite has it");
    let due = [
        (None, (0, 0)),
        (Some("2026-03-01T12:00:00Z"), (0, 0)),
        (Some("2026-03-01T12:00:00.000001Z"), (2, 1)),
    ];
    for (since, expected) in due {
        bench.execute("DROP TABLE IF EXISTS things").await;
        load.due_since = since.map(|since| (moment, since.parse().expect("a literal")));
        let run = |run| Run::new(run, load.clone()).complete();
        run("r1").things(bench, &[(1, 1, "a"), (2, 1, "b")]).await;
        let report = run("r2").things(bench, &[(1, 1, "a"), (2, 1, "b2"), (3, 1, "c"), (4, 1, "d")]).await;
        assert_eq!((check(&report).missing, check(&report).different), expected, "{since:?}");
        assert_eq!((report.outcomes.added, report.outcomes.changed, report.outcomes.same), (2, 1, 1));
    }
}

/// A check that was interrupted half way goes on, and what the first half showed is not absent.
pub async fn interrupted_check_goes_on_by_another_run(bench: &dyn DatabaseBench) {
    let load = marked_load(LoadMode::MergeAtEnd, AbsenceAction::Delete);
    let all = [(1, 1, "a"), (2, 1, "b"), (3, 1, "c"), (4, 1, "d")];
    Run::new("r1", load.clone()).complete().things(bench, &all).await;
    for (first, second, gone) in [("r2", "r3", 0), ("r4", "r5", 1)] {
        let begun = Run::new(first, load.clone()).complete();
        let target = bench.open().await;
        let mut half = target.load(begun.spec()).await.expect("a load can be opened");
        half.write(vec![page(&all[..2], 1)]).await.expect("rows are taken");
        drop((half, target));

        let resumed = Run { resume: true, ..Run::new(second, load.clone()).complete() };
        let report = resumed.pages(bench, vec![page(&all[2..3], 2)]).await;

        assert_eq!((check(&report).shown, check(&report).gone), (3, gone), "{second}");
        assert_eq!(check(&report).waiting, 1 - gone, "{second}");
    }
    assert_eq!(live_and_marked(bench).await.0, [1, 2, 3]);
}

/// A row that came again unchanged keeps what tells when and by whom it was written.
pub async fn unchanged_rows_stay_as_written(bench: &dyn DatabaseBench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        bench.execute("DROP TABLE IF EXISTS things").await;
        for run in ["r1", "r2", "r3"] {
            let at = if run == "r1" { "2026-03-01T12:00:00Z" } else { "2026-03-02T12:00:00Z" };
            let load = Run { at, ..Run::new(run, marked_load(mode, AbsenceAction::Mark)).complete() };
            load.things(bench, &[(1, 1, "a"), (2, 1, if run == "r1" { "b" } else { "b2" })]).await;
        }
        let rows = rows(bench).await;
        let told = |id: i64| (rows[&id]["run_id"].as_deref(), rows[&id]["synced_op"].as_deref());
        assert_eq!(told(1), (Some("r1"), Some("I")), "{mode:?}");
        assert_eq!(told(2), (Some("r2"), Some("U")), "{mode:?}");
        assert_ne!(rows[&1]["synced_at"], rows[&2]["synced_at"], "{mode:?}");
    }
}

/// Run, number, identifier and the whole record stand beside the values. (switches of section 11)
pub async fn system_columns_tell_what_was_done(bench: &dyn DatabaseBench) {
    for mode in [LoadMode::Replace, LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        bench.execute("DROP TABLE IF EXISTS things").await;
        let pages = vec![page(&[(7, 1, "a\"b")], 1), page(&[(8, 2, "b")], 2)];
        Run::new("r1", marked_load(mode, AbsenceAction::Mark)).pages(bench, pages).await;
        let rows = rows(bench).await;
        let text = |id: i64, name: &str| rows[&id][name].clone().unwrap_or_default();
        assert_eq!((text(7, "row_number"), text(8, "row_number")), ("1".into(), "2".into()), "{mode:?}");
        assert_eq!(text(7, "run_id"), "r1", "{mode:?}");
        assert_eq!((text(7, "row_id").len(), text(7, "row_id").chars().nth(14)), (36, Some('7')), "{mode:?}");
        assert_ne!(text(7, "row_id"), text(8, "row_id"), "{mode:?}");
        let record: serde_json::Value = serde_json::from_str(&text(7, "record")).expect("a document");
        assert_eq!(record, serde_json::json!({"id": 7, "owner": 1, "label": "a\"b"}), "{mode:?}");
    }
}

/// Where nothing could take the mark, the load says so before a row is written.
pub async fn marks_need_a_column(bench: &dyn DatabaseBench) {
    let mut load = marked_load(LoadMode::MergeAtEnd, AbsenceAction::Mark);
    load.table.columns.truncate(5);
    load.origins.truncate(5);
    let target = bench.open().await;
    let refused = Run::new("r1", load).try_pages(&*target, Vec::new()).await.expect_err("there is no column");
    assert_eq!(refused.code(), Code::BadFile);
    assert!(!bench.has_table(STREAM).await);
}
