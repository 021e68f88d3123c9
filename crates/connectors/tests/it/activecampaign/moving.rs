//! Reading while the account moves.

use std::collections::BTreeSet;

use achub_core::{Batch, Value};
use achub_engine::replication::Mode;
use serde_json::json;

use crate::activecampaign::rig::{Rig, replicating};

fn keys(records: &Batch) -> BTreeSet<String> {
    (0..records.len()).map(|row| records.key(row).map(Value::display).collect::<Vec<_>>().join(",")).collect()
}

/// SL-36, and P1 of the promises: records that exist at the start and at the end are there, whatever happened between every two pages.
#[tokio::test(start_paused = true)]
async fn nothing_that_stays_is_missing() {
    for seed in 1..=5 {
        println!("seed {seed}");
        let rig = Rig::with_contacts(1_200);
        let streams = ["contacts", "contact_tags", "deals", "notes", "field_values"];
        let mut before = Vec::new();
        for stream in streams {
            before.push(keys(&rig.truth(stream).await));
        }
        for (collection, delete, create) in [("contacts", 9, 4), ("deals", 12, 12), ("notes", 12, 12)] {
            let mutation = json!({"collection": collection, "delete": delete, "change": 12, "create": create,
                "seed": seed, "between_pages": true});
            rig.account.mutate(mutation).await;
        }

        let summary = rig.run(&replicating(&streams, Mode::FullRefresh)).await;

        assert!(summary.streams.iter().all(|stream| stream.error.is_none()), "{summary:?}");
        for (stream, before) in streams.iter().zip(before) {
            let findings = rig.findings(stream).await;
            let lost: Vec<_> = findings.missing.iter().filter(|key| before.contains(*key)).collect();
            // What came along with a contact may have been made after that contact was read.
            assert!(lost.is_empty(), "{stream}: {} of {} are missing: {lost:?}", lost.len(), before.len());
            assert!(findings.doubled.is_empty(), "{stream}: {:?}", findings.doubled);
        }
    }
}
