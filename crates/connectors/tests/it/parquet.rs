//! The Parquet target against the suite of all targets, and read back by a reader that is not ours.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use achub_connectors::FolderTarget;
use achub_core::{
    Batch, Code, Column, Field as CoreField, FieldType, Schema, SharedSchema, StreamName, Table,
    Value as CoreValue,
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
use parquet::{
    basic::Compression,
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
        Box::new(FolderTarget::parquet(self.folder.path()).expect("the folder is there"))
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

/// Of the suite of all databases, what has a meaning without SQL; it drops tables between its steps. Its case of what
/// counts as a check is left out: rows merged as the walk goes are collected aside here, so that they count.
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
    random_loads_agree_with_the_model
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

fn typed_load(types: &[FieldType]) -> TableLoad {
    let columns = types.iter().map(|ty| Column::new(ty.name(), *ty)).collect();
    let mut load = table_load("typed", LoadMode::MergeAtEnd);
    load.table = Table { columns, key: vec![0], ..load.table };
    load.origins = (0..types.len()).map(Origin::Field).collect();
    load
}

fn typed_page(types: &[FieldType], rows: Vec<Vec<CoreValue>>) -> Page {
    let field = |ty: &FieldType| CoreField { name: ty.name().to_owned(), ty: *ty, noise: false };
    let schema = SharedSchema::new(Schema { fields: types.iter().map(field).collect(), key: vec![0] });
    let mut batch = Batch::new(schema);
    for row in rows {
        batch.push(row, None);
    }
    let part = Part { stream: StreamName::new("things"), batch, scope: None };
    Page { parts: vec![part], position: Position(1.into()) }
}

const ALL_TYPES: [FieldType; 7] = [
    FieldType::Integer,
    FieldType::Text,
    FieldType::Float,
    FieldType::Boolean,
    FieldType::Date,
    FieldType::Timestamp,
    FieldType::Json,
];

/// Poisoned texts, the ends of numbers, and instants to the microsecond, read by a reader that is not ours. (K)
#[tokio::test]
async fn values_of_every_type_read_back() {
    let bench = ParquetBench::new();
    let target = bench.open().await;
    let row = |key: i64, text: &str, float: f64, day: &str, instant: &str| {
        vec![
            CoreValue::Integer(key),
            CoreValue::text(text),
            CoreValue::Float(float),
            CoreValue::Boolean(key < 0),
            CoreValue::Date(day.parse().expect("a literal")),
            CoreValue::Timestamp(instant.parse().expect("a literal")),
            CoreValue::Json("{\"a\": [1, \"\\u0000\"]}".into()),
        ]
    };
    let mut rows = vec![
        row(i64::MIN, "a\0b", f64::MIN_POSITIVE, "1969-12-31", "1969-12-31T23:59:59.999999Z"),
        row(i64::MAX, "=cmd|' /C calc'!A0\r\n", f64::MAX, "9999-12-31", "9999-12-30T21:59:59.000001Z"),
    ];
    let mut nothing = vec![CoreValue::Null; ALL_TYPES.len()];
    nothing[0] = CoreValue::Integer(0);
    rows.push(nothing);
    load_pages(&*target, spec_of(typed_load(&ALL_TYPES)), vec![typed_page(&ALL_TYPES, rows)])
        .await
        .expect("the load ends");

    let landed = bench.rows("typed").await;
    let told = |row: usize, ty: FieldType| landed[row][ty.name()].as_deref();
    assert_eq!(
        (told(0, FieldType::Integer), told(1, FieldType::Integer)),
        (Some("-9223372036854775808"), Some("9223372036854775807"))
    );
    assert_eq!(
        (told(0, FieldType::Text), told(1, FieldType::Text)),
        (Some("a\0b"), Some("=cmd|' /C calc'!A0\r\n"))
    );
    assert_eq!(told(1, FieldType::Float).and_then(|text| text.parse().ok()), Some(f64::MAX));
    assert_eq!((told(0, FieldType::Boolean), told(1, FieldType::Boolean)), (Some("true"), Some("false")));
    assert_eq!((told(0, FieldType::Date), told(1, FieldType::Date)), (Some("day -1"), Some("day 2932896")));
    assert_eq!(
        (told(0, FieldType::Timestamp), told(1, FieldType::Timestamp)),
        (Some("µs -1"), Some("µs 253402207199000001"))
    );
    assert_eq!(told(0, FieldType::Json), Some("{\"a\": [1, \"\\u0000\"]}"));
    assert_eq!(landed[2].values().filter(|value| value.is_some()).count(), 1, "null is null");
}

/// What a reader finds in the file: zstd, and types by which it knows instants and days.
#[tokio::test]
async fn files_tell_types_and_are_compressed() {
    let bench = ParquetBench::new();
    let target = bench.open().await;
    load_pages(&*target, spec_of(typed_load(&ALL_TYPES)), Vec::new()).await.expect("the load ends");
    let file = File::open(&bench.files("typed")[0]).expect("an empty table has a file");
    let reader = SerializedFileReader::new(file).expect("the file is Parquet");
    let schema = reader.metadata().file_metadata().schema_descr();
    let told: Vec<String> =
        schema.columns().iter().map(|column| format!("{:?}", column.logical_type_ref())).collect();
    assert!(told[1].contains("String") && told[4].contains("Date"), "{told:?}");
    assert!(told[5].contains("is_adjusted_to_u_t_c: true") && told[5].contains("MICROS"), "{told:?}");
    assert_eq!(reader.metadata().num_row_groups(), 0);

    load_pages(&*target, spec(LoadMode::Replace), vec![page(&[(1, 1, "a")], 1)])
        .await
        .expect("the load ends");
    let file = File::open(&bench.files("things")[0]).expect("the file is there");
    let reader = SerializedFileReader::new(file).expect("the file is Parquet");
    let codec = reader.metadata().row_group(0).column(0).compression();
    assert!(matches!(codec, Compression::ZSTD(_)), "{codec:?}");
}

/// A type stays as it is, or is widened where that changes no value; then all files are written anew.
#[tokio::test]
async fn types_that_differ_follow_the_policy() {
    for (evolution, expected, refused) in [(Evolution::Add, "7", 1), (Evolution::AddAndWiden, "seven", 0)] {
        let bench = ParquetBench::new();
        let target = bench.open().await;
        let narrow = [FieldType::Integer, FieldType::Float];
        let row = vec![CoreValue::Integer(1), CoreValue::Float(7.0)];
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
        let row = vec![CoreValue::Integer(1), CoreValue::text("seven")];
        let reports = load_pages(&*target, spec_of(load), vec![typed_page(&wide, vec![row])])
            .await
            .expect("the load ends");

        assert_eq!(bench.rows("typed").await[0]["value"].as_deref(), Some(expected), "{evolution:?}");
        assert_eq!(reports[0].outcomes.refused, refused, "{evolution:?}");
    }
}

#[tokio::test]
async fn tally_counts_live_rows_by_value() {
    let bench = ParquetBench::new();
    let target = bench.open().await;
    let all = Tally { schema: None, table: "things".to_owned(), equals: None, null: None, by: None };
    assert_eq!(target.tally(&all).await.expect("the target answers"), None, "there is no table");
    let rows = [(1, 7, "x"), (2, 7, "y"), (3, 8, "x"), (4, 7, "x")];
    load_pages(&*target, spec(LoadMode::Replace), vec![page(&rows, 1)]).await.expect("the load ends");
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
