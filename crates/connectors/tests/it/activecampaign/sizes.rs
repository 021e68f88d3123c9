//! Accounts of odd sizes: far more fields, tags and lists than anybody expects, and tables that take no row.

use achub_core::{code::Class, port::state::RunStatus};
use achub_engine::replication::Mode;
use serde_json::{Map, Value, json};

use crate::activecampaign::{
    rig::{Rig, assert_done, replicating},
    warehouse::Warehouse,
};

const WIDE: &str = "contacts_wide";

const FIELDS: u64 = 5_000;
const TAGS: u64 = 10_000;
const LISTS: u64 = 2_000;

/// An account of two contacts, the first of which has every field, tag and list there is.
async fn crowded() -> Rig {
    let rig = Rig::with_contacts(2);
    for (collection, count) in [("fields", FIELDS), ("tags", TAGS), ("lists", LISTS)] {
        let made = rig.account.mutate(json!({"collection": collection, "create": count})).await;
        let (children, pointing) = match collection {
            "fields" => ("fieldValues", "field"),
            "tags" => ("contactTags", "tag"),
            _ => ("contactLists", "list"),
        };
        let ids = made["created"].as_array().expect("ids").clone();
        let rows = rig.account.mutate(json!({"collection": children, "create": count})).await;
        let rows = rows["created"].as_array().expect("ids");
        let point = |(row, id): (&Value, Value)| {
            let mut values = json!({"contact": "1", pointing: id.to_string()});
            if collection == "fields" {
                values["owner"] = json!("1");
                values["value"] = json!(format!("value of {id}"));
            }
            (row.to_string(), values)
        };
        let set: Value = rows.iter().zip(ids).map(point).collect();
        rig.account.mutate(json!({"collection": children, "set": set})).await;
    }
    rig
}

/// L-05: all of it lands; what a table has no column for is in `_rest` by the field's id, in the table and in the view, and
/// the run says so.
#[tokio::test(start_paused = true)]
async fn crowded_account_lands_whole() {
    const STREAMS: [&str; 7] =
        ["contacts", "field_values", "contact_tags", "contact_lists", "custom_fields", "tags", "lists"];
    let rig = crowded().await;
    for (warehouse, most_columns) in [(Warehouse::sqlite(), 2_000), (Warehouse::postgres().await, 1_600)] {
        let tables = rig.run_into(&*warehouse.open().await, &replicating(&STREAMS, Mode::Incremental)).await;

        assert_done(&tables);
        assert!(!tables.notes.iter().any(|note| note.contains("not made")), "{:?}", tables.notes);
        for stream in STREAMS {
            let findings = rig.compared(stream, &warehouse.landed(stream).await).await;
            assert!(findings.is_clean(), "{stream}: {}", findings.brief());
        }
        assert_wide(&warehouse, most_columns).await;
        // The table takes the place of the view.
        let wide = rig.run_into(&*warehouse.open().await, &replicating(&[WIDE], Mode::Incremental)).await;
        assert_done(&wide);
        let note = wide.notes.iter().find(|note| note.contains("_rest")).expect("the run says so");
        assert!(note.contains("custom fields") && note.contains("700"), "{note}");
        assert_wide(&warehouse, most_columns).await;
    }
}

/// Every value of contact 1 is in a column of its field, beside the row where it does not fit its field's type, or in the
/// rest.
async fn assert_wide(warehouse: &Warehouse, most_columns: usize) {
    let row = warehouse.query(&format!("SELECT * FROM {WIDE} WHERE id = 1")).await.remove(0);
    assert!(row.len() < most_columns, "{} columns", row.len());
    let is_value = |text: &&str| text.contains("value of ");
    let object = |column: &str| -> Map<String, Value> {
        let text = row.get(column).and_then(Option::as_deref).unwrap_or("{}");
        serde_json::from_str(text).expect("an object")
    };
    let rest = object("_rest");
    for (id, value) in &rest {
        assert_eq!(value, &json!(format!("value of {id}")));
    }
    let columns = row.iter().filter(|(column, _)| !["_rest", "_achub_extra"].contains(&column.as_str()));
    // A field of several choices holds an array of them.
    let in_columns = columns.filter_map(|(_, text)| text.as_deref()).filter(is_value).count();
    let beside = object("_achub_extra").values().filter_map(Value::as_str).filter(is_value).count();
    assert_eq!((in_columns + beside + rest.len()) as u64, FIELDS, "{in_columns} in columns, {beside} beside");
}

/// L-09: a table that takes no row at all puts all of them aside; the run ends as one with refused rows, tells of a few of
/// them, and counts all.
#[tokio::test(start_paused = true)]
async fn table_that_takes_no_row_is_told_once() {
    const CONTACTS: u64 = 1_000;
    for (mode, warehouse) in [
        (Mode::Incremental, Warehouse::sqlite()),
        (Mode::Truncate, Warehouse::sqlite()),
        (Mode::Incremental, Warehouse::postgres().await),
        (Mode::Truncate, Warehouse::postgres().await),
    ] {
        let empty = Rig::with_contacts(0);
        assert_done(&empty.run_into(&*warehouse.open().await, &replicating(&["contacts"], mode)).await);
        refuse_all(&warehouse).await;
        let rig = Rig::with_contacts(CONTACTS);
        rig.account.mutate(json!({"collection": "contacts", "change": CONTACTS})).await;

        let summary = rig.run_into(&*warehouse.open().await, &replicating(&["contacts"], mode)).await;

        let stream = &summary.streams[0];
        assert_eq!(
            (stream.outcomes.refused, stream.outcomes.added, stream.rows),
            (CONTACTS, 0, 0),
            "{mode:?}"
        );
        assert_eq!(
            (summary.status, summary.class()),
            (RunStatus::DoneSomeRefused, Some(Class::Refused)),
            "{mode:?}"
        );
        assert!(summary.quarantined.len() <= 100, "{} rows are told", summary.quarantined.len());
        let aside = warehouse.query("SELECT count(DISTINCT \"key\") AS n FROM _achub_quarantine").await;
        assert_eq!(aside[0]["n"], Some(CONTACTS.to_string()), "each of them can be looked at");
    }
}

/// From now on the table of contacts refuses every row.
async fn refuse_all(warehouse: &Warehouse) {
    match warehouse {
        Warehouse::Sqlite(_) => {
            let trigger =
                "CREATE TRIGGER refuse BEFORE INSERT ON contacts BEGIN SELECT RAISE(ABORT, 'no room'); END";
            warehouse.query(trigger).await;
        }
        // PostgreSQL, and every database that is close to it.
        _ => {
            warehouse.query("ALTER TABLE contacts ADD CONSTRAINT no_room CHECK (id < 0)").await;
        }
    }
}
