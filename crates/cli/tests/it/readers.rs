//! Our files read by programs that are not ours. `ACHUB_READERS_PYTHON` names a Python with pandas and pyarrow; `cargo xtask
//! test` makes one and sets that.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::program::{Account, Place};

const PYTHON: &str = "ACHUB_READERS_PYTHON";

const STREAMS: [&str; 3] = ["contacts", "contact_tags", "deals"];

/// What `read.py` finds in `folder`.
fn found(python: &str, folder: &Path, format: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/readers/read.py");
    let mut command = Command::new(python);
    let output = command.arg(script).arg(folder).arg(format).args(STREAMS).output().expect("Python starts");
    assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// Issue 3, C: pyarrow and pandas find the rows, types, nulls and moments that the run told of and another target holds.
#[tokio::test]
async fn other_readers_find_what_landed() {
    let Ok(python) = std::env::var(PYTHON) else {
        println!("skipped: {PYTHON} names no Python with pandas and pyarrow");
        return;
    };
    let account = Account::start(&["--contacts", "300", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    let formats: &[&str] =
        if cfg!(feature = "parquet") { &["csv", "jsonl", "parquet"] } else { &["csv", "jsonl"] };
    for &format in formats {
        let target = format!("file://{format}?format={format}");
        let told = place.good(&[
            "replicate",
            "run",
            "--from",
            "shop",
            "--to",
            &target,
            "--streams",
            &STREAMS.join(","),
            "--json",
        ]);
        let told: Value = serde_json::from_str(&told).expect("the run tells in JSON");
        let tables = found(&python, &place.path(format), format);

        for stream in told["streams"].as_array().expect("a list of streams") {
            let name = stream["stream"].as_str().expect("a name");
            let (table, rows) = (&tables[name], &stream["rows"]);
            assert_eq!(table["rows"], *rows, "{format} {name}");
            assert_eq!(table["nulls"]["id"], 0, "{format} {name}");
            assert_eq!(table["nulls"]["_achub_deleted_at"], *rows, "{format} {name}: nothing is gone");
        }
        let first = &tables["contacts"]["first"];
        let moment = first["cdate"].as_str().expect("a moment");
        assert!(moment.ends_with('Z') && moment.parse::<jiff::Timestamp>().is_ok(), "{format}: {moment}");
        assert!(first["email"].as_str().is_some_and(|email| email.contains('@')), "{format}: {first}");
        let tags = &tables["contact_tags"]["nulls"];
        assert_eq!(tags["tag"], 0, "{format}: {tags}");
        if format == "parquet" {
            check_types(&tables["contacts"]["types"]);
        }
    }
}

/// Types by which readers know numbers, moments and texts.
fn check_types(types: &Value) {
    for (column, expected) in [
        ("id", "int64"),
        ("email", "string"),
        ("cdate", "timestamp[us, tz=UTC]"),
        ("_achub_loaded_at", "timestamp[us, tz=UTC]"),
        ("_achub_deleted_at", "timestamp[us, tz=UTC]"),
    ] {
        assert_eq!(types[column], json!(expected), "{column}: {types}");
    }
    // pyarrow knows the extension type of JSON documents by name.
    let extra = types["_achub_extra"].as_str().expect("a type");
    assert!(extra == "string" || extra.contains("json"), "{extra}");
}
