//! The file target against the suite of all targets, in all formats.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use achub_connectors::{FolderTarget, file::Format};
use achub_core::{
    Batch, Code, Column, Field, FieldType, Schema, SharedSchema, StreamName, Table, Value as CoreValue,
    port::{
        source::{Page, Part, Position},
        target::{
            Absence, AbsenceAction, DifferenceKind, Evolution, LoadMode, Origin, TableLoad, Tally, Target,
        },
    },
};
use achub_testkit::{
    database_suite::{self, DatabaseBench},
    target_suite::{self, Bench, TextRow, load_pages, page, spec, spec_of, table_load},
};
use async_trait::async_trait;
use serde_json::Value;

const FORMATS: [Format; 3] = [Format::Csv, Format::CsvRaw, Format::JsonLines];

/// A folder of its own.
struct FileBench {
    folder: tempfile::TempDir,
    format: Format,
}

impl FileBench {
    fn new(format: Format) -> FileBench {
        FileBench { folder: tempfile::tempdir().expect("a folder can be made"), format }
    }

    fn target(&self) -> FolderTarget {
        FolderTarget::text(self.folder.path(), self.format).expect("the folder is there")
    }

    fn path(&self, table: &str) -> PathBuf {
        self.folder.path().join(format!("{table}.{}", self.format.extension()))
    }

    fn text(&self, table: &str) -> String {
        fs::read_to_string(self.path(table)).expect("the file is there")
    }

    /// The file that collects the rows of a walk.
    fn collected(&self, table: &str) -> PathBuf {
        let file = format!("{table}.{}", self.format.extension());
        let work = self.folder.path().join("_achub_tables").join(file).join("_work");
        let is_collected = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rows");
        entries(&work).into_iter().find(is_collected).expect("rows are collected there")
    }

    /// The cell as it was before a quote was put in front of it, by another rule than the target's own.
    fn revealed(&self, cell: String) -> Option<String> {
        let rest = cell.trim_start_matches('\'');
        let is_formula = rest.starts_with(|first| "=+-@\t\r\n\0＝＋－＠".contains(first));
        let is_quoted = self.format == Format::Csv && rest.len() < cell.len() && is_formula;
        let begins_with_digit = rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit());
        let is_number = is_formula && begins_with_digit && rest.parse::<f64>().is_ok();
        let cell = if is_quoted && !is_number { cell[1..].to_owned() } else { cell };
        Some(cell).filter(|cell| !cell.is_empty())
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry can be read").path()).collect()
}

fn objects(path: PathBuf) -> Vec<BTreeMap<String, Value>> {
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    text.lines().map(|line| serde_json::from_str(line).expect("every line is an object")).collect()
}

#[async_trait]
impl Bench for FileBench {
    async fn open(&self) -> Box<dyn Target> {
        Box::new(self.target())
    }

    async fn rows(&self, table: &str) -> Vec<TextRow> {
        if self.format != Format::JsonLines {
            let mut reader = csv::Reader::from_path(self.path(table)).expect("the file is there");
            let rows = reader.deserialize::<BTreeMap<String, String>>();
            let rows = rows.map(|row| row.expect("the file is well formed"));
            return rows
                .map(|row| row.into_iter().map(|(name, text)| (name, self.revealed(text))).collect())
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
impl DatabaseBench for FileBench {
    async fn execute(&self, sql: &str) {
        for statement in sql.split(';') {
            let table = statement.trim().trim_start_matches("DROP TABLE ").trim_start_matches("IF EXISTS ");
            let path = match table {
                "_achub_quarantine" => self.folder.path().join("_achub_quarantine.jsonl"),
                table => self.path(table),
            };
            let removed = fs::remove_file(&path);
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
                    $suite::$name(&FileBench::new(Format::Csv)).await;
                }
            )*
        }

        mod raw_csv_files {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    $suite::$name(&FileBench::new(Format::CsvRaw)).await;
                }
            )*
        }

        mod json_lines {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    $suite::$name(&FileBench::new(Format::JsonLines)).await;
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
    let bench = FileBench::new(Format::Csv);
    let target = bench.open().await;
    for name in ["../x", "", "a/b", ".hidden", "a\0b"] {
        let error = target.load(spec_of(table_load(name, LoadMode::Replace))).await.err();
        assert_eq!(error.map(|error| error.code()), Some(Code::BadTableName), "{name:?}");
    }
}

#[tokio::test]
async fn rows_behind_the_recorded_length_do_not_count() {
    for format in FORMATS {
        let bench = FileBench::new(format);
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

#[tokio::test]
async fn csv_follows_the_standard() {
    let bench = FileBench::new(Format::Csv);
    let target = bench.open().await;
    let mut load = table_load("things", LoadMode::Replace);
    load.table.columns.truncate(3);
    load.origins.truncate(3);
    let rows = [(1, 1, "plain"), (2, 1, "a,\"b\"\r\nc")];
    load_pages(&*target, spec_of(load), vec![page(&rows, 1)]).await.expect("the load ends");
    let text = bench.text("things");
    assert_eq!(text, "id,owner,label\r\n1,1,plain\r\n2,1,\"a,\"\"b\"\"\r\nc\"\r\n");
}

fn typed_load(types: &[FieldType]) -> TableLoad {
    let columns = types.iter().map(|ty| Column::new(ty.name(), *ty)).collect();
    let mut load = table_load("typed", LoadMode::MergeAtEnd);
    load.table = Table { columns, key: vec![0], ..load.table };
    load.origins = (0..types.len()).map(Origin::Field).collect();
    load
}

fn typed_page(types: &[FieldType], rows: Vec<Vec<CoreValue>>) -> Page {
    let field = |ty: &FieldType| Field { name: ty.name().to_owned(), ty: *ty, noise: false };
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

/// Numbers to their ends, instants, days and documents equal themselves when they come again, and read back. (K)
#[tokio::test]
async fn values_of_every_type_equal_themselves() {
    for format in FORMATS {
        let bench = FileBench::new(format);
        let target = bench.target();
        let row = |key: i64, text: &str, float: f64, day: &str, instant: &str| {
            vec![
                CoreValue::Integer(key),
                CoreValue::text(text),
                CoreValue::Float(float),
                CoreValue::Boolean(key < 0),
                CoreValue::Date(day.parse().expect("a literal")),
                CoreValue::Timestamp(instant.parse().expect("a literal")),
                CoreValue::Json("{\"a\":\n [1, \"\\u0000\\ud800\"]}".into()),
            ]
        };
        let mut rows = vec![
            row(i64::MIN, "a\0b", f64::MIN_POSITIVE, "1969-12-31", "1969-12-31T23:59:59.999999Z"),
            row(i64::MAX, "=cmd|' /C calc'!A0\r\n", f64::MAX, "9999-12-31", "9999-12-30T21:59:59.000001Z"),
            row(7, "", -0.0, "-000001-01-01", "-000001-01-01T00:00:00Z"),
        ];
        let mut nothing = vec![CoreValue::Null; ALL_TYPES.len()];
        nothing[0] = CoreValue::Integer(0);
        rows.push(nothing);
        let pages = vec![typed_page(&ALL_TYPES, rows.clone())];
        load_pages(&target, spec_of(typed_load(&ALL_TYPES)), pages.clone()).await.expect("the load ends");
        let before = bench.text("typed");

        let reports =
            load_pages(&target, spec_of(typed_load(&ALL_TYPES)), pages).await.expect("the load ends");

        assert_eq!((reports[0].outcomes.same, reports[0].outcomes.total()), (4, 4), "{format:?}\n{before}");
        assert_eq!(bench.text("typed"), before, "{format:?}");
        let read = target.rows("typed").await.expect("the table can be read");
        for (row, read) in rows.iter().zip(&read) {
            for (value, cell) in row[..6].iter().zip(read) {
                assert_eq!(cell.clone().unwrap_or_default(), value.display(), "{format:?}");
            }
        }
    }
}

/// Whoever opens the file in a spreadsheet runs nothing, and whoever reads it back by the rule has what was there. (K)
#[tokio::test]
async fn formulas_are_neutralised_unless_raw() {
    let texts =
        ["=1+1", "+49 30 1", "+49301", "-5", "-x", "@a", "\tx", "＝1", "'=1", "''a", "'a", "a=1", "=\"x\",1"];
    let rows: Vec<target_suite::Thing<'_>> =
        texts.iter().enumerate().map(|(index, text)| (index as i64, -7, *text)).collect();
    let load = || {
        let mut load = table_load("things", LoadMode::MergeAtEnd);
        load.table.columns.truncate(3);
        load.origins.truncate(3);
        load.table.columns[2].name = "=label".to_owned();
        load
    };
    let expected = [
        (
            Format::Csv,
            "things.csv",
            "id,owner,'=label\r\n0,-7,'=1+1\r\n1,-7,'+49 30 1\r\n2,-7,+49301\r\n3,-7,-5\r\n4,-7,'-x\r\n5,-7,'@a\r\n\
             6,-7,'\tx\r\n7,-7,'＝1\r\n8,-7,''=1\r\n9,-7,''a\r\n10,-7,'a\r\n11,-7,a=1\r\n12,-7,\"'=\"\"x\"\",1\"\r\n",
        ),
        (
            Format::CsvRaw,
            "things.raw.csv",
            "id,owner,=label\r\n0,-7,=1+1\r\n1,-7,+49 30 1\r\n2,-7,+49301\r\n3,-7,-5\r\n4,-7,-x\r\n5,-7,@a\r\n\
             6,-7,\tx\r\n7,-7,＝1\r\n8,-7,'=1\r\n9,-7,''a\r\n10,-7,'a\r\n11,-7,a=1\r\n12,-7,\"=\"\"x\"\",1\"\r\n",
        ),
    ];
    for (format, file, expected) in expected {
        let bench = FileBench::new(format);
        let target = bench.target();
        load_pages(&target, spec_of(load()), vec![page(&rows, 1)]).await.expect("the load ends");
        assert_eq!(fs::read_to_string(bench.folder.path().join(file)).expect("the file is there"), expected);

        let again = load_pages(&target, spec_of(load()), vec![page(&rows, 1)]).await.expect("the load ends");
        assert_eq!(again[0].outcomes.same, rows.len() as u64, "{format:?}: every row finds itself");
        let read = target.rows("things").await.expect("the table can be read");
        let read: Vec<&str> = read.iter().map(|row| row[2].as_deref().expect("a text")).collect();
        assert_eq!(read, texts, "{format:?}");
    }
}

/// A file that somebody edited is taken as it is: rows by hand stay, and columns of others keep their values.
#[tokio::test]
async fn files_changed_by_hand_are_merged_into() {
    for (format, by_hand) in [
        (Format::Csv, "id,mine,label\r\n1,x,a\r\n007,y,b\r\n"),
        (Format::CsvRaw, "id,mine,label\r\n1,x,a\r\n007,y,b\r\n"),
        (
            Format::JsonLines,
            "{\"id\": 1, \"mine\": \"x\", \"label\": \"a\"}\n{\"id\":\"007\",\"mine\":\"y\",\"label\":\"b\"}\n",
        ),
    ] {
        let bench = FileBench::new(format);
        let target = bench.target();
        load_pages(&target, spec(LoadMode::Replace), vec![page(&[(9, 1, "z")], 1)])
            .await
            .expect("the load ends");
        fs::write(bench.path("things"), by_hand).expect("the file can be written");

        let reports =
            load_pages(&target, spec(LoadMode::MergeAtEnd), vec![page(&[(1, 2, "new"), (2, 2, "b")], 1)])
                .await
                .expect("the load ends");

        assert_eq!(
            (reports[0].outcomes.changed, reports[0].outcomes.added, reports[0].rows),
            (1, 1, 3),
            "{format:?}"
        );
        let rows = bench.rows("things").await;
        let told = |row: usize, name: &str| rows[row][name].clone().unwrap_or_default();
        assert_eq!(
            (told(0, "id"), told(0, "mine"), told(0, "label")),
            ("1".into(), "x".into(), "new".into())
        );
        assert_eq!(
            (told(1, "id"), told(1, "mine"), told(1, "owner")),
            ("007".into(), "y".into(), String::new())
        );
    }
}

#[tokio::test]
async fn sql_is_refused_by_name() {
    let bench = FileBench::new(Format::Csv);
    let target = bench.open().await;
    let asks: [fn(&mut TableLoad); 4] = [
        |load| load.statements.before_merge.push("VACUUM".to_owned()),
        |load| load.statements.isolation = Some("serializable".to_owned()),
        |load| load.table.rules.ddl = Some("CREATE TABLE {object_name} ({col_types})".to_owned()),
        |load| {
            let only = Some("owner = 7".to_owned());
            load.absence = Some(Absence { action: AbsenceAction::Delete, floor_percent: 80, only });
        },
    ];
    for (number, ask) in asks.into_iter().enumerate() {
        let mut load = table_load("things", LoadMode::MergeAtEnd);
        ask(&mut load);
        let error = target.load(spec_of(load)).await.err().expect("files run no SQL");
        assert_eq!(error.code(), Code::NotGranted, "{number}");
    }
}

/// A type stays as it is, or is widened where that changes no value.
#[tokio::test]
async fn types_that_differ_follow_the_policy() {
    for (format, (evolution, expected, refused)) in FORMATS.into_iter().flat_map(|format| {
        [(Evolution::Add, "7.5", 1), (Evolution::AddAndWiden, "seven", 0)].map(|case| (format, case))
    }) {
        let bench = FileBench::new(format);
        let target = bench.open().await;
        let narrow = [FieldType::Integer, FieldType::Float];
        let row = vec![CoreValue::Integer(1), CoreValue::Float(7.5)];
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

        assert_eq!(
            bench.rows("typed").await[0]["value"].as_deref(),
            Some(expected),
            "{format:?} {evolution:?}"
        );
        assert_eq!(reports[0].outcomes.refused, refused, "{evolution:?}");
    }
}

#[tokio::test]
async fn tally_counts_live_rows_by_value() {
    let bench = FileBench::new(Format::Csv);
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
