//! Parents and children: each nested stream with its parent and without.

use achub_api::streams;
use achub_engine::replication::Mode;

use crate::activecampaign::rig::{Rig, assert_done, replicating};

/// Every stream that belongs to another one, with that one.
fn nested() -> Vec<(&'static str, &'static str)> {
    streams::all().filter_map(|stream| Some((stream.parent?.stream, stream.name))).collect()
}

/// Who is in a segment is computed, not listed: the account has no rows to compare with.
fn has_truth(stream: &str) -> bool {
    stream != "segment_match_all"
}

/// SL-29: parent and child in one run, both whole.
#[tokio::test(start_paused = true)]
async fn parent_and_child_land_together() {
    for (parent, child) in nested() {
        println!("{parent} and {child}");
        let rig = Rig::with_contacts(120);

        let summary = rig.run(&replicating(&[parent, child], Mode::FullRefresh)).await;

        assert_done(&summary);
        for stream in [parent, child].into_iter().filter(|stream| has_truth(stream)) {
            assert!(!rig.target.rows(stream).is_empty(), "{stream} is empty");
            rig.assert_equal(&[stream]).await;
        }
    }
}

/// SL-30: the child alone is whole too, and nothing of its parent is stored.
#[tokio::test(start_paused = true)]
async fn child_lands_without_its_parent() {
    assert!(nested().len() > 20, "the table has nested streams");
    for (parent, child) in nested() {
        println!("{child} without {parent}");
        let rig = Rig::with_contacts(120);

        let summary = rig.run(&replicating(&[child], Mode::FullRefresh)).await;

        assert_done(&summary);
        assert!(!rig.target.rows(child).is_empty(), "{child} is empty");
        if has_truth(child) {
            rig.assert_equal(&[child]).await;
        }
        assert!(rig.target.rows(parent).is_empty(), "{parent} was stored");
    }
}
