//! The PostgreSQL target against the suite of all targets, and what only it has.

use achub_connectors::postgres::{PostgresSettings, PostgresTarget};
use achub_core::{
    Batch, Code, Column as TableColumn, Error, Field, FieldType, Schema, Secret, SharedSchema, StreamName,
    Value,
    port::{
        source::{Page, Part, Position},
        target::{Difference, DifferenceKind, Evolution, LoadMode, LoadSpec, Origin, Target},
    },
    schema::Storage,
};
use achub_testkit::{
    database_suite::{self, DatabaseBench},
    postgres::FreshDatabase,
    target_suite::{self, Bench, TextRow, load_pages, page, spec, spec_of, table_load},
};
use async_trait::async_trait;
use proptest::{
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use sqlx::{AssertSqlSafe, Column, Executor, Row};

/// A database of its own.
struct PostgresBench {
    database: FreshDatabase,
}

impl PostgresBench {
    async fn new() -> PostgresBench {
        PostgresBench { database: FreshDatabase::create().await }
    }

    async fn query(&self, sql: &str) -> Vec<TextRow> {
        let mut connection = self.database.connect().await;
        // The simple protocol sends every value as its text.
        let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("the query is right");
        rows.iter()
            .map(|row| {
                let text = |index| row.try_get_unchecked::<Option<String>, _>(index).expect("all has a text");
                row.columns()
                    .iter()
                    .map(|column| (column.name().to_owned(), text(column.ordinal())))
                    .collect()
            })
            .collect()
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[async_trait]
impl Bench for PostgresBench {
    async fn open(&self) -> Box<dyn Target> {
        let url = Some(Secret::new(self.database.url()));
        let settings = PostgresSettings { url, ..PostgresSettings::default() };
        Box::new(PostgresTarget::connect(&settings).await.expect("the server answers"))
    }

    async fn rows(&self, table: &str) -> Vec<TextRow> {
        self.query(&format!("SELECT * FROM {}", quoted(table))).await
    }

    async fn has_table(&self, table: &str) -> bool {
        !self.query(&format!("SELECT 1 FROM pg_class WHERE relname = '{table}'")).await.is_empty()
    }

    async fn quarantined(&self) -> Vec<(String, String, String)> {
        if !self.has_table("_achub_quarantine").await {
            return Vec::new();
        }
        let rows = self.rows("_achub_quarantine").await;
        let text = |row: &TextRow, name: &str| row[name].clone().unwrap_or_default();
        rows.iter().map(|row| (text(row, "stream"), text(row, "key"), text(row, "column"))).collect()
    }

    async fn lose_staged_row(&self, table: &str) {
        let staging = quoted(&format!("{table}_tmp"));
        self.query(&format!("DELETE FROM {staging} WHERE _achub_seq = 1")).await;
    }

    fn shows_rows_early(&self) -> bool {
        true
    }

    fn refused_text(&self) -> Option<&'static str> {
        Some("nul\0inside")
    }
}

#[async_trait]
impl DatabaseBench for PostgresBench {
    async fn execute(&self, sql: &str) {
        let mut connection = self.database.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement is right");
    }
}

macro_rules! case {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                target_suite::$name(&PostgresBench::new().await).await;
            }
        )*
    };
}

achub_testkit::target_suite!(case);

macro_rules! database_case {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                database_suite::$name(&PostgresBench::new().await).await;
            }
        )*
    };
}

achub_testkit::database_suite!(database_case);

/// Loads one page and gives the refused rows.
async fn land(bench: &PostgresBench, mode: LoadMode, page: Page) -> u64 {
    let target = bench.open().await;
    let reports = load_pages(&*target, spec(mode), vec![page]).await.expect("the load ends");
    reports[0].outcomes.refused
}

async fn text(bench: &PostgresBench, sql: &str) -> String {
    let rows = bench.query(sql).await;
    rows[0].values().next().cloned().flatten().unwrap_or_default()
}

#[tokio::test]
async fn rows_a_constraint_refuses_stand_aside() {
    let bench = PostgresBench::new().await;
    bench
        .query(
            "CREATE TABLE things (id integer PRIMARY KEY, owner smallint, label varchar(3) CHECK (label <> 'bad'), \
             _achub_extra json, _achub_loaded_at timestamp)",
        )
        .await;
    for mode in [LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let rows =
            [(1, 1, "abc"), (2, 1, "long"), (3, 70_000, "a"), (4, 1, "bad"), (1 << 40, 1, "a"), (5, 2, "b")];
        let refused = land(&bench, mode, page(&rows, 1)).await;
        assert_eq!(refused, 4, "{mode:?}");
        assert_eq!(
            text(&bench, "SELECT string_agg(CAST(id AS text), ',' ORDER BY id) FROM things").await,
            "1,5"
        );
        let mut put_aside: Vec<_> = bench
            .quarantined()
            .await
            .into_iter()
            .rev()
            .take(4)
            .map(|(_, key, column)| (key, column))
            .collect();
        put_aside.sort();
        let expected = [("1099511627776", "id"), ("2", "label"), ("3", "owner"), ("4", "things_label_check")];
        assert_eq!(put_aside, expected.map(|(key, column)| (key.to_owned(), column.to_owned())), "{mode:?}");
        assert_eq!(text(&bench, "SELECT max(_achub_loaded_at) FROM things").await, "2026-03-01 12:00:00.25");
    }
}

#[tokio::test]
async fn rows_that_did_not_change_are_not_rewritten() {
    let bench = PostgresBench::new().await;
    land(&bench, LoadMode::MergeAsYouGo, page(&[(1, 1, "a"), (2, 1, "b")], 1)).await;
    let versions = "SELECT string_agg(CAST(xmin AS text), ',' ORDER BY id) FROM things WHERE id = 1";
    let before = text(&bench, versions).await;
    land(&bench, LoadMode::MergeAsYouGo, page(&[(1, 1, "a"), (2, 1, "b2")], 1)).await;
    assert_eq!(text(&bench, versions).await, before);
}

#[tokio::test]
async fn view_of_a_user_stops_replacement() {
    let bench = PostgresBench::new().await;
    land(&bench, LoadMode::Replace, page(&[(1, 1, "a")], 1)).await;
    bench.query("CREATE VIEW mine AS SELECT id FROM things").await;
    let target = bench.open().await;
    let error = load_pages(&*target, spec(LoadMode::Replace), vec![page(&[(2, 1, "b")], 1)])
        .await
        .expect_err("the view depends on the table");
    assert_eq!(error.code(), Code::TableChanged);
    assert!(error.message().contains("public.mine") && error.hint().contains("truncate"), "{error:?}");
    assert_eq!(text(&bench, "SELECT id FROM mine").await, "1");
    land(&bench, LoadMode::Truncate, page(&[(2, 1, "b")], 1)).await;
    assert_eq!(text(&bench, "SELECT id FROM mine").await, "2");
}

#[tokio::test]
async fn names_too_long_are_refused_first() {
    let bench = PostgresBench::new().await;
    let target = bench.open().await;
    let mut long = table_load("things", LoadMode::Replace);
    long.table.columns[2].name = "ä".repeat(32);
    for load in [table_load(&"t".repeat(64), LoadMode::Replace), long] {
        let error = target.load(spec_of(load)).await.err().expect("64 bytes are too many");
        assert_eq!(error.code(), Code::BadTableName);
    }
    assert!(!bench.has_table("_achub_state").await);
    let longest = table_load(&"t".repeat(63), LoadMode::MergeAtEnd);
    load_pages(&*target, spec_of(longest), vec![page(&[(1, 1, "a")], 1)]).await.expect("63 bytes are not");
}

#[tokio::test]
async fn tables_of_others_are_not_touched() {
    let bench = PostgresBench::new().await;
    bench.query("CREATE TABLE things (id bigint)").await;
    bench.query("CREATE TABLE others_tmp (precious text)").await;
    let target = bench.open().await;
    let keyless = target.load(spec(LoadMode::MergeAsYouGo)).await.err().expect("the table has no key");
    let staging = target.load(spec_of(table_load("others", LoadMode::Replace))).await;
    let staging = staging.err().expect("the name of the staging table is taken");
    assert_eq!((keyless.code(), staging.code()), (Code::TableChanged, Code::TableChanged));
    assert!(bench.has_table("others_tmp").await);
}

/// Connects with other settings.
async fn refused(settings: PostgresSettings) -> Error {
    PostgresTarget::connect(&settings).await.err().expect("these settings are wrong")
}

#[tokio::test]
async fn connection_errors_have_codes_without_secrets() {
    let bench = PostgresBench::new().await;
    let base = PostgresSettings {
        url: Some(Secret::new(bench.database.url())),
        password: Some(Secret::new("hunter2")),
        ..PostgresSettings::default()
    };
    let cases = [
        (PostgresSettings { port: Some(1), ..base.clone() }, Code::TargetUnreachable),
        (PostgresSettings { database: Some("no such".into()), ..base.clone() }, Code::TargetSignIn),
        (PostgresSettings { user: Some("nobody at all".into()), ..base.clone() }, Code::TargetSignIn),
        (PostgresSettings { ssl_mode: Some("maybe".into()), ..base }, Code::BadConnection),
    ];
    for (settings, code) in cases {
        let error = refused(settings).await;
        assert_eq!(error.code(), code, "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn missing_rights_name_the_grant() {
    let bench = PostgresBench::new().await;
    let role = format!("achub_weak_{}", std::process::id());
    bench.query(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role}")).await;
    let url = Some(Secret::new(bench.database.url()));
    let settings = PostgresSettings { url, role: Some(role.clone()), ..PostgresSettings::default() };
    let target = PostgresTarget::connect(&settings).await.expect("the role can be taken");
    let error = target.check().await.expect_err("the role may not make tables");
    bench.query(&format!("DROP ROLE {role}")).await;
    assert_eq!(error.code(), Code::MissingGrant);
    assert_eq!(error.hint(), format!("GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"{role}\""));
}

/// A batch of one field of each type.
fn typed(rows: &[[Value; 7]]) -> (SharedSchema, Batch) {
    let types = [
        FieldType::Integer,
        FieldType::Text,
        FieldType::Float,
        FieldType::Boolean,
        FieldType::Date,
        FieldType::Timestamp,
        FieldType::Json,
    ];
    let field = |ty: &FieldType| Field { name: ty.name().to_owned(), ty: *ty, noise: false };
    let schema = SharedSchema::new(Schema { fields: types.iter().map(field).collect(), key: vec![0] });
    let mut batch = Batch::new(schema.clone());
    for row in rows {
        batch.push(row.iter().cloned(), None);
    }
    (schema, batch)
}

async fn land_typed(bench: &PostgresBench, rows: &[[Value; 7]]) -> Vec<TextRow> {
    let (schema, batch) = typed(rows);
    let mut load = table_load("typed", LoadMode::Replace);
    load.table.columns = schema.fields.iter().map(|field| TableColumn::new(&field.name, field.ty)).collect();
    load.origins = (0..schema.fields.len()).map(Origin::Field).collect();
    let part = Part { stream: StreamName::new("things"), batch, scope: None };
    let page = Page { parts: vec![part], position: Position(1.into()) };
    let target = bench.open().await;
    load_pages(&*target, spec_of(load), vec![page]).await.expect("the load ends");
    bench.query("SELECT * FROM typed ORDER BY integer").await
}

#[tokio::test]
async fn values_of_every_type_read_back() {
    let bench = PostgresBench::new().await;
    let timestamp = |text: &str| Value::Timestamp(text.parse().expect("a literal"));
    let row = |id, text: &str, float, day: &str, instant: &str, json: &str| {
        [
            Value::Integer(id),
            Value::text(text),
            Value::Float(float),
            Value::Boolean(id > 0),
            Value::Date(day.parse().expect("a literal")),
            timestamp(instant),
            Value::Json(json.into()),
        ]
    };
    let rows = [
        row(i64::MIN, "", -0.0, "0001-01-01", "1969-12-31T23:59:59.999999Z", "null"),
        row(1, "ä\n", 1.5e300, "2000-02-29", "2026-03-01T12:00:00Z", r#"{"b": [1, "x"]}"#),
        row(2, "bad day", 0.0, "-009999-01-01", "2026-03-01T12:00:00Z", "1"),
        row(3, "bad json", 0.0, "2000-01-01", "2026-03-01T12:00:00Z", r#""\u0000""#),
        row(i64::MAX, "z", f64::INFINITY, "9999-12-31", "9999-12-30T22:00:00Z", "1.0"),
        [Value::Integer(7), Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
    ];
    let landed = land_typed(&bench, &rows).await;
    let line = |row: &TextRow| {
        ["integer", "text", "float", "boolean", "date", "timestamp", "json"]
            .map(|name| row[name].clone().unwrap_or_else(|| "-".to_owned()))
            .join("|")
    };
    let landed: Vec<String> = landed.iter().map(line).collect();
    let zone = text(&bench, "SHOW timezone").await;
    assert_eq!(landed.len(), 4, "{landed:?} in {zone}");
    assert!(landed[0].starts_with("-9223372036854775808||-0|f|0001-01-01|"), "{landed:?}");
    assert!(landed[1].starts_with("1|ä\n|1.5e+300|t|2000-02-29|"), "{landed:?}");
    assert!(landed[1].ends_with(r#"|{"b": [1, "x"]}"#), "{landed:?}");
    assert_eq!(landed[2], "7|-|-|-|-|-|-");
    assert!(landed[3].starts_with("9223372036854775807|z|Infinity|t|9999-12-31|"), "{landed:?}");
    let instants = "SELECT string_agg(to_char(\"timestamp\" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), ',' \
                    ORDER BY integer) FROM typed";
    assert_eq!(
        text(&bench, instants).await,
        "1969-12-31 23:59:59.999999,2026-03-01 12:00:00.000000,9999-12-30 22:00:00.000000"
    );
    let columns: Vec<String> = bench.quarantined().await.into_iter().map(|(_, _, column)| column).collect();
    assert_eq!(columns, ["date", "json"]);
}

/// Rows of any values that the database can hold; the same ones in every run.
fn generated_rows() -> Vec<[Value; 7]> {
    let fields = (
        "\\PC*",
        any::<f64>().prop_filter("a number", |value| !value.is_nan()),
        any::<bool>(),
        -1_000_000..2_000_000i32,
        -200_000_000_000_000_000..250_000_000_000_000_000i64,
        proptest::collection::vec("[^\\x00]*", 0..3),
    );
    let mut runner = TestRunner::deterministic();
    (0..300)
        .map(|id| {
            let tree = fields.new_tree(&mut runner).expect("every such value exists");
            let (text, float, boolean, days, micros, list) = tree.current();
            let day = jiff::civil::date(2000, 1, 1).checked_add(jiff::Span::new().days(days));
            [
                Value::Integer(id),
                Value::text(text),
                Value::Float(float),
                Value::Boolean(boolean),
                Value::Date(day.expect("these days exist")),
                Value::Timestamp(jiff::Timestamp::from_microsecond(micros).expect("these moments exist")),
                Value::Json(serde_json::json!(list).to_string().into()),
            ]
        })
        .collect()
}

#[tokio::test]
async fn generated_values_read_back_exactly() {
    let bench = PostgresBench::new().await;
    let rows = generated_rows();
    land_typed(&bench, &rows).await;
    let sql = "SELECT text, CAST(float AS text) AS float, CAST(boolean AS text) AS boolean, \
               CAST(\"date\" - DATE '2000-01-01' AS text) AS days, json, \
               CAST(CAST(extract(epoch FROM \"timestamp\") * 1000000 AS bigint) AS text) AS micros \
               FROM typed ORDER BY integer";
    let landed = bench.query(sql).await;
    let refused = bench.quarantined().await;
    assert_eq!((landed.len(), refused), (rows.len(), Vec::new()));
    for (row, landed) in rows.iter().zip(&landed) {
        let text = |name: &str| landed[name].as_deref().expect("nothing is null");
        let [
            _,
            Value::Text(label),
            Value::Float(float),
            Value::Boolean(boolean),
            Value::Date(day),
            Value::Timestamp(instant),
            Value::Json(json),
        ] = row
        else {
            unreachable!("rows are made like this")
        };
        assert_eq!(text("text"), &**label);
        let back = if text("float").ends_with("Infinity") {
            text("float").replace("Infinity", "inf")
        } else {
            text("float").to_owned()
        };
        assert_eq!(back.parse::<f64>().expect("a number").to_bits(), float.to_bits());
        assert_eq!(text("boolean"), boolean.to_string());
        let days = day.since((jiff::Unit::Day, jiff::civil::date(2000, 1, 1))).expect("days can be counted");
        assert_eq!(text("days"), days.get_days().to_string());
        assert_eq!(text("micros"), instant.as_microsecond().to_string());
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a document");
        assert_eq!(parse(text("json")), parse(json));
    }
}

/// A column of a named type.
fn stored(name: &str, ty: FieldType, storage: Storage) -> TableColumn {
    let mut column = TableColumn::new(name, ty);
    column.rules.storage = Some(storage);
    column
}

/// Loads texts, each into a column of its own type, and gives what was put aside: key and column.
async fn land_stored(
    bench: &PostgresBench,
    columns: &[(Storage, &str)],
    mode: LoadMode,
) -> Vec<(String, String)> {
    let field = |name: String, ty| Field { name, ty, noise: false };
    let names = || (1..=columns.len()).map(|number| format!("c{number}"));
    let fields: Vec<Field> = std::iter::once(field("id".to_owned(), FieldType::Integer))
        .chain(names().map(|name| field(name, FieldType::Text)))
        .collect();
    let mut batch = Batch::new(SharedSchema::new(Schema { fields, key: vec![0] }));
    batch.push(
        std::iter::once(Value::Integer(1)).chain(columns.iter().map(|(_, text)| Value::text(*text))),
        None,
    );
    let mut load = table_load("stored", mode);
    let made = names().zip(columns).map(|(name, (storage, _))| stored(&name, FieldType::Text, *storage));
    load.table.columns = std::iter::once(TableColumn::new("id", FieldType::Integer)).chain(made).collect();
    load.origins = (0..load.table.columns.len()).map(Origin::Field).collect();
    let part = Part { stream: StreamName::new("things"), batch, scope: None };
    let target = bench.open().await;
    load_pages(&*target, spec_of(load), vec![Page { parts: vec![part], position: Position(1.into()) }])
        .await
        .expect("the load ends");
    bench.quarantined().await.into_iter().map(|(_, key, column)| (key, column)).collect()
}

/// Section 8: every type of the `columns` grammar.
#[tokio::test]
async fn named_types_are_made_and_filled() {
    let decimal = |precision, scale| Storage::Decimal { precision, scale };
    let columns = [
        (Storage::SmallInt, "-32768", "smallint"),
        (Storage::Integer, "2147483647", "integer"),
        (Storage::BigInt, "9223372036854775807", "bigint"),
        (Storage::Bool, "true", "boolean"),
        (Storage::Date, "2026-02-28", "date"),
        (Storage::DateTime, "2026-03-01T12:00:00+02:00", "timestamp without time zone"),
        (Storage::TimestampTz, "2026-03-01T12:00:00Z", "timestamp with time zone"),
        (decimal(Some(6), 2), "1234.50", "numeric(6,2)"),
        (decimal(None, 0), "12345678901234567890.123456789", "numeric"),
        (Storage::Float, "1.5", "double precision"),
        (Storage::String { length: Some(3) }, "äöü", "character varying(3)"),
        (Storage::String { length: None }, "long", "text"),
        (Storage::Json, "{\"a\": 1}", "jsonb"),
        (Storage::Uuid, "018f0000-0000-7000-8000-000000000001", "uuid"),
        (Storage::Time, "23:59:59", "time without time zone"),
        (Storage::TimeTz, "23:59:59+02", "time with time zone"),
        (Storage::Binary, "a\\b", "bytea"),
    ];
    for mode in [LoadMode::Replace, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let bench = PostgresBench::new().await;
        let values: Vec<(Storage, &str)> =
            columns.iter().map(|(storage, text, _)| (*storage, *text)).collect();
        for _ in 0..2 {
            assert_eq!(land_stored(&bench, &values, mode).await, [], "{mode:?}");
        }
        let types = "SELECT string_agg(format_type(atttypid, atttypmod), '|' ORDER BY attnum) FROM pg_attribute \
                     WHERE attrelid = 'stored'::regclass AND attnum > 1";
        let expected: Vec<&str> = columns.iter().map(|(_, _, ty)| *ty).collect();
        assert_eq!(text(&bench, types).await, expected.join("|"), "{mode:?}");
        let kept = "SELECT concat_ws('|', c1, c2, c4, c6, c8, c9, c11, c13 #>> '{}', c15, encode(c17, 'escape')) FROM stored";
        assert_eq!(
            text(&bench, kept).await,
            "-32768|2147483647|t|2026-03-01 10:00:00|1234.50|12345678901234567890.123456789|äöü|{\"a\": 1}|23:59:59|a\\\\b",
            "{mode:?}"
        );
    }
}

/// B-07: what a named type cannot hold is put aside with its column; nothing is rounded or cut.
#[tokio::test]
async fn values_unfit_for_named_types_stand_aside() {
    let cases = [
        (Storage::SmallInt, "40000"),
        (Storage::Integer, "007"),
        (Storage::Bool, "yes"),
        (Storage::Date, "2026-02-30"),
        (Storage::Decimal { precision: Some(6), scale: 2 }, "1.005"),
        (Storage::Decimal { precision: Some(6), scale: 2 }, "12345.6"),
        (Storage::String { length: Some(3) }, "four"),
        (Storage::Uuid, "not one"),
        (Storage::Time, "2026-03-01 12:00"),
    ];
    let bench = PostgresBench::new().await;
    for (number, case) in cases.iter().enumerate() {
        let put_aside = land_stored(&bench, &[*case], LoadMode::Replace).await;
        assert_eq!(put_aside.len(), number + 1, "{case:?}");
        assert_eq!(put_aside[number].0, "1", "{case:?}");
        assert_eq!(text(&bench, "SELECT count(*) FROM stored").await, "0", "{case:?}");
    }
}

/// Issue 3 D: `add_and_widen` changes types only where no value changes, also below a view of ours.
#[tokio::test]
async fn narrow_columns_are_widened_where_asked() {
    for mode in [LoadMode::Truncate, LoadMode::MergeAtEnd, LoadMode::MergeAsYouGo] {
        let bench = PostgresBench::new().await;
        let made = "CREATE TABLE things (id integer PRIMARY KEY, owner smallint, label varchar(3)); \
                    INSERT INTO things VALUES (1, 1, 'abc')";
        bench.query(made).await;
        bench
            .query(
                "CREATE VIEW things_wide AS SELECT label FROM things; COMMENT ON VIEW things_wide IS \
                     'made by achub: one column per custom field'",
            )
            .await;
        let target = bench.open().await;
        let wide = [(1, 1, "abc"), (1 << 40, 70_000, "long")];
        let mut load = table_load("things", mode);
        let kept =
            load_pages(&*target, spec_of(load.clone()), vec![page(&wide, 1)]).await.expect("the load ends");
        assert_eq!(kept[0].outcomes.refused, 1, "{mode:?}");

        load.evolution = Evolution::AddAndWiden;
        let found = target.differences(&[load.clone()]).await.expect("the target answers");
        let can_widen = |difference: &Difference| {
            matches!(&difference.kind, DifferenceKind::Type { can_widen: true, .. })
        };
        assert_eq!(found.iter().filter(|difference| can_widen(difference)).count(), 3, "{found:?}");
        let reports =
            load_pages(&*target, spec_of(load.clone()), vec![page(&wide, 1)]).await.expect("the load ends");

        assert_eq!((reports[0].outcomes.refused, reports[0].rows), (0, 2), "{mode:?}");
        assert_eq!(target.differences(&[load]).await.expect("the target answers"), [], "{mode:?}");
        assert_eq!(text(&bench, "SELECT count(*) FROM things_wide").await, "2", "{mode:?}");
    }
}

/// B-04: a transaction that loses a deadlock is begun again and loses no row.
#[tokio::test]
async fn deadlocks_begin_the_transaction_again() {
    let bench = PostgresBench::new().await;
    land(&bench, LoadMode::MergeAsYouGo, page(&[(1, 1, "a"), (2, 1, "b")], 1)).await;
    // Merges are told again and again that they lost a deadlock: the sequence survives the rollback.
    bench
        .query(
            "CREATE SEQUENCE turns; CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('turns') % 3 = 1 THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF; \
             RETURN NULL; END $$; \
             CREATE TRIGGER lose AFTER INSERT OR UPDATE ON things FOR EACH STATEMENT EXECUTE FUNCTION lose()",
        )
        .await;
    for mode in [LoadMode::MergeAsYouGo, LoadMode::MergeAtEnd, LoadMode::Truncate] {
        let target = bench.open().await;
        let pages = vec![page(&[(1, 1, "new"), (2, 1, "b")], 1), page(&[(3, 1, "c")], 2)];
        let reports = load_pages(&*target, spec(mode), pages).await.expect("the loser comes again");
        assert_eq!((reports[0].rows, reports[0].outcomes.total()), (3, 3), "{mode:?}");
        let things = "SELECT string_agg(label, ',' ORDER BY id) FROM things";
        assert_eq!(text(&bench, things).await, "new,b,c", "{mode:?}");
        bench
            .query(
                "ALTER TABLE things DISABLE TRIGGER lose; DELETE FROM things WHERE id = 3; \
                 UPDATE things SET label = 'a' WHERE id = 1; ALTER TABLE things ENABLE TRIGGER lose",
            )
            .await;
    }
}

/// B-04, B-05, B-08: what does not pass by itself ends with its own code, and what was committed stays.
#[tokio::test]
async fn database_faults_have_codes_of_their_own() {
    let cases = [
        ("40001", Code::GaveWay),
        ("57014", Code::TookTooLong),
        ("42501", Code::MissingGrant),
        ("53100", Code::DiskFull),
        ("42703", Code::TableChanged),
    ];
    for (state, code) in cases {
        let bench = PostgresBench::new().await;
        land(&bench, LoadMode::MergeAsYouGo, page(&[(1, 1, "old")], 1)).await;
        let target = bench.open().await;
        let mut load = target.load(spec(LoadMode::MergeAsYouGo)).await.expect("a load can be opened");
        load.write(vec![page(&[(2, 1, "kept")], 1)]).await.expect("rows are taken");
        bench
            .query(&format!(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 RAISE EXCEPTION 'as scripted' USING ERRCODE = '{state}'; END $$; \
                 CREATE TRIGGER fail BEFORE INSERT ON things FOR EACH STATEMENT EXECUTE FUNCTION fail()"
            ))
            .await;
        let error = load.write(vec![page(&[(3, 1, "lost")], 2)]).await.expect_err("every merge fails");
        assert_eq!(error.code(), code, "{state}: {error:?}");
        drop(load);
        bench.query("DROP TRIGGER fail ON things").await;
        let resumed = LoadSpec { resume: true, ..spec(LoadMode::MergeAsYouGo) };
        let reports = load_pages(&*target, resumed, vec![page(&[(3, 1, "new")], 2)]).await;
        assert_eq!(reports.expect("the walk goes on")[0].rows, 3, "{state}");
    }
}

/// B-05: a real statement timeout, set by the person's own SQL.
#[tokio::test]
async fn slow_statements_end_with_their_code() {
    let bench = PostgresBench::new().await;
    let target = bench.open().await;
    let mut load = table_load("things", LoadMode::Replace);
    load.statements.before_load = vec!["SET statement_timeout = '50ms'".to_owned()];
    load.statements.before_merge = vec!["SELECT pg_sleep(5)".to_owned()];
    let error = load_pages(&*target, spec_of(load), vec![page(&[(1, 1, "a")], 1)]).await;
    assert_eq!(error.expect_err("it takes too long").code(), Code::TookTooLong);
}

/// B-08: a right that is taken away in the middle of a walk is named with the statement that grants it.
#[tokio::test]
async fn right_lost_during_walk_is_named() {
    let bench = PostgresBench::new().await;
    let role = format!("achub_lost_{}", std::process::id());
    bench
        .query(&format!(
            "DROP ROLE IF EXISTS {role}; CREATE ROLE {role}; GRANT ALL ON SCHEMA public TO {role}"
        ))
        .await;
    let url = Some(Secret::new(bench.database.url()));
    let settings = PostgresSettings { url, role: Some(role.clone()), ..PostgresSettings::default() };
    let target = PostgresTarget::connect(&settings).await.expect("the role can be taken");
    let mut load = target.load(spec(LoadMode::MergeAsYouGo)).await.expect("a load can be opened");
    load.write(vec![page(&[(1, 1, "kept")], 1)]).await.expect("rows are taken");
    bench.query(&format!("ALTER TABLE things OWNER TO postgres; REVOKE ALL ON things FROM {role}")).await;
    let error = load.write(vec![page(&[(2, 1, "b")], 2)]).await.expect_err("the right is gone");
    drop((load, target));
    bench
        .query(&format!("REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
    assert_eq!(error.code(), Code::MissingGrant, "{error:?}");
    assert!(
        error.hint().starts_with("GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE \"things\""),
        "{}",
        error.hint()
    );
    assert_eq!(text(&bench, "SELECT count(*) FROM things").await, "1");
}
