//! Text files: how they are spelled, and what is made of files that somebody changed.

use std::{collections::BTreeMap, fs, path::Path};

use achub_connectors::file::Format;
use achub_core::{
    Code, Value,
    port::target::{Absence, AbsenceAction, LoadMode, TableLoad},
};
use achub_testkit::target_suite::{Bench as _, TextRow, Thing, load_pages, page, spec, spec_of, table_load};

use crate::folder::{ALL_TYPES, FolderBench, Storage, objects, typed_load, typed_page};

const FORMATS: [Format; 3] = [Format::Csv, Format::CsvRaw, Format::JsonLines];

fn text(bench: &FolderBench, table: &str) -> String {
    fs::read_to_string(bench.path(table)).expect("the file is there")
}

/// The rows of a file as another reader finds them.
pub fn rows(format: Format, path: &Path) -> Vec<TextRow> {
    if format != Format::JsonLines {
        let mut reader = csv::Reader::from_path(path).expect("the file is there");
        let rows = reader.deserialize::<BTreeMap<String, String>>();
        let rows = rows.map(|row| row.expect("the file is well formed"));
        let cell = |(name, text)| (name, revealed(format, text));
        return rows.map(|row| row.into_iter().map(cell).collect()).collect();
    }
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let rows = objects(path).into_iter();
    rows.map(|row| row.into_iter().map(|(name, value)| (name, text(value))).collect()).collect()
}

/// The cell as it was before a quote was put in front of it, by another rule than the target's own.
fn revealed(format: Format, cell: String) -> Option<String> {
    let rest = cell.trim_start_matches('\'');
    let is_formula = rest.starts_with(|first| "=+-@\t\r\n\0＝＋－＠".contains(first));
    let is_quoted = format == Format::Csv && rest.len() < cell.len() && is_formula;
    let begins_with_digit = rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit());
    let is_number = is_formula && begins_with_digit && rest.parse::<f64>().is_ok();
    let cell = if is_quoted && !is_number { cell[1..].to_owned() } else { cell };
    Some(cell).filter(|cell| !cell.is_empty())
}

#[tokio::test]
async fn csv_follows_the_standard() {
    let bench = FolderBench::new(Storage::Text(Format::Csv));
    let target = bench.open().await;
    let mut load = table_load("things", LoadMode::Replace);
    load.table.columns.truncate(3);
    load.origins.truncate(3);
    let rows = [(1, 1, "plain"), (2, 1, "a,\"b\"\r\nc")];
    load_pages(&*target, spec_of(load), vec![page(&rows, 1)]).await.expect("the load ends");
    let text = text(&bench, "things");
    assert_eq!(text, "id,owner,label\r\n1,1,plain\r\n2,1,\"a,\"\"b\"\"\r\nc\"\r\n");
}

/// Numbers to their ends, instants, days and documents equal themselves when they come again, and read back. (K)
#[tokio::test]
async fn values_of_every_type_equal_themselves() {
    for format in FORMATS {
        let bench = FolderBench::new(Storage::Text(format));
        let target = bench.target();
        let row = |key: i64, text: &str, float: f64, day: &str, instant: &str| {
            vec![
                Value::Integer(key),
                Value::text(text),
                Value::Float(float),
                Value::Boolean(key < 0),
                Value::Date(day.parse().expect("a literal")),
                Value::Timestamp(instant.parse().expect("a literal")),
                Value::Json("{\"a\":\n [1, \"\\u0000\\ud800\"]}".into()),
            ]
        };
        let mut rows = vec![
            row(i64::MIN, "a\0b", f64::MIN_POSITIVE, "1969-12-31", "1969-12-31T23:59:59.999999Z"),
            row(i64::MAX, "=cmd|' /C calc'!A0\r\n", f64::MAX, "9999-12-31", "9999-12-30T21:59:59.000001Z"),
            row(7, "", -0.0, "-000001-01-01", "-000001-01-01T00:00:00Z"),
        ];
        let mut nothing = vec![Value::Null; ALL_TYPES.len()];
        nothing[0] = Value::Integer(0);
        rows.push(nothing);
        let pages = vec![typed_page(&ALL_TYPES, rows.clone())];
        load_pages(&target, spec_of(typed_load(&ALL_TYPES)), pages.clone()).await.expect("the load ends");
        let before = text(&bench, "typed");

        let reports =
            load_pages(&target, spec_of(typed_load(&ALL_TYPES)), pages).await.expect("the load ends");

        assert_eq!((reports[0].outcomes.same, reports[0].outcomes.total()), (4, 4), "{format:?}\n{before}");
        assert_eq!(text(&bench, "typed"), before, "{format:?}");
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
    let rows: Vec<Thing<'_>> =
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
        let bench = FolderBench::new(Storage::Text(format));
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
        let bench = FolderBench::new(Storage::Text(format));
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
    let bench = FolderBench::new(Storage::Text(Format::Csv));
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
