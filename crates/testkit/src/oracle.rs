//! The judge: what an account holds against what landed.

use std::{collections::BTreeMap, path::Path};

use achub_api::{
    decode::{self, Options},
    streams,
};
use achub_core::{Batch, Value};
use jiff::{Timestamp, civil::Date};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, postgres::PgConnection};

/// A landed row: every column as text, in the order of the table.
pub type LandedRow = Vec<Option<String>>;

/// What is wrong with a table. Nothing, when everything landed once and as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Keys the account has and the table lacks.
    pub missing: Vec<String>,
    /// Keys the table has and the account does not.
    pub extra: Vec<String>,
    /// Keys the table has more than once.
    pub doubled: Vec<String>,
    /// Keys whose row differs, with the field.
    pub different: Vec<String>,
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        *self == Findings::default()
    }

    /// What is wrong in a few lines: counts, and the first of each kind.
    pub fn brief(&self) -> String {
        let kinds = [
            ("missing", &self.missing),
            ("extra", &self.extra),
            ("doubled", &self.doubled),
            ("different", &self.different),
        ];
        let lines = kinds.iter().filter(|(_, keys)| !keys.is_empty());
        let lines = lines
            .map(|(kind, keys)| format!("{} {kind}: {}", keys.len(), keys[..keys.len().min(3)].join("; ")));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Rows of an account as records of `stream`.
///
/// # Panics
/// Where the stream is unknown or the rows cannot be read: a defect of the simulator.
pub fn records(stream: &str, rows: &[serde_json::Value]) -> Batch {
    let stream = streams::find(stream).expect("the test names a stream");
    let mut body = serde_json::Map::new();
    body.insert(stream.envelope.to_owned(), rows.into());
    let body = serde_json::to_vec(&body).expect("rows are JSON");
    let mut decoded =
        decode::page(&body, &[stream], Options { noise: true }).expect("the simulator's rows decode");
    decoded.parts.remove(0).batch
}

/// Holds a table made with our own defaults (no link blocks, system columns last) against the records it should have.
pub fn compare(records: &Batch, landed: &[LandedRow]) -> Findings {
    let fields: Vec<usize> =
        (0..records.schema().fields.len()).filter(|&index| !records.schema().fields[index].noise).collect();
    let key_columns: Vec<usize> = records
        .schema()
        .key
        .iter()
        .map(|key| fields.iter().position(|field| field == key).expect("the key is no noise"))
        .collect();
    let mut by_key: BTreeMap<String, &LandedRow> = BTreeMap::new();
    let mut findings = Findings::default();
    for row in landed {
        let key =
            key_columns.iter().map(|&column| row[column].clone().unwrap_or_default()).collect::<Vec<_>>();
        let key = key.join(",");
        if by_key.insert(key.clone(), row).is_some() {
            findings.doubled.push(key);
        }
    }
    for row in 0..records.len() {
        let key = records.key(row).map(Value::display).collect::<Vec<_>>().join(",");
        let Some(landed) = by_key.remove(&key) else {
            findings.missing.push(key);
            continue;
        };
        for (column, &field) in fields.iter().enumerate() {
            if !is_same(&records.row(row)[field], landed[column].as_deref()) {
                let name = &records.schema().fields[field].name;
                let (account, table) = (records.row(row)[field].display(), &landed[column]);
                findings.different.push(format!("{key}: {name} is {account:?} there, {table:?} here"));
            }
        }
    }
    findings.extra.extend(by_key.into_keys());
    findings
}

/// The rows with their columns in this order, where a table got some of them later than others. Rows that are marked as
/// gone are left out.
///
/// # Panics
/// Where a column is not there.
pub fn in_order(order: &[String], (names, rows): (Vec<String>, Vec<LandedRow>)) -> Vec<LandedRow> {
    let place = |wanted: &str| names.iter().position(|name| name == wanted);
    let places: Vec<usize> =
        order.iter().map(|name| place(name).unwrap_or_else(|| panic!("no column {name}"))).collect();
    let mark = place("_achub_deleted_at");
    let is_live = |row: &&LandedRow| mark.is_none_or(|mark| row[mark].is_none());
    let ordered = |row: &LandedRow| places.iter().map(|&place| row[place].clone()).collect();
    rows.iter().filter(is_live).map(ordered).collect()
}

/// Whether a landed text stands for `value`.
fn is_same(value: &Value, landed: Option<&str>) -> bool {
    let Some(landed) = landed else { return value.is_null() };
    match value {
        Value::Null => false,
        Value::Boolean(value) => matches!(landed, "1" | "true" | "t") == *value,
        Value::Integer(value) => landed.parse() == Ok(*value),
        Value::Float(value) => landed.parse() == Ok(*value),
        Value::Text(value) => landed == &**value,
        Value::Date(value) => landed.parse::<Date>().is_ok_and(|date| date == *value),
        Value::Timestamp(value) => moment(landed) == Some(*value),
        Value::Json(value) => json(value) == json(landed),
    }
}

/// `2026-03-02 09:10:11+00`, `2026-03-02 09:10:11.5+00:00` and the like.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.replacen(' ', "T", 1);
    let has_minutes = text.len() > 3 && text.as_bytes()[text.len() - 3] == b':';
    let text = if has_minutes || text.ends_with('Z') { text } else { format!("{text}:00") };
    text.parse().ok()
}

fn json(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text).ok()
}

/// All rows of a table of an SQLite file.
///
/// # Panics
/// Where the table cannot be read.
pub async fn sqlite_rows(file: &Path, table: &str) -> Vec<LandedRow> {
    sqlite_table(file, table).await.1
}

/// The names of the columns of a table of an SQLite file, and its rows.
///
/// # Panics
/// Where the table cannot be read.
pub async fn sqlite_table(file: &Path, table: &str) -> (Vec<String>, Vec<LandedRow>) {
    let url = format!("sqlite://{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.expect("the target's file opens");
    let columns = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
    let names: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(columns)).fetch_all(&mut connection).await.expect("columns");
    let texts: Vec<String> =
        names.iter().map(|name| format!("CAST(\"{name}\" AS TEXT) AS \"{name}\"")).collect();
    let query = format!("SELECT {} FROM \"{table}\"", texts.join(", "));
    let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await.expect("rows");
    let rows = rows.iter().map(|row| (0..row.columns().len()).map(|column| row.get(column)).collect());
    (names, rows.collect())
}

/// All rows of a table of a PostgreSQL database, times in UTC.
///
/// # Panics
/// Where the table cannot be read.
pub async fn postgres_rows(url: &str, table: &str) -> Vec<LandedRow> {
    postgres_table(url, table).await.1
}

/// The names of the columns of a table of a PostgreSQL database, and its rows, times in UTC.
///
/// # Panics
/// Where the table cannot be read.
pub async fn postgres_table(url: &str, table: &str) -> (Vec<String>, Vec<LandedRow>) {
    let mut connection = PgConnection::connect(url).await.expect("the target's database answers");
    sqlx::query("SET TIME ZONE 'UTC'").execute(&mut connection).await.expect("a time zone");
    let columns = format!(
        "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' \
         ORDER BY ordinal_position"
    );
    let names: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(columns)).fetch_all(&mut connection).await.expect("columns");
    let texts: Vec<String> = names.iter().map(|name| format!("\"{name}\"::text AS \"{name}\"")).collect();
    let query = format!("SELECT {} FROM \"{table}\"", texts.join(", "));
    let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await.expect("rows");
    let rows = rows.iter().map(|row| (0..row.columns().len()).map(|column| row.get(column)).collect());
    (names, rows.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{LandedRow, compare, records};

    fn tags(rows: &[(u64, &str)]) -> achub_core::Batch {
        let rows: Vec<_> = rows
            .iter()
            .map(|(id, tag)| json!({"tagType": "contact", "tag": tag, "cdate": "2026-03-02T03:10:11-06:00", "id": id.to_string()}))
            .collect();
        records("tags", &rows)
    }

    fn landed(rows: &[(&str, &str)]) -> Vec<LandedRow> {
        let schema = achub_api::decode::schema(achub_api::streams::find("tags").expect("a stream"));
        let cell = |name: &str, id: &str, tag: &str| match name {
            "id" => Some(id.to_owned()),
            "tag" => Some(tag.to_owned()),
            "tagType" => Some("contact".to_owned()),
            "cdate" => Some("2026-03-02 09:10:11+00".to_owned()),
            _ => None,
        };
        let fields: Vec<_> = schema.fields.iter().filter(|field| !field.noise).collect();
        rows.iter().map(|(id, tag)| fields.iter().map(|field| cell(&field.name, id, tag)).collect()).collect()
    }

    #[test]
    fn every_kind_of_fault_is_found() {
        let account = tags(&[(1, "a"), (2, "b"), (3, "c")]);

        let findings = compare(&account, &landed(&[("1", "a"), ("1", "a"), ("3", "x"), ("4", "d")]));

        assert_eq!((findings.missing, findings.extra), (vec!["2".to_owned()], vec!["4".to_owned()]));
        assert_eq!(findings.doubled, ["1"]);
        assert_eq!(findings.different, [r#"3: tag is "c" there, Some("x") here"#]);
    }

    #[test]
    fn equal_tables_are_clean() {
        let findings = compare(&tags(&[(1, "a"), (2, "b")]), &landed(&[("2", "b"), ("1", "a")]));
        assert!(findings.is_clean(), "{findings:?}");
    }
}
