//! The Parquet target against the suite of all targets, and read back by a reader that is not ours.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use achub_connectors::parquet::ParquetTarget;
use achub_core::{
    Code,
    port::target::{LoadMode, Target},
};
use achub_testkit::{
    database_suite::{self, DatabaseBench},
    target_suite::{self, Bench, TextRow, load_pages, page, spec, spec_of, table_load},
};
use async_trait::async_trait;
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use serde_json::Value;

/// A folder of its own.
struct ParquetBench {
    folder: tempfile::TempDir,
}

impl ParquetBench {
    fn new() -> ParquetBench {
        ParquetBench { folder: tempfile::tempdir().expect("a folder can be made") }
    }

    fn table(&self, table: &str) -> PathBuf {
        self.folder.path().join(table)
    }

    fn manifest(&self, table: &str) -> Value {
        let text = fs::read(self.table(table).join("_manifest.json")).expect("the table has a manifest");
        serde_json::from_slice(&text).expect("the manifest is JSON")
    }

    /// The files that the manifest names.
    fn files(&self, table: &str) -> Vec<PathBuf> {
        let manifest = self.manifest(table);
        let files = manifest["files"].as_array().expect("a list of files").iter();
        files.map(|file| self.table(table).join(file["path"].as_str().expect("a path"))).collect()
    }

    /// The files that the documented pattern `achub_run=*/*.parquet` finds.
    fn found(&self, table: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for partition in entries(&self.table(table)) {
            let name = partition.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            if name.starts_with("achub_run=") {
                let is_parquet = |path: &PathBuf| path.extension().is_some_and(|e| e == "parquet");
                found.extend(entries(&partition).into_iter().filter(is_parquet));
            }
        }
        found
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry can be read").path()).collect()
}

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        Field::Long(number) => Some(number.to_string()),
        Field::Double(number) => Some(number.to_string()),
        Field::Bool(value) => Some(value.to_string()),
        Field::Date(day) => Some(format!("day {day}")),
        Field::TimestampMicros(instant) => Some(format!("µs {instant}")),
        other => panic!("nothing writes {other:?}"),
    }
}

fn rows_of(path: &Path) -> Vec<TextRow> {
    let file = File::open(path).expect("the file is there");
    let reader = SerializedFileReader::new(file).expect("the file is Parquet");
    let rows = reader.get_row_iter(None).expect("rows can be read");
    rows.map(|row| {
        let row = row.expect("a row can be read");
        row.get_column_iter().map(|(name, field)| (name.clone(), text(field))).collect()
    })
    .collect()
}

#[async_trait]
impl Bench for ParquetBench {
    async fn open(&self) -> Box<dyn Target> {
        Box::new(ParquetTarget::open(self.folder.path()).await.expect("the folder is there"))
    }

    /// Read by the pattern; what the manifest names must be the same files.
    async fn rows(&self, table: &str) -> Vec<TextRow> {
        let (mut named, mut found) = (self.files(table), self.found(table));
        named.sort();
        found.sort();
        assert_eq!(named, found, "pattern and manifest agree at rest");
        named.iter().flat_map(|path| rows_of(path)).collect()
    }

    async fn has_table(&self, table: &str) -> bool {
        match table.strip_prefix("_achub_") {
            Some(_) => self.folder.path().join(format!("{table}.json")).exists(),
            None => self.table(table).join("_manifest.json").exists(),
        }
    }

    async fn quarantined(&self) -> Vec<(String, String, String)> {
        let path = self.folder.path().join("_achub_quarantine.jsonl");
        let Ok(lines) = fs::read_to_string(path) else { return Vec::new() };
        let text = |row: &BTreeMap<String, Value>, name: &str| {
            row[name].as_str().expect("these members are text").to_owned()
        };
        let rows = lines.lines().map(|line| serde_json::from_str(line).expect("every line is an object"));
        rows.map(|row| (text(&row, "stream"), text(&row, "key"), text(&row, "column"))).collect()
    }

    async fn lose_staged_row(&self, table: &str) {
        let collected = entries(&self.table(table).join("_work"));
        let path = collected.iter().find(|path| path.extension().is_some_and(|e| e == "rows"));
        let path = path.expect("rows are collected there");
        let bytes = fs::read(path).expect("the file can be read");
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
        fs::write(path, &bytes[8 + length as usize..]).expect("the file can be written");
    }

    fn shows_rows_early(&self) -> bool {
        false
    }

    /// Every text can be held.
    fn refused_text(&self) -> Option<&'static str> {
        None
    }
}

macro_rules! case {
    ($($name:ident)*) => {
        mod suite {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    target_suite::$name(&ParquetBench::new()).await;
                }
            )*
        }
    };
}

achub_testkit::target_suite!(case);

/// Of the suite of all databases, what has a meaning without SQL; it drops tables between its steps. Its random loads and
/// its check of what counts as a check are left out: rows merged as the walk goes are collected aside here, so that a
/// complete read of that mode removes rows, too.
#[async_trait]
impl DatabaseBench for ParquetBench {
    async fn execute(&self, sql: &str) {
        for statement in sql.split(';') {
            let table = statement.trim().trim_start_matches("DROP TABLE ").trim_start_matches("IF EXISTS ");
            let path = match table {
                "_achub_quarantine" => self.folder.path().join("_achub_quarantine.jsonl"),
                table => self.table(table),
            };
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            assert!(removed.is_ok() || !path.exists(), "{statement}: {removed:?}");
        }
    }
}

macro_rules! database_case {
    ($($name:ident)*) => {
        mod database_suite_cases {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    database_suite::$name(&ParquetBench::new()).await;
                }
            )*
        }
    };
}

database_case! {
    absent_rows_wait_for_second_sighting
    row_shown_again_loses_its_mark
    sighting_ends_when_row_is_shown
    short_read_removes_nothing
    incomplete_reads_remove_nothing
    rows_put_aside_are_not_absent
    absent_children_obey_the_action
    only_inserting_takes_marks_off_too
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
}

#[tokio::test]
async fn names_that_leave_the_folder_are_refused() {
    let bench = ParquetBench::new();
    let target = bench.open().await;
    for name in ["../x", "", "a/b", ".hidden", "a\0b"] {
        let error = target.load(spec_of(table_load(name, LoadMode::Replace))).await.err();
        assert_eq!(error.map(|error| error.code()), Some(Code::BadTableName), "{name:?}");
    }
}

#[tokio::test]
async fn rows_behind_the_recorded_length_do_not_count() {
    let bench = ParquetBench::new();
    let target = bench.open().await;
    let mut load = target.load(spec(LoadMode::Replace)).await.expect("a load can be opened");
    load.write(vec![page(&[(1, 1, "a")], 1)]).await.expect("rows are taken");
    drop(load);
    // A process that was killed between writing rows and recording them.
    let path = entries(&bench.table("things").join("_work"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "rows"))
        .expect("rows are collected there");
    let mut bytes = fs::read(&path).expect("the file can be read");
    bytes.extend([7; 20]);
    fs::write(&path, bytes).expect("the file can be written");

    let mut resumed = spec(LoadMode::Replace);
    resumed.resume = true;
    load_pages(&*target, resumed, Vec::new()).await.expect("the load ends");
    let rows = bench.rows("things").await;
    assert_eq!(rows.iter().map(|row| row["id"].as_deref()).collect::<Vec<_>>(), [Some("1")]);
}
