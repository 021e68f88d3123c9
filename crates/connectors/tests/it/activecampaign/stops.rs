//! Runs that end in the middle and are taken up again.

use std::sync::{Arc, atomic::AtomicU64};

use achub_client::Pace;
use achub_core::port::state::RunStatus;
use achub_engine::{Stop, replication::Mode};

use crate::activecampaign::rig::{Rig, StopAfter, assert_done, replicating};

const STREAMS: [&str; 4] = ["contacts", "contact_lists", "deals", "tags"];

/// P2, P3: however often a run is stopped, the tables end the same and hardly a page is read twice.
#[tokio::test(start_paused = true)]
async fn stopped_runs_end_with_the_same_tables() {
    for mode in [Mode::FullRefresh, Mode::Incremental] {
        let undisturbed = Rig::with_contacts(1_500);
        undisturbed.run(&replicating(&STREAMS, mode)).await;
        let rig = Rig::with_contacts(1_500);
        let mut stops = 0;
        loop {
            let stop = Stop::default();
            let progress = Arc::new(StopAfter { commits: AtomicU64::new(2), stop: stop.clone() });
            let summary = rig
                .start(&replicating(&STREAMS, mode), Pace::Off, &stop, progress)
                .await
                .expect("the run starts");
            if summary.status != RunStatus::Stopped {
                break;
            }
            stops += 1;
            assert!(stops < 100, "the runs do not come to an end");
        }
        let last = rig.run(&replicating(&STREAMS, mode)).await;

        assert_done(&last);
        assert!(stops > 2, "{stops} stops are no test");
        rig.assert_equal(&STREAMS).await;
        assert_eq!(rig.target.unfinished(), 0);
    }
}
