//! The file target against the suite of all targets, in both formats.

use std::{collections::BTreeMap, fs, path::PathBuf};

use achub_connectors::file::{FileTarget, Format};
use achub_core::{
    Code,
    port::target::{LoadMode, Target},
};
use achub_testkit::target_suite::{self, Bench, TextRow, load_pages, page, spec, spec_of, table_load};
use async_trait::async_trait;
use serde_json::Value;

/// A folder of its own.
struct FileBench {
    folder: tempfile::TempDir,
    format: Format,
}

impl FileBench {
    fn new(format: Format) -> FileBench {
        FileBench { folder: tempfile::tempdir().expect("a folder can be made"), format }
    }

    fn path(&self, table: &str) -> PathBuf {
        self.folder.path().join(format!("{table}.{}", self.format.extension()))
    }
}

fn objects(path: PathBuf) -> Vec<BTreeMap<String, Value>> {
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    text.lines().map(|line| serde_json::from_str(line).expect("every line is an object")).collect()
}

#[async_trait]
impl Bench for FileBench {
    async fn open(&self) -> Box<dyn Target> {
        Box::new(FileTarget::open(self.folder.path(), self.format).await.expect("the folder is there"))
    }

    async fn rows(&self, table: &str) -> Vec<TextRow> {
        if self.format == Format::Csv {
            let mut reader = csv::Reader::from_path(self.path(table)).expect("the file is there");
            let rows = reader.deserialize::<BTreeMap<String, String>>();
            let rows = rows.map(|row| row.expect("the file is well formed"));
            return rows
                .map(|row| row.into_iter().map(|(name, text)| (name, Some(text))).collect())
                .collect();
        }
        let text = |value: Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        let rows = objects(self.path(table)).into_iter();
        rows.map(|row| row.into_iter().map(|(name, value)| (name, text(value))).collect()).collect()
    }

    async fn has_table(&self, table: &str) -> bool {
        self.path(table).exists() || self.folder.path().join(format!("{table}.json")).exists()
    }

    async fn quarantined(&self) -> Vec<(String, String, String)> {
        let text = |row: &BTreeMap<String, Value>, name: &str| {
            row[name].as_str().expect("these members are text").to_owned()
        };
        let rows = objects(self.folder.path().join("_achub_quarantine.jsonl"));
        rows.iter().map(|row| (text(row, "stream"), text(row, "key"), text(row, "column"))).collect()
    }

    async fn lose_staged_row(&self, table: &str) {
        let mut path = self.path(table).into_os_string();
        path.push(".part");
        let text = fs::read_to_string(&path).expect("rows are collected there");
        let rest = text.split_once('\n').expect("there is a row").1;
        fs::write(&path, rest).expect("the file can be written");
    }

    fn shows_rows_early(&self) -> bool {
        false
    }

    /// Both formats hold every text.
    fn refused_text(&self) -> Option<&'static str> {
        None
    }
}

macro_rules! case {
    ($($name:ident)*) => {
        mod csv_files {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    target_suite::$name(&FileBench::new(Format::Csv)).await;
                }
            )*
        }

        mod json_lines {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    target_suite::$name(&FileBench::new(Format::JsonLines)).await;
                }
            )*
        }
    };
}

achub_testkit::target_suite!(case);

#[tokio::test]
async fn names_that_leave_the_folder_are_refused() {
    let bench = FileBench::new(Format::Csv);
    let target = bench.open().await;
    for name in ["../x", "", "a/b", ".hidden", "a\0b"] {
        let error = target.load(spec_of(table_load(name, LoadMode::Replace))).await.err();
        assert_eq!(error.map(|error| error.code()), Some(Code::BadTableName), "{name:?}");
    }
}

#[tokio::test]
async fn rows_behind_the_recorded_length_do_not_count() {
    for format in [Format::Csv, Format::JsonLines] {
        let bench = FileBench::new(format);
        let target = bench.open().await;
        let mut load = target.load(spec(LoadMode::Replace)).await.expect("a load can be opened");
        load.write(vec![page(&[(1, 1, "a")], 1)]).await.expect("rows are taken");
        drop(load);
        // A process that was killed between writing rows and recording them.
        let mut part = bench.path("things").into_os_string();
        part.push(".part");
        let mut text = fs::read_to_string(&part).expect("rows are collected there");
        text.push_str("2,half a ro");
        fs::write(&part, text).expect("the file can be written");

        let mut resumed = spec(LoadMode::Replace);
        resumed.resume = true;
        load_pages(&*target, resumed, vec![page(&[(2, 1, "b")], 2)]).await.expect("the load ends");
        let mut ids: Vec<_> = bench.rows("things").await.into_iter().map(|row| row["id"].clone()).collect();
        ids.sort();
        assert_eq!(ids, [Some("1".to_owned()), Some("2".to_owned())]);
    }
}

#[tokio::test]
async fn csv_follows_the_standard() {
    let bench = FileBench::new(Format::Csv);
    let target = bench.open().await;
    let mut load = table_load("things", LoadMode::Replace);
    load.table.columns.truncate(3);
    load.origins.truncate(3);
    let rows = [(1, 1, "plain"), (2, 1, "a,\"b\"\r\nc")];
    load_pages(&*target, spec_of(load), vec![page(&rows, 1)]).await.expect("the load ends");
    let text = fs::read_to_string(bench.path("things")).expect("the file is there");
    assert_eq!(text, "id,owner,label\r\n1,1,plain\r\n2,1,\"a,\"\"b\"\"\r\nc\"\r\n");
}
