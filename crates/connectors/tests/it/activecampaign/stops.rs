//! Runs that end in the middle and are taken up again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::AtomicU64},
};

use achub_client::Pace;
use achub_core::{
    Batch, Error, StreamName, Value, WalkName,
    port::{
        source::{Page, PageSink, Position, Source, Wanted},
        state::RunStatus,
    },
};
use achub_engine::{Stop, replication::Mode};
use async_trait::async_trait;
use serde_json::json;

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

/// Keeps the keys of every page, and the position it stands for.
#[derive(Default)]
struct Kept(Vec<(BTreeSet<(String, String)>, Position)>);

fn keys(stream: &str, batch: &Batch) -> BTreeSet<(String, String)> {
    let key = |row| (stream.to_owned(), batch.key(row).map(Value::display).collect::<String>());
    (0..batch.len()).map(key).collect()
}

#[async_trait]
impl PageSink for Kept {
    async fn page(&mut self, page: Page) -> Result<(), Error> {
        let keys = page.parts.iter().flat_map(|part| keys(part.stream.as_str(), &part.batch)).collect();
        self.0.push((keys, page.position));
        Ok(())
    }
}

/// The pages of the walk over contacts from a position on, and those of all other walks after them.
async fn read_from(
    rig: &Rig,
    streams: &[&str],
    position: Option<&Position>,
) -> Vec<(BTreeSet<(String, String)>, Position)> {
    let wanted: Vec<Wanted> = streams.iter().map(|stream| Wanted::all(StreamName::new(*stream))).collect();
    let positions: HashMap<WalkName, Position> =
        position.map(|position| (WalkName::new("contacts"), position.clone())).into_iter().collect();
    let opened = rig.source().open(&wanted, &positions).await.expect("the streams open");
    let mut kept = Kept::default();
    for walk in opened.walks {
        let is_resumed = walk.walk().resumed;
        assert_eq!(is_resumed, position.is_some() && walk.walk().name.as_str() == "contacts");
        walk.read(&mut kept).await.expect("the walk ends");
    }
    kept.0
}

/// P2: whichever page was the last that is durable, its position brings everything that is missing.
#[tokio::test(start_paused = true)]
async fn every_position_stands_for_its_pages() {
    let streams = ["contacts", "contact_tags", "deals"];
    for (accelerated, way) in [
        (false, json!({})),
        (true, json!({})),
        (true, json!({"include_leaves_out_every": 3})),
        (true, json!({"ids_leave_out_every": 40})),
    ] {
        println!("accelerated: {accelerated}, {way}");
        let rig = Rig::with_contacts(1_200);
        let rig = if accelerated { rig.accelerated() } else { rig };
        rig.account.switches(way).await;
        let mut truth = BTreeSet::new();
        for stream in streams {
            truth.append(&mut keys(stream, &rig.truth(stream).await));
        }
        // Deals have a walk of their own where they do not come along; only the pages before it can be the last.
        let pages = read_from(&rig, &streams, None).await;
        let of_contacts = pages.iter().filter(|(_, position)| position.0.get("newest").is_some()).count();
        assert!(of_contacts > 4, "{of_contacts} pages are no test");

        for last in 0..of_contacts {
            let mut landed: BTreeSet<_> = pages[..=last].iter().flat_map(|(keys, _)| keys.clone()).collect();
            for (mut keys, _) in read_from(&rig, &streams, Some(&pages[last].1)).await {
                landed.append(&mut keys);
            }
            let missing = truth.difference(&landed).count();
            assert_eq!(missing, 0, "{missing} of {} after page {last}", truth.len());
        }
    }
}
