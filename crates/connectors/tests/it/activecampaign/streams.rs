//! Every stream of the table, from the account to its table.

use achub_api::streams;
use achub_engine::replication::Mode;

use crate::activecampaign::rig::{Rig, assert_done, replicating};

/// SL-1, SL-2, SL-17, SL-18, SL-22…SL-26: every stream the account offers lands whole, each record once and as it is.
#[tokio::test(start_paused = true)]
async fn every_stream_lands_whole() {
    let rig = Rig::with_contacts(400);
    let names: Vec<&str> = streams::all().map(|stream| stream.name).collect();

    let summary = rig.run(&replicating(&names, Mode::FullRefresh)).await;

    assert_done(&summary);
    for stream in names {
        assert!(!rig.target.rows(stream).is_empty(), "{stream} is empty");
        // Who is in a segment is computed, not listed: it has no rows of its own to compare with.
        if stream != "segment_match_all" {
            rig.assert_equal(&[stream]).await;
        }
    }
}

/// A stream that comes along with another can be asked for alone.
#[tokio::test(start_paused = true)]
async fn companions_land_without_their_carrier() {
    for stream in ["field_options", "contact_tags", "custom_object_records"] {
        let rig = Rig::with_contacts(250);

        let summary = rig.run(&replicating(&[stream], Mode::FullRefresh)).await;

        assert_done(&summary);
        assert!(!rig.target.rows(stream).is_empty(), "{stream} is empty");
        rig.assert_equal(&[stream]).await;
    }
}
