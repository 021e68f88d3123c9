//! Parquet files, read back by a reader that is not ours.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use achub_core::{FieldType, Value, port::target::LoadMode};
use achub_testkit::target_suite::{Bench as _, TextRow, load_pages, page, spec, spec_of};
use parquet::{
    basic::Compression,
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};

use crate::folder::{ALL_TYPES, FolderBench, Storage, entries, typed_load, typed_page};

/// The files that the manifest of a table names.
fn files(table: &Path) -> Vec<PathBuf> {
    let text = fs::read(table.join("_manifest.json")).expect("the table has a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&text).expect("the manifest is JSON");
    let files = manifest["files"].as_array().expect("a list of files").iter();
    files.map(|file| table.join(file["path"].as_str().expect("a path"))).collect()
}

/// The files that the documented pattern `achub_run=*/*.parquet` finds.
fn found(table: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for partition in entries(table) {
        let name = partition.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if name.starts_with("achub_run=") {
            let is_parquet = |path: &PathBuf| path.extension().is_some_and(|e| e == "parquet");
            found.extend(entries(&partition).into_iter().filter(is_parquet));
        }
    }
    found
}

/// The rows of a table, read by the pattern; what the manifest names must be the same files.
pub fn rows(table: &Path) -> Vec<TextRow> {
    let (mut named, mut found) = (files(table), found(table));
    named.sort();
    found.sort();
    assert_eq!(named, found, "pattern and manifest agree at rest");
    named.iter().flat_map(|path| rows_of(path)).collect()
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

/// Poisoned texts, the ends of numbers, and instants to the microsecond, read by a reader that is not ours. (K)
#[tokio::test]
async fn values_of_every_type_read_back() {
    let bench = FolderBench::new(Storage::Parquet);
    let target = bench.open().await;
    let row = |key: i64, text: &str, float: f64, day: &str, instant: &str| {
        vec![
            Value::Integer(key),
            Value::text(text),
            Value::Float(float),
            Value::Boolean(key < 0),
            Value::Date(day.parse().expect("a literal")),
            Value::Timestamp(instant.parse().expect("a literal")),
            Value::Json("{\"a\": [1, \"\\u0000\"]}".into()),
        ]
    };
    let mut rows = vec![
        row(i64::MIN, "a\0b", f64::MIN_POSITIVE, "1969-12-31", "1969-12-31T23:59:59.999999Z"),
        row(i64::MAX, "=cmd|' /C calc'!A0\r\n", f64::MAX, "9999-12-31", "9999-12-30T21:59:59.000001Z"),
    ];
    let mut nothing = vec![Value::Null; ALL_TYPES.len()];
    nothing[0] = Value::Integer(0);
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
    let bench = FolderBench::new(Storage::Parquet);
    let target = bench.open().await;
    load_pages(&*target, spec_of(typed_load(&ALL_TYPES)), Vec::new()).await.expect("the load ends");
    let file = File::open(&files(&bench.path("typed"))[0]).expect("an empty table has a file");
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
    let file = File::open(&files(&bench.path("things"))[0]).expect("the file is there");
    let reader = SerializedFileReader::new(file).expect("the file is Parquet");
    let codec = reader.metadata().row_group(0).column(0).compression();
    assert!(matches!(codec, Compression::ZSTD(_)), "{codec:?}");
}
