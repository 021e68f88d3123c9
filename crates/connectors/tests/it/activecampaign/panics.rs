//! A panic in one walk: that walk ends with an error, the others end right, and nothing stays locked.

use std::sync::Arc;

use achub_core::{
    StreamName,
    port::{progress::Silent, source::Source, target::Target},
};
use achub_engine::{Hub, Replication, Stop, Summary, replication::Mode};
use achub_testkit::crash::{Crashing, Fuse, Moment, PanickingSource};

use crate::activecampaign::{
    rig::{Rig, assert_done, replicating},
    warehouse::Warehouse,
};

const STREAMS: [&str; 4] = ["contacts", "deals", "tags", "users"];

async fn run(rig: &Rig, source: &dyn Source, target: &dyn Target, replication: &Replication) -> Summary {
    let hub = Hub::new(rig.store.clone(), rig.clock.clone(), Arc::new(Silent));
    hub.start(replication, source, target, &Stop::default()).await.expect("the run starts")
}

/// The streams that ended with an error, each with its code.
fn failed(summary: &Summary) -> Vec<(&str, &str)> {
    let failed = summary
        .streams
        .iter()
        .filter_map(|stream| stream.error.as_ref().map(|(code, _)| (stream.stream.as_str(), code.as_str())));
    failed.collect()
}

async fn assert_landed(rig: &Rig, warehouse: &Warehouse, streams: &[&str]) {
    for stream in streams {
        let findings = rig.compared(stream, &warehouse.landed(stream).await).await;
        assert!(findings.is_clean(), "{stream}: {}", findings.brief());
    }
}

/// A-10 of the fault tests: a source that panics.
#[tokio::test(start_paused = true)]
async fn panicking_source_ends_its_walk_alone() {
    for warehouse in [Warehouse::sqlite(), Warehouse::postgres().await] {
        let rig = Rig::with_contacts(350);
        let replication = replicating(&STREAMS, Mode::Incremental);
        let source = rig.source();
        let panicking = PanickingSource { source: &source, stream: StreamName::new("deals") };
        let target = warehouse.open().await;

        let hurt = run(&rig, &panicking, &*target, &replication).await;

        assert_eq!(failed(&hurt), [("deals", "SY-199")]);
        assert_landed(&rig, &warehouse, &["contacts", "tags", "users"]).await;

        let whole = run(&rig, &source, &*target, &replication).await;

        assert_done(&whole);
        assert_landed(&rig, &warehouse, &STREAMS).await;
    }
}

/// A-10 of the fault tests: a target that panics in the middle of a transaction, before and after it.
#[tokio::test(start_paused = true)]
async fn panicking_target_ends_one_walk_alone() {
    for (moment, nth) in [(Moment::BeforeWrite, 2), (Moment::AfterWrite, 1), (Moment::AfterFinish, 2)] {
        for warehouse in [Warehouse::sqlite(), Warehouse::postgres().await] {
            let rig = Rig::with_contacts(350);
            let replication = replicating(&STREAMS, Mode::Incremental);
            let (source, target) = (rig.source(), warehouse.open().await);
            let crashing = Crashing { target: &*target, fuse: Fuse::panicking_at(moment, nth) };

            let hurt = run(&rig, &source, &crashing, &replication).await;

            let walks: Vec<&str> = failed(&hurt).iter().map(|(_, code)| *code).collect();
            assert_eq!(walks, ["SY-199"], "{moment:?} {nth}: {:?}", failed(&hurt));

            let whole = run(&rig, &source, &*target, &replication).await;

            assert_done(&whole);
            assert_landed(&rig, &warehouse, &STREAMS).await;
        }
    }
}
