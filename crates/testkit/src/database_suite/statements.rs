//! A person's own statements, staging, and tables that come and go.

use std::collections::HashMap;

use achub_core::{
    Code, StreamName,
    port::target::{AbsenceAction, Closing, LoadMode, TableLoad, Tally},
};

use super::{DatabaseBench, Run, STREAM, marked_load, rows};
use crate::target_suite::{page, spec, table_load};

const ALL: [LoadMode; 4] =
    [LoadMode::Replace, LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo];

/// Statements run before the load, before and after rows are moved, and after the load, in this order.
pub async fn statements_run_at_their_moments(bench: &dyn DatabaseBench) {
    for mode in ALL {
        bench.execute("DROP TABLE IF EXISTS things; DROP TABLE IF EXISTS told").await;
        let mut load = table_load(STREAM, mode);
        let tell = |what: &str| format!("INSERT INTO told (what, n) SELECT '{what}', count(*) FROM things");
        load.statements.before_load = vec![
            "CREATE TABLE told (place integer, what varchar(20), n integer)".to_owned(),
            "INSERT INTO told (what, n) VALUES ('first', 0)".to_owned(),
        ];
        load.statements.before_merge = vec![tell("before")];
        load.statements.after_merge = vec![tell("after")];
        load.statements.after_load = vec![tell("last")];
        load.statements.isolation = Some("serializable".to_owned());
        Run::new("r", load).things(bench, &[(1, 1, "a"), (2, 1, "b")]).await;
        let told: HashMap<String, String> = bench
            .rows("told")
            .await
            .into_iter()
            .map(|row| (row["what"].clone().unwrap_or_default(), row["n"].clone().unwrap_or_default()))
            .collect();
        let before = if mode == LoadMode::MergeAsYouGo { "2" } else { "0" };
        for (what, n) in [("first", "0"), ("before", before), ("after", "2"), ("last", "2")] {
            assert_eq!(told.get(what).map(String::as_str), Some(n), "{mode:?} {what}");
        }
    }
}

/// A statement that fails in the finishing transaction takes all of it back, and the walk can go on.
pub async fn failing_statement_keeps_old_rows(bench: &dyn DatabaseBench) {
    for mode in [LoadMode::Replace, LoadMode::Truncate, LoadMode::MergeAtEnd] {
        bench.execute("DROP TABLE IF EXISTS things").await;
        Run::new("r1", table_load(STREAM, mode)).things(bench, &[(1, 1, "old")]).await;
        let mut failing = table_load(STREAM, mode);
        failing.statements.after_merge = vec!["SELECT nothing FROM nowhere".to_owned()];
        let target = bench.open().await;
        let pages = vec![page(&[(1, 1, "new")], 1)];
        let error = Run::new("r2", failing).try_pages(&*target, pages).await.expect_err("it fails");
        assert!(error.message().contains("after the merge"), "{error}");
        assert_eq!(rows(bench).await[&1]["label"].as_deref(), Some("old"), "{mode:?}");

        let resumed = Run { resume: true, ..Run::new("r3", table_load(STREAM, mode)) };
        resumed.pages(bench, Vec::new()).await;
        assert_eq!(rows(bench).await[&1]["label"].as_deref(), Some("new"), "{mode:?}");
    }
}

/// The staging table has the name it was given, and stays where that was asked.
pub async fn staging_has_the_name_it_was_given(bench: &dyn DatabaseBench) {
    let staged = |keep_staging| {
        let staging = Some("my_staging".to_owned());
        TableLoad { staging, keep_staging, ..table_load(STREAM, LoadMode::MergeAtEnd) }
    };
    for keep in [true, false] {
        let target = bench.open().await;
        let run = Run::new("r", staged(keep));
        let mut load = target.load(run.spec()).await.expect("a load can be opened");
        load.write(vec![page(&[(1, 1, "a")], 1)]).await.expect("rows are taken");
        assert!(bench.has_table("my_staging").await);
        drop(load);
        let resumed = Run { resume: true, ..Run::new("r", staged(keep)) };
        resumed.try_pages(&*target, vec![page(&[(2, 1, "b")], 2)]).await.expect("the load ends");
        assert_eq!(bench.has_table("my_staging").await, keep);
    }
    assert_eq!(rows(bench).await.len(), 2);
}

/// Rows that are appended directly can be read at once, and an interruption appends none twice.
pub async fn direct_rows_are_appended_once(bench: &dyn DatabaseBench) {
    let mut direct = table_load(STREAM, LoadMode::MergeAtEnd);
    direct.table.key.clear();
    direct.direct = true;
    let target = bench.open().await;
    let mut load = target.load(Run::new("r1", direct.clone()).spec()).await.expect("a load can be opened");
    load.write(vec![page(&[(1, 1, "a"), (1, 1, "a")], 1)]).await.expect("rows are taken");
    drop(load);
    assert_eq!(bench.rows(STREAM).await.len(), 2);
    assert!(!bench.has_table("things_tmp").await);
    let resumed = Run { resume: true, ..Run::new("r2", direct) };
    let report = resumed.try_pages(&*target, vec![page(&[(1, 1, "a")], 2)]).await.expect("the load ends");
    assert_eq!((report.rows, report.outcomes.added, bench.rows(STREAM).await.len()), (3, 3, 3));
}

/// Where an empty table is not wanted none is made, and one that is there keeps its rows.
pub async fn no_rows_make_no_table(bench: &dyn DatabaseBench) {
    for mode in ALL {
        bench.execute("DROP TABLE IF EXISTS things").await;
        let load = TableLoad { empty_table: false, ..table_load(STREAM, mode) };
        let nothing = Run::new("r1", load.clone()).pages(bench, vec![page(&[], 1)]).await;
        assert_eq!((nothing.rows, bench.has_table(STREAM).await), (0, false), "{mode:?}");
        let some =
            Run::new("r2", load.clone()).pages(bench, vec![page(&[], 1), page(&[(1, 1, "a")], 2)]).await;
        assert_eq!((some.rows, some.outcomes.added), (1, 1), "{mode:?}");
        let nothing = Run::new("r3", load).pages(bench, vec![page(&[], 1)]).await;
        assert_eq!((nothing.rows, rows(bench).await.len()), (1, 1), "{mode:?}");
        assert!(!bench.has_table("things_tmp").await, "{mode:?}");
    }
}

/// Rows are counted by value, with conditions; what is not there is not counted.
pub async fn tally_counts_what_is_there(bench: &dyn DatabaseBench) {
    let target = bench.open().await;
    let all = Tally { schema: None, table: STREAM.to_owned(), equals: None, null: None, by: None };
    assert_eq!(target.tally(&all).await.expect("the target answers"), None, "there is no table");
    Run::new("r", marked_load(LoadMode::MergeAtEnd, AbsenceAction::Mark))
        .things(bench, &[(1, 7, "x"), (2, 7, "y"), (3, 8, "x"), (4, 7, "x")])
        .await;
    bench.execute("UPDATE things SET deleted_at = _achub_loaded_at WHERE id = 4").await;
    let (equals, null, by) =
        (Some(("owner".to_owned(), 7)), Some("deleted_at".to_owned()), Some("label".to_owned()));
    let cases = [
        (all.clone(), vec![("", 4)]),
        (Tally { null: null.clone(), ..all.clone() }, vec![("", 3)]),
        (Tally { by: by.clone(), ..all.clone() }, vec![("x", 3), ("y", 1)]),
        (Tally { equals, null, by, ..all.clone() }, vec![("x", 1), ("y", 1)]),
    ];
    for (tally, expected) in cases {
        let expected = expected.into_iter().map(|(value, count)| (value.to_owned(), count)).collect();
        assert_eq!(target.tally(&tally).await.expect("the target answers"), Some(expected), "{tally:?}");
    }
    let missing = Tally { by: Some("nothing".to_owned()), ..all };
    assert_eq!(target.tally(&missing).await.expect("the target answers"), None);
}

/// A cursor whose table is gone is not used: rows from before it would be missing without a word. (B-06)
pub async fn dropped_table_is_read_from_the_start(bench: &dyn DatabaseBench) {
    let target = bench.open().await;
    let load = target.load(spec(LoadMode::MergeAsYouGo)).await.expect("a load can be opened");
    let cursor = "2026-03-02T00:00:00Z".parse().expect("a literal");
    let cursors = HashMap::from([(StreamName::new(STREAM), cursor)]);
    load.finish(&Closing { cursors: cursors.clone(), ..Closing::default() }).await.expect("the load ends");
    let replication = spec(LoadMode::MergeAsYouGo).replication;
    let known = target.checkpoints(None, &replication).await.expect("checkpoints are read");
    assert_eq!(known.cursors, cursors);
    bench.execute("DROP TABLE things").await;
    let known = target.checkpoints(None, &replication).await.expect("checkpoints are read");
    assert!(known.cursors.is_empty());
}

/// A table that goes while a walk is under way stops it by name, and the walk is not continued as if nothing was. (B-06)
pub async fn table_dropped_during_walk_stops_it(bench: &dyn DatabaseBench) {
    for mode in [LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        bench.execute("DROP TABLE IF EXISTS things").await;
        Run::new("r1", table_load(STREAM, mode)).things(bench, &[(1, 1, "a")]).await;
        let target = bench.open().await;
        let mut load = target.load(spec(mode)).await.expect("a load can be opened");
        load.write(vec![page(&[(2, 1, "b")], 1)]).await.expect("rows are taken");
        bench.execute("DROP TABLE things").await;

        let error = match load.write(vec![page(&[(3, 1, "c")], 2)]).await {
            Err(error) => {
                drop(load);
                error
            }
            Ok(_) => load.finish(&Closing::default()).await.expect_err("the table is gone"),
        };

        assert!(error.message().contains("things"), "{mode:?}: {error}");
        let known = target.checkpoints(None, &spec(mode).replication).await.expect("checkpoints are read");
        assert!(known.walks.is_empty(), "{mode:?}");
        let resumed = Run { resume: true, ..Run::new("r2", table_load(STREAM, mode)) };
        let error = resumed.try_pages(&*target, Vec::new()).await.expect_err("its rows are gone");
        assert_eq!(error.code(), Code::TableChanged, "{mode:?}");
        let anew = Run::new("r3", table_load(STREAM, mode));
        anew.things(bench, &[(1, 1, "a"), (2, 1, "b"), (3, 1, "c")]).await;
        assert_eq!(rows(bench).await.len(), 3, "{mode:?}");
    }
}
