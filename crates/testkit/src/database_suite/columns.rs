//! What a person asked of columns and tables.

use achub_core::{
    Code, StreamName, Value,
    port::{
        source::{Page, Part, Position},
        target::{LoadMode, TableLoad},
    },
};

use super::{DatabaseBench, Run, STREAM, rows};
use crate::target_suite::{batch, table_load};

const ALL: [LoadMode; 4] =
    [LoadMode::Replace, LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo];

/// A row without a value where there must be one is put aside with the column's name.
pub async fn rows_without_needed_values_stand_aside(bench: &dyn DatabaseBench) {
    for mode in ALL {
        bench.execute("DROP TABLE IF EXISTS things; DROP TABLE IF EXISTS _achub_quarantine").await;
        let mut load = table_load(STREAM, mode);
        load.table.columns[1].rules.not_null = true;
        load.table.columns[1].rules.description = Some("whose it is; it's needed".to_owned());
        let mut things = batch(&[(1, 1, "a")]);
        things.push([Value::Integer(2), Value::Null, Value::text("b")], None);
        let part = Part { stream: StreamName::new(STREAM), batch: things, scope: None };
        let report = Run::new("r", load)
            .pages(bench, vec![Page { parts: vec![part], position: Position(1.into()) }])
            .await;
        assert_eq!((report.rows, report.outcomes.refused), (1, 1), "{mode:?}");
        let expected = [(STREAM.to_owned(), "2".to_owned(), "owner".to_owned())];
        assert_eq!(bench.quarantined().await, expected, "{mode:?}");
    }
}

/// Keys and indexes that were asked for are made, also beside the key rows are merged by; rows that break one stand aside.
pub async fn unique_columns_put_repeated_rows_aside(bench: &dyn DatabaseBench) {
    for mode in ALL {
        if mode == LoadMode::Truncate && !bench.declares_keys() {
            continue;
        }
        bench.execute("DROP TABLE IF EXISTS things").await;
        let mut load = table_load(STREAM, mode);
        load.table.rules.primary = Some(vec!["id".to_owned(), "owner".to_owned()]);
        load.table.rules.unique = vec![vec!["label".to_owned()]];
        load.table.rules.indexes = vec![vec!["owner".to_owned(), "label".to_owned()]];
        for (run, refused) in [("r1", 1), ("r2", 1)] {
            let things = [(1, 1, "a"), (2, 1, "b"), (3, 1, "a")];
            let report = Run::new(run, load.clone()).things(bench, &things).await;
            assert_eq!((report.rows, report.outcomes.refused), (2, refused), "{mode:?} {run}");
        }
    }
}

/// The statement that makes the table may be a person's own, with other types: values are turned into them.
pub async fn own_statement_makes_the_table(bench: &dyn DatabaseBench) {
    for mode in ALL {
        bench.execute("DROP TABLE IF EXISTS things").await;
        let mut load = table_load(STREAM, mode);
        let ddl = "CREATE TABLE {object_name} (id bigint PRIMARY KEY, owner smallint, label varchar(9), \
                   mine varchar(3) DEFAULT 'new', _achub_extra text, _achub_loaded_at timestamp)";
        load.table.rules.ddl = Some(ddl.to_owned());
        Run::new("r1", load.clone()).things(bench, &[(1, 1, "a"), (2, 1, "b")]).await;
        let rows = rows(bench).await;
        assert_eq!((rows.len(), rows[&1]["mine"].as_deref()), (2, Some("new")), "{mode:?}");
        let again = Run::new("r2", load.clone()).things(bench, &[(1, 1, "a"), (2, 1, "b2")]).await;
        assert_eq!(again.rows, 2, "{mode:?}");

        bench.execute("DROP TABLE things").await;
        let target = bench.open().await;
        for bad in
            ["CREATE TABLE elsewhere ({col_types})", "CREATE TABLE {object_name} (id bigint PRIMARY KEY)"]
        {
            bench.execute("DROP TABLE IF EXISTS elsewhere").await;
            load.table.rules.ddl = Some(bad.to_owned());
            let refused = Run::new("r3", load.clone()).try_pages(&*target, Vec::new()).await;
            assert!(refused.is_err(), "{mode:?} {bad}");
            assert!(!bench.has_table("elsewhere").await, "{mode:?}: taken back");
        }
    }
}

/// A rule about a column that the load does not have is refused before anything is made.
pub async fn rules_about_unknown_columns_are_refused(bench: &dyn DatabaseBench) {
    let target = bench.open().await;
    let mut load: TableLoad = table_load(STREAM, LoadMode::Replace);
    load.table.rules.unique = vec![vec!["lable".to_owned()]];
    let error =
        Run::new("r", load).try_pages(&*target, Vec::new()).await.expect_err("there is no such column");
    assert_eq!(error.code(), Code::BadFile);
    assert!(error.message().contains("lable"), "{error}");
}
