//! Folders of files against the suite of all targets, in all formats.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use achub_connectors::{FolderTarget, file::Format};
use achub_core::{
    Batch, Code, Column, Field, FieldType, Schema, SharedSchema, StreamName, Table, Value,
    port::{
        source::{Page, Part, Position},
        target::{DifferenceKind, Evolution, LoadMode, Origin, TableLoad, Tally, Target},
    },
};
use achub_testkit::{
    database_suite::{self, DatabaseBench},
    target_suite::{self, Bench, TextRow, load_pages, page, spec, spec_of, table_load},
};
use async_trait::async_trait;

use crate::file;
#[cfg(feature = "parquet")]
use crate::parquet;

/// What the files of a folder are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Storage {
    Text(Format),
    #[cfg(feature = "parquet")]
    Parquet,
}

/// All of them.
#[cfg(feature = "parquet")]
pub const STORAGES: [Storage; 4] = [
    Storage::Text(Format::Csv),
    Storage::Text(Format::CsvRaw),
    Storage::Text(Format::JsonLines),
    Storage::Parquet,
];

/// All of them.
#[cfg(not(feature = "parquet"))]
pub const STORAGES: [Storage; 3] =
    [Storage::Text(Format::Csv), Storage::Text(Format::CsvRaw), Storage::Text(Format::JsonLines)];

/// A folder of its own.
pub struct FolderBench {
    pub folder: tempfile::TempDir,
    pub storage: Storage,
}

impl FolderBench {
    pub fn new(storage: Storage) -> FolderBench {
        FolderBench { folder: tempfile::tempdir().expect("a folder can be made"), storage }
    }

    pub fn target(&self) -> FolderTarget {
        let opened = match self.storage {
            Storage::Text(format) => FolderTarget::text(self.folder.path(), format),
            #[cfg(feature = "parquet")]
            Storage::Parquet => FolderTarget::parquet(self.folder.path()),
        };
        opened.expect("the folder is there")
    }

    /// The file of a table, or the folder of its files.
    pub fn path(&self, table: &str) -> PathBuf {
        match self.storage {
            Storage::Text(format) => self.folder.path().join(format!("{table}.{}", format.extension())),
            #[cfg(feature = "parquet")]
            Storage::Parquet => self.folder.path().join(table),
        }
    }

    /// The file that collects the rows of a walk.
    fn collected(&self, table: &str) -> PathBuf {
        let path = self.path(table);
        let home = match self.storage {
            Storage::Text(_) => {
                self.folder.path().join("_achub_tables").join(path.file_name().expect("a file has a name"))
            }
            #[cfg(feature = "parquet")]
            Storage::Parquet => path,
        };
        let is_collected = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rows");
        entries(&home.join("_work")).into_iter().find(is_collected).expect("rows are collected there")
    }
}

pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry can be read").path()).collect()
}

/// The objects of a file with one on each line; none where there is no file.
pub fn objects(path: &Path) -> Vec<BTreeMap<String, serde_json::Value>> {
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    text.lines().map(|line| serde_json::from_str(line).expect("every line is an object")).collect()
}

#[async_trait]
impl Bench for FolderBench {
    async fn open(&self) -> Box<dyn Target> {
        Box::new(self.target())
    }

    async fn rows(&self, table: &str) -> Vec<TextRow> {
        match self.storage {
            Storage::Text(format) => file::rows(format, &self.path(table)),
            #[cfg(feature = "parquet")]
            Storage::Parquet => parquet::rows(&self.path(table)),
        }
    }

    async fn has_table(&self, table: &str) -> bool {
        let path = self.path(table);
        let is_there = if path.is_dir() { path.join("_manifest.json").exists() } else { path.exists() };
        is_there || self.folder.path().join(format!("{table}.json")).exists()
    }

    async fn quarantined(&self) -> Vec<(String, String, String)> {
        let text = |row: &BTreeMap<String, serde_json::Value>, name: &str| {
            row[name].as_str().expect("these members are text").to_owned()
        };
        let rows = objects(&self.folder.path().join("_achub_quarantine.jsonl"));
        rows.iter().map(|row| (text(row, "stream"), text(row, "key"), text(row, "column"))).collect()
    }

    async fn lose_staged_row(&self, table: &str) {
        let path = self.collected(table);
        let bytes = fs::read(&path).expect("the file can be read");
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
        fs::write(path, &bytes[8 + length as usize..]).expect("the file can be written");
    }

    fn shows_rows_early(&self) -> bool {
        false
    }

    /// All formats hold every text.
    fn refused_text(&self) -> Option<&'static str> {
        None
    }
}

/// Of the suite of all databases, what has a meaning without SQL; it drops tables between its steps. Its case of what
/// counts as a check is left out: rows merged as the walk goes are collected aside here, so that they count.
#[async_trait]
impl DatabaseBench for FolderBench {
    async fn execute(&self, sql: &str) {
        for statement in sql.split(';') {
            let table = statement.trim().trim_start_matches("DROP TABLE ").trim_start_matches("IF EXISTS ");
            let path = match table {
                "_achub_quarantine" => self.folder.path().join("_achub_quarantine.jsonl"),
                table => self.path(table),
            };
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            assert!(removed.is_ok() || !path.exists(), "{statement}: {removed:?}");
        }
    }
}

macro_rules! formats {
    ($suite:ident: $($name:ident)*) => {
        mod csv_files {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    $suite::$name(&FolderBench::new(Storage::Text(Format::Csv))).await;
                }
            )*
        }

        mod raw_csv_files {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    $suite::$name(&FolderBench::new(Storage::Text(Format::CsvRaw))).await;
                }
            )*
        }

        mod json_lines {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    $suite::$name(&FolderBench::new(Storage::Text(Format::JsonLines))).await;
                }
            )*
        }

        #[cfg(feature = "parquet")]
        mod parquet_files {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    $suite::$name(&FolderBench::new(Storage::Parquet)).await;
                }
            )*
        }
    };
}

macro_rules! case {
    ($($name:ident)*) => {
        mod suite {
            use super::*;
            formats! { target_suite: $($name)* }
        }
    };
}

achub_testkit::target_suite!(case);

mod database_suite_cases {
    use super::*;
    formats! {
        database_suite:
        absent_rows_wait_for_second_sighting
        row_shown_again_loses_its_mark
        sighting_ends_when_row_is_shown
        short_read_removes_nothing
        incomplete_reads_remove_nothing
        rows_put_aside_are_not_absent
        absent_children_obey_the_action
        only_inserting_takes_marks_off_too
        older_versions_keep_their_marks
        check_tells_drift_from_due_changes
        interrupted_check_goes_on_by_another_run
        unchanged_rows_stay_as_written
        system_columns_tell_what_was_done
        marks_need_a_column
        strategies_meet_known_keys_as_named
        missing_columns_are_left_out_when_kept
        any_difference_stops_when_asked
        unknown_members_follow_the_policy
        rows_without_needed_values_stand_aside
        rules_about_unknown_columns_are_refused
        no_rows_make_no_table
        dropped_table_is_read_from_the_start
        table_dropped_during_walk_stops_it
        random_loads_agree_with_the_model
    }
}

#[tokio::test]
async fn names_that_leave_the_folder_are_refused() {
    for storage in STORAGES {
        let target = FolderBench::new(storage).open().await;
        for name in ["../x", "", "a/b", ".hidden", "a\0b"] {
            let error = target.load(spec_of(table_load(name, LoadMode::Replace))).await.err();
            assert_eq!(error.map(|error| error.code()), Some(Code::BadTableName), "{name:?}");
        }
    }
}

#[tokio::test]
async fn rows_behind_the_recorded_length_do_not_count() {
    for storage in STORAGES {
        let bench = FolderBench::new(storage);
        let target = bench.open().await;
        let mut load = target.load(spec(LoadMode::Replace)).await.expect("a load can be opened");
        load.write(vec![page(&[(1, 1, "a")], 1)]).await.expect("rows are taken");
        drop(load);
        // A process that was killed between writing rows and recording them.
        let path = bench.collected("things");
        let mut bytes = fs::read(&path).expect("the file can be read");
        bytes.extend([7; 20]);
        fs::write(&path, bytes).expect("the file can be written");

        let mut resumed = spec(LoadMode::Replace);
        resumed.resume = true;
        load_pages(&*target, resumed, vec![page(&[(2, 1, "b")], 2)]).await.expect("the load ends");
        let mut ids: Vec<_> = bench.rows("things").await.into_iter().map(|row| row["id"].clone()).collect();
        ids.sort();
        assert_eq!(ids, [Some("1".to_owned()), Some("2".to_owned())]);
    }
}

pub fn typed_load(types: &[FieldType]) -> TableLoad {
    let columns = types.iter().map(|ty| Column::new(ty.name(), *ty)).collect();
    let mut load = table_load("typed", LoadMode::MergeAtEnd);
    load.table = Table { columns, key: vec![0], ..load.table };
    load.origins = (0..types.len()).map(Origin::Field).collect();
    load
}

pub fn typed_page(types: &[FieldType], rows: Vec<Vec<Value>>) -> Page {
    let field = |ty: &FieldType| Field { name: ty.name().to_owned(), ty: *ty, noise: false };
    let schema = SharedSchema::new(Schema { fields: types.iter().map(field).collect(), key: vec![0] });
    let mut batch = Batch::new(schema);
    for row in rows {
        batch.push(row, None);
    }
    let part = Part { stream: StreamName::new("things"), batch, scope: None };
    Page { parts: vec![part], position: Position(1.into()) }
}

pub const ALL_TYPES: [FieldType; 7] = [
    FieldType::Integer,
    FieldType::Text,
    FieldType::Float,
    FieldType::Boolean,
    FieldType::Date,
    FieldType::Timestamp,
    FieldType::Json,
];

/// A type stays as it is, or is widened where that changes no value.
#[tokio::test]
async fn types_that_differ_follow_the_policy() {
    for (storage, (evolution, expected, refused)) in STORAGES.into_iter().flat_map(|storage| {
        [(Evolution::Add, "7.5", 1), (Evolution::AddAndWiden, "seven", 0)].map(|case| (storage, case))
    }) {
        let bench = FolderBench::new(storage);
        let target = bench.open().await;
        let narrow = [FieldType::Integer, FieldType::Float];
        let row = vec![Value::Integer(1), Value::Float(7.5)];
        let mut load = typed_load(&narrow);
        load.table.columns[1].name = "value".to_owned();
        load_pages(&*target, spec_of(load), vec![typed_page(&narrow, vec![row])])
            .await
            .expect("the load ends");

        let wide = [FieldType::Integer, FieldType::Text];
        let mut load = typed_load(&wide);
        load.table.columns[1].name = "value".to_owned();
        load.evolution = evolution;
        let differences = target.differences(std::slice::from_ref(&load)).await.expect("the target answers");
        let wanted =
            DifferenceKind::Type { actual: "float".to_owned(), wanted: "text".to_owned(), can_widen: true };
        assert_eq!(differences.iter().map(|found| &found.kind).collect::<Vec<_>>(), [&wanted]);
        let row = vec![Value::Integer(1), Value::text("seven")];
        let reports = load_pages(&*target, spec_of(load), vec![typed_page(&wide, vec![row])])
            .await
            .expect("the load ends");

        assert_eq!(
            bench.rows("typed").await[0]["value"].as_deref(),
            Some(expected),
            "{storage:?} {evolution:?}"
        );
        assert_eq!(reports[0].outcomes.refused, refused, "{evolution:?}");
    }
}

#[tokio::test]
async fn tally_counts_live_rows_by_value() {
    for storage in STORAGES {
        check_tally(&*FolderBench::new(storage).open().await).await;
    }
}

async fn check_tally(target: &dyn Target) {
    let all = Tally { schema: None, table: "things".to_owned(), equals: None, null: None, by: None };
    assert_eq!(target.tally(&all).await.expect("the target answers"), None, "there is no table");
    let rows = [(1, 7, "x"), (2, 7, "y"), (3, 8, "x"), (4, 7, "x")];
    load_pages(target, spec(LoadMode::Replace), vec![page(&rows, 1)]).await.expect("the load ends");
    let (equals, by) = (Some(("owner".to_owned(), 7)), Some("label".to_owned()));
    let null = Some("_achub_extra".to_owned());
    let cases = [
        (all.clone(), vec![("", 4)]),
        (Tally { by: by.clone(), ..all.clone() }, vec![("x", 3), ("y", 1)]),
        (Tally { equals, null, by, ..all.clone() }, vec![("x", 2), ("y", 1)]),
        (Tally { null: Some("label".to_owned()), ..all.clone() }, vec![("", 0)]),
    ];
    for (tally, expected) in cases {
        let expected = expected.into_iter().map(|(value, count)| (value.to_owned(), count)).collect();
        assert_eq!(target.tally(&tally).await.expect("the target answers"), Some(expected), "{tally:?}");
    }
    let missing = Tally { by: Some("nothing".to_owned()), ..all };
    assert_eq!(target.tally(&missing).await.expect("the target answers"), None);
    let newest = target.newest(None, "things", "_achub_loaded_at").await.expect("the target answers");
    assert_eq!(newest, Some("2026-03-01T12:00:00.25Z".parse().expect("a literal")));
}
