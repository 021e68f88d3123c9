//! The file target against the suite of all targets, in both formats.

use std::{collections::BTreeMap, fs, path::PathBuf};

use achub_connectors::file::{FileTarget, Format};
use achub_core::port::target::Target;
use achub_testkit::target_suite::{self, Bench, TextRow};
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
