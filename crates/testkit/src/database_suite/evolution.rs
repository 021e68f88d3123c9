//! Tables that differ from what is wanted.

use achub_core::{
    Batch, Code, StreamName, Value,
    port::{
        source::{Page, Part, Position},
        target::{DifferenceKind, Evolution, LoadMode, TableLoad},
    },
};

use super::{DatabaseBench, Run, STREAM, rows};
use crate::target_suite::{schema, table_load};

const KEEPING: [LoadMode; 3] = [LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo];

/// The suite's load into a table that lacks `label`.
async fn narrow_table(bench: &dyn DatabaseBench) {
    bench.execute("DROP TABLE IF EXISTS things").await;
    let mut narrow = table_load(STREAM, LoadMode::Replace);
    narrow.table.columns.remove(2);
    narrow.origins.remove(2);
    Run::new("r0", narrow).things(bench, &[(1, 1, "unseen")]).await;
}

fn load(mode: LoadMode, evolution: Evolution) -> TableLoad {
    TableLoad { evolution, ..table_load(STREAM, mode) }
}

/// Columns that may not be added are left out and named; all else lands.
pub async fn missing_columns_are_left_out_when_kept(bench: &dyn DatabaseBench) {
    for mode in KEEPING {
        narrow_table(bench).await;
        let report =
            Run::new("r1", load(mode, Evolution::Keep)).things(bench, &[(1, 2, "a"), (2, 2, "b")]).await;
        assert_eq!(report.left_out_columns, ["label"], "{mode:?}");
        let rows = rows(bench).await;
        assert_eq!((rows.len(), rows[&1]["owner"].as_deref()), (2, Some("2")), "{mode:?}");
        assert!(!rows[&1].contains_key("label"), "{mode:?}");
    }
}

/// A difference ends the load before a row is written, and says which.
pub async fn any_difference_stops_when_asked(bench: &dyn DatabaseBench) {
    for mode in KEEPING {
        narrow_table(bench).await;
        let target = bench.open().await;
        let run = Run::new("r1", load(mode, Evolution::Stop));
        let error = run.try_pages(&*target, Vec::new()).await.expect_err("a column is missing");
        assert_eq!(error.code(), Code::ColumnsDiffer, "{mode:?}");
        assert!(error.details()[0].1.starts_with("label: missing"), "{error:?}");
        let wide = load(LoadMode::Replace, Evolution::Stop);
        Run::new("r2", wide).try_pages(&*target, Vec::new()).await.expect("the table is made again");
        run.try_pages(&*target, Vec::new()).await.expect("nothing differs");
    }
}

fn page_with(extra: &str) -> Page {
    let mut batch = Batch::new(schema());
    batch.push([Value::Integer(1), Value::Integer(1), Value::text("x")], Some(extra.into()));
    let part = Part { stream: StreamName::new(STREAM), batch, scope: None };
    Page { parts: vec![part], position: Position(1.into()) }
}

/// Members of records without a field get columns, are left out and named, or stop the load at their commit.
pub async fn unknown_members_follow_the_policy(bench: &dyn DatabaseBench) {
    for mode in KEEPING {
        for evolution in [Evolution::Add, Evolution::Keep, Evolution::Stop] {
            bench.execute("DROP TABLE IF EXISTS things").await;
            let load = TableLoad { add_columns: true, ..load(mode, evolution) };
            Run::new("r1", load.clone()).pages(bench, vec![page_with(r#"{"first":1}"#)]).await;
            assert_eq!(rows(bench).await[&1]["first"].as_deref(), Some("1"), "a new table gets all columns");

            let target = bench.open().await;
            let pages = vec![page_with(r#"{"first":2,"second":2}"#)];
            let done = Run::new("r2", load).try_pages(&*target, pages).await;

            let label = format!("{mode:?} {evolution:?}");
            match evolution {
                Evolution::Stop => {
                    assert_eq!(done.expect_err("a column is missing").code(), Code::ColumnsDiffer, "{label}");
                    assert_eq!(rows(bench).await[&1]["first"].as_deref(), Some("1"), "{label}");
                    continue;
                }
                Evolution::Keep => {
                    assert_eq!(done.expect("the load ends").left_out_columns, ["second"], "{label}")
                }
                _ => assert!(done.expect("the load ends").left_out_columns.is_empty(), "{label}"),
            }
            let row = &rows(bench).await[&1];
            assert_eq!(row["first"].as_deref(), Some("2"), "{label}");
            assert_eq!(row.contains_key("second"), evolution == Evolution::Add, "{label}");
        }
    }
}

/// What would be added and what nothing writes is told beforehand, and nothing is changed by it.
pub async fn differences_tell_what_would_change(bench: &dyn DatabaseBench) {
    let target = bench.open().await;
    let wanted = [load(LoadMode::MergeAtEnd, Evolution::Add)];
    assert_eq!(target.differences(&wanted).await.expect("the target answers"), [], "no table yet");
    narrow_table(bench).await;
    bench.execute("ALTER TABLE things ADD COLUMN mine integer; ALTER TABLE things DROP COLUMN owner").await;
    bench.execute("ALTER TABLE things ADD COLUMN owner double precision").await;

    let found = target.differences(&wanted).await.expect("the target answers");

    let kinds: Vec<(&str, &str, bool)> = found
        .iter()
        .map(|difference| match &difference.kind {
            DifferenceKind::Missing { .. } => (difference.column.as_str(), "missing", false),
            DifferenceKind::Type { can_widen, .. } => (difference.column.as_str(), "type", *can_widen),
            DifferenceKind::Unused => (difference.column.as_str(), "unused", false),
        })
        .collect();
    assert_eq!(kinds, [("owner", "type", false), ("label", "missing", false), ("mine", "unused", false)]);
    let replaced = [load(LoadMode::Replace, Evolution::Add)];
    assert_eq!(target.differences(&replaced).await.expect("the target answers"), [], "it is made again");
    assert!(!rows(bench).await[&1].contains_key("label"));
}
