//! Custom fields that are made, retyped and deleted while a run reads.

use achub_engine::{Replication, replication::FullCheck};
use serde_json::json;

use crate::activecampaign::{
    rig::{Rig, assert_done, checking},
    warehouse::Warehouse,
};

const STREAMS: [&str; 3] = ["contacts", "custom_fields", "field_values"];
const WIDE: &str = "contacts_wide";

async fn make_field(rig: &Rig, title: &str) -> String {
    let body = json!({"field": {"title": title, "type": "text"}});
    let made = rig.account.api("POST", "/api/3/fields", Some(body)).await;
    let id = &made["field"]["id"];
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

async fn set_value(rig: &Rig, contact: u64, field: &str, value: &str) {
    let body = json!({"fieldValue": {"contact": contact.to_string(), "field": field, "value": value}});
    rig.account.api("POST", "/api/3/fieldValues", Some(body)).await;
}

/// The text of a column in the row of `contact`.
async fn wide(warehouse: &Warehouse, contact: u64, column: &str) -> Option<String> {
    let sql = format!("SELECT {column} FROM {WIDE} WHERE id = {contact}");
    warehouse.query(&sql).await.remove(0).remove(column).flatten()
}

/// E-09: a run lands the fields it knew at its start, all of them; the next one lands the others. What a deleted or
/// retyped field held stays in its column.
#[tokio::test(start_paused = true)]
async fn fields_changed_in_mid_run_land_whole() {
    for warehouse in [Warehouse::sqlite(), Warehouse::postgres().await] {
        let rig = Rig::with_contacts(1_500);
        let (retyped, gone) = (make_field(&rig, "Retyped").await, make_field(&rig, "Gone").await);
        // The first page is that of the newest contacts.
        for contact in [3, 1_450] {
            set_value(&rig, contact, &retyped, "about 43").await;
            set_value(&rig, contact, &gone, "0049").await;
        }
        let all: Vec<&str> = STREAMS.into_iter().chain([WIDE]).collect();
        let replication = Replication { full_check: FullCheck::Never, ..checking(&all) };
        let before = rig.account.requests().await["total"].clone();

        let first = rig
            .run_while(&*warehouse.open().await, &replication, 2, async {
                assert_ne!(rig.account.requests().await["total"], before, "the run is under way");
                let made = make_field(&rig, "Made").await;
                for contact in [3, 4, 1_450] {
                    set_value(&rig, contact, &made, "new").await;
                }
                let number = json!({"field": {"type": "number"}});
                rig.account.api("PUT", &format!("/api/3/fields/{retyped}"), Some(number)).await;
                rig.account.api("DELETE", &format!("/api/3/fields/{gone}"), None).await;
            })
            .await;

        assert_done(&first);
        let columns = warehouse.columns(WIDE).await;
        assert!(columns.contains_key("gone") && !columns.contains_key("made"), "as the run began");
        for _ in 0..3 {
            let next = rig.run_into(&*warehouse.open().await, &checking(&all)).await;
            assert!(next.streams.iter().all(|stream| stream.error.is_none()), "{next:?}");
        }
        for stream in STREAMS {
            let findings = rig.compared(stream, &warehouse.landed(stream).await).await;
            assert!(findings.is_clean(), "{stream}: {}", findings.brief());
        }
        for contact in [3, 4, 1_450] {
            assert_eq!(wide(&warehouse, contact, "made").await.as_deref(), Some("new"), "{contact}");
        }
        for contact in [3, 1_450] {
            // No number, so it is kept beside the row as it came.
            let extra = wide(&warehouse, contact, "_achub_extra").await.expect("what did not fit is kept");
            assert!(extra.contains("\"about 43\""), "{contact}: {extra}");
        }
        assert_eq!(wide(&warehouse, 1_450, "gone").await.as_deref(), Some("0049"), "it was read before");
    }
}
