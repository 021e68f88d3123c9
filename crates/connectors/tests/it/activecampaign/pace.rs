//! Keeping within the budget, and using it.

use std::{sync::Arc, time::Duration};

use achub_client::Pace;
use achub_core::port::progress::Silent;
use achub_engine::{Stop, replication::Mode};
use achub_sim::{Latency, Rate, Settings};
use tokio::time::Instant;

use crate::activecampaign::rig::{Rig, THE_TEN, assert_done, replicating};

fn slow_account(contacts: u64) -> Settings {
    let latency = Latency { base: Duration::from_millis(300), per_row: Duration::from_micros(500) };
    Settings { contacts, rate: Rate::PerSecond(5), latency, ..Settings::default() }
}

async fn counted(rig: &Rig) -> (u64, u64, u64) {
    let requests = rig.account.requests().await;
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or(0);
    (number(&requests["total"]), number(&requests["by_status"]["429"]), number(&requests["most_in_a_second"]))
}

/// SL-38, SL-39: never more than the account's limit in any second, and hardly less than the budget.
#[tokio::test(start_paused = true)]
async fn explicit_pace_is_used_up() {
    let rig = Rig::playing(slow_account(10_000));
    let begun = Instant::now();

    let summary = rig
        .start(
            &replicating(&THE_TEN, Mode::FullRefresh),
            Pace::AtMost(4.9),
            &Stop::default(),
            Arc::new(Silent),
        )
        .await
        .expect("the run starts");

    assert_done(&summary);
    // There is work until the last request is sent; its answer, a page of 100 contacts with what comes along, takes 1.1 s.
    let seconds = begun.elapsed().as_secs_f64() - 1.1;
    let (requests, refusals, most_in_a_second) = counted(&rig).await;
    assert_eq!((refusals, most_in_a_second), (0, 5));
    let used = requests as f64 / 4.9 / seconds;
    assert!(used >= 0.96, "{used:.3} of the budget used: {requests} requests in {seconds:.1} s");
}

/// A single series of pages uses the budget too: its pages are asked for ahead of their turn.
#[tokio::test(start_paused = true)]
async fn offset_stream_alone_uses_the_budget() {
    let rig = Rig::playing(slow_account(15_000));
    let begun = Instant::now();

    let summary = rig
        .start(
            &replicating(&["deals"], Mode::FullRefresh),
            Pace::AtMost(4.9),
            &Stop::default(),
            Arc::new(Silent),
        )
        .await
        .expect("the run starts");

    assert_done(&summary);
    assert_eq!(rig.target.rows("deals").len(), 3_000);
    let seconds = begun.elapsed().as_secs_f64() - 0.35;
    let (requests, refusals, _) = counted(&rig).await;
    assert_eq!((requests, refusals), (31, 0));
    let used = requests as f64 / 4.9 / seconds;
    assert!(used >= 0.9, "{used:.3} of the budget used: {requests} requests in {seconds:.1} s");
}

/// Blocks take three times as long as pages, so more of them are under way; the run ends sooner in spite of that.
#[tokio::test(start_paused = true)]
async fn blocks_are_faster_than_pages() {
    let mut seconds = Vec::new();
    for rig in [Rig::playing(slow_account(6_000)), Rig::playing(slow_account(6_000)).accelerated()] {
        let begun = Instant::now();
        let replication = replicating(&THE_TEN, Mode::FullRefresh);
        let pace = Pace::AtMost(4.9);
        let summary = rig.start(&replication, pace, &Stop::default(), Arc::new(Silent)).await;
        assert_done(&summary.expect("the run starts"));
        seconds.push(begun.elapsed().as_secs_f64());
        let (_, refusals, most_in_a_second) = counted(&rig).await;
        assert_eq!((refusals, most_in_a_second <= 5), (0, true));
    }
    assert!(seconds[1] < 0.75 * seconds[0], "{seconds:?}");
}

/// I7 of the invariants: two runs at once share one budget.
#[tokio::test(start_paused = true)]
async fn two_runs_share_one_budget() {
    let rig = Rig::playing(slow_account(1_500));
    let (contacts, deals) = (
        replicating(&["contacts", "tags"], Mode::FullRefresh),
        replicating(&["deals", "lists", "users"], Mode::FullRefresh),
    );
    let stop = Stop::default();
    let begun = Instant::now();

    let (first, second) = tokio::join!(
        rig.start(&contacts, Pace::Auto, &stop, Arc::new(Silent)),
        rig.start(&deals, Pace::Auto, &stop, Arc::new(Silent)),
    );

    assert_done(&first.expect("the run starts"));
    assert_done(&second.expect("the run starts"));
    let (requests, refusals, most_in_a_second) = counted(&rig).await;
    assert_eq!((refusals, most_in_a_second <= 5), (0, true));
    assert!(requests as f64 / begun.elapsed().as_secs_f64() <= 4.2, "four a second for both together");
}

/// Rows can be read ten seconds after the start, and more of them with every second, also by whoever wants every stream
/// there is: the first walks are read while others are opened.
#[tokio::test(start_paused = true)]
async fn rows_appear_within_ten_seconds() {
    let all: Vec<&str> = achub_api::streams::all().map(|stream| stream.name).collect();
    for (streams, within_seconds) in [(&["contacts"][..], 10), (&THE_TEN, 10), (&all, 10)] {
        let rig = Rig::playing(slow_account(10_000));
        let count = || streams.iter().map(|stream| rig.target.rows(stream).len()).sum::<usize>();
        let replication = replicating(streams, Mode::Incremental);
        let stop = Stop::default();
        let run = rig.start(&replication, Pace::Auto, &stop, Arc::new(Silent));
        let watch = async {
            tokio::time::sleep(Duration::from_secs(within_seconds)).await;
            let first = count();
            tokio::time::sleep(Duration::from_secs(2)).await;
            (first, count())
        };

        let (summary, (first, later)) = tokio::join!(run, watch);

        assert_done(&summary.expect("the run starts"));
        let told =
            format!("{} streams: {first} rows after {within_seconds} s, {later} two later", streams.len());
        assert!(first > 0 && first < later && later < count(), "{told}, {} at the end", count());
    }
}
