//! Answers that are well formed and not what was asked for: smaller pages, totals that lie, words nobody has heard of.

use achub_api::{
    stream::{Read, Stream},
    streams,
};
use achub_core::code::Class;
use achub_engine::replication::Mode;
use serde_json::{Value, json};

use crate::activecampaign::{
    rig::{Rig, assert_done, replicating},
    warehouse::Warehouse,
};

/// Every stream that has rows to compare with.
fn comparable() -> Vec<&'static str> {
    // Who is in a segment is computed, not listed.
    streams::all()
        .filter(|stream| !matches!(stream.read, Read::SegmentMatch { .. }))
        .map(|stream| stream.name)
        .collect()
}

/// D-09: a server that grants twenty rows at the most, whatever is asked for, hides none of any stream; in either way of
/// reading.
#[tokio::test(start_paused = true)]
async fn small_pages_hide_nothing_of_any_stream() {
    for accelerated in [false, true] {
        let rig = Rig::with_contacts(250);
        let rig = if accelerated { rig.accelerated() } else { rig };
        rig.account.switches(json!({"page_clamped_to_20": true})).await;
        let names = comparable();

        let summary = rig.run(&replicating(&names, Mode::FullRefresh)).await;

        assert_done(&summary);
        rig.assert_equal(&names).await;
    }
}

/// A stream for each way of reading.
fn one_of_each() -> Vec<&'static Stream> {
    let name = |is: fn(&Read) -> bool| streams::all().filter(move |stream| is(&stream.read));
    [
        name(|read| *read == Read::Keyset).next(),
        streams::find("deals"),
        streams::find("notes"),
        name(|read| *read == Read::PageNumber).next(),
        name(|read| matches!(read, Read::PerParent { .. })).next(),
        name(|read| matches!(read, Read::With { .. })).next(),
    ]
    .into_iter()
    .map(|stream| stream.expect("the stream table has one"))
    .collect()
}

/// D-11: whatever a total says, rows that are shown land, and the walk ends: a second look at the most. A total that can be
/// told to be wrong is told.
#[tokio::test(start_paused = true)]
async fn lying_totals_lose_nothing_and_end() {
    for stream in one_of_each() {
        let honest = Rig::with_contacts(500);
        assert_done(&honest.run(&replicating(&[stream.name], Mode::FullRefresh)).await);
        let undisturbed = honest.requests().await;
        for total in [
            json!(0),
            json!(7),
            json!(100),
            json!("9000"),
            json!(1_000_000),
            json!("many"),
            json!(null),
            json!(-3),
        ] {
            let rig = Rig::with_contacts(500);
            rig.account.faults(json!([{"fault": {"meta_total": total}}])).await;

            let summary = rig.run(&replicating(&[stream.name], Mode::FullRefresh)).await;

            let findings = rig.findings(stream.name).await;
            assert!(findings.is_clean(), "{} of {total}: {}", stream.name, findings.brief());
            let error = &summary.streams[0].error;
            assert!(error.is_none(), "{} of {total}: {error:?}", stream.name);
            assert!(
                [None, Some(Class::Refused)].contains(&summary.class()),
                "{} of {total}: {:?}",
                stream.name,
                summary.class()
            );
            // Twice what an honest account takes, and a few to find out.
            let requests = rig.requests().await;
            assert!(requests <= 2 * undisturbed + 10, "{} of {total}: {requests} requests", stream.name);
        }
    }
}

/// D-09 and D-11 at once: pages of twenty, and a total that says there are fewer or more.
#[tokio::test(start_paused = true)]
async fn small_pages_with_lying_totals_lose_nothing() {
    for stream in one_of_each() {
        for total in [json!(7), json!(19), json!(9_000), json!("many")] {
            let rig = Rig::with_contacts(250);
            rig.account.switches(json!({"page_clamped_to_20": true})).await;
            rig.account.faults(json!([{"fault": {"meta_total": total}}])).await;

            let summary = rig.run(&replicating(&[stream.name], Mode::FullRefresh)).await;

            let findings = rig.findings(stream.name).await;
            assert!(findings.is_clean(), "{} of {total}: {}", stream.name, findings.brief());
            assert!(summary.streams[0].error.is_none(), "{} of {total}: {summary:?}", stream.name);
        }
    }
}

/// Streams whose documents count the words of their status.
const STATUSES: [&str; 6] =
    ["contact_lists", "deals", "contact_automations", "campaigns", "tasks", "automations"];

/// D-14: a status nobody has heard of lands as it came, never as another one: a number in its column, a word beside the row
/// and counted.
#[tokio::test(start_paused = true)]
async fn unknown_statuses_are_kept_as_they_come() {
    // What an account says, what the column holds, and what stands beside the row.
    let cases = [
        (json!("99"), Some("99"), None),
        (json!(-1), Some("-1"), None),
        (json!("91"), Some("91"), None),
        (json!(null), None, None),
        (json!("paused"), None, Some(json!("paused"))),
        (json!("2.5"), None, Some(json!("2.5"))),
        (json!([1]), None, Some(json!([1]))),
        (json!("99999999999999999999"), None, Some(json!("99999999999999999999"))),
    ];
    for warehouse in [Warehouse::sqlite(), Warehouse::postgres().await] {
        let rig = Rig::with_contacts(200);
        for stream in STATUSES {
            let rows = (1..).zip(&cases).map(|(id, (said, ..))| (id.to_string(), json!({"status": said})));
            let set = rows.collect::<Value>();
            let done = rig.account.mutate(json!({"collection": stream, "set": set})).await;
            assert_eq!(done["set"].as_array().map(Vec::len), Some(cases.len()), "{stream} has as many rows");
        }

        let summary =
            rig.run_into(&*warehouse.open().await, &replicating(&STATUSES, Mode::FullRefresh)).await;

        assert_done(&summary);
        for stream in &summary.streams {
            let table = &stream.table;
            let told = stream.type_drift.iter().find(|(field, _)| field == "status").map(|(_, count)| *count);
            assert_eq!(told, Some(4), "{table}");
            for (id, (said, held, beside)) in (1..).zip(&cases) {
                let sql = format!(
                    "SELECT CAST(status AS text) AS status, _achub_extra FROM {table} WHERE id = {id}"
                );
                let row = warehouse.query(&sql).await.remove(0);
                assert_eq!(row["status"].as_deref(), *held, "{table}: {said}");
                let extra: Value =
                    serde_json::from_str(row["_achub_extra"].as_deref().unwrap_or("{}")).expect("JSON");
                assert_eq!(extra.get("status__raw"), beside.as_ref(), "{table}: {said}");
            }
        }
    }
}
