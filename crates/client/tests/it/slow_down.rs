//! What happens when the account asks to slow down, or others use it too.

use std::{sync::Arc, time::Duration};

use achub_client::{Limits, Pace};
use achub_core::Code;
use tokio::time::Instant;

use crate::account::{
    Account, Process, Reply, SECOND, SlidingWindow, anything, contacts, read_all, scrambled,
};

/// C-01, SL-41, bar 5: 30 % refusals with waits of up to a minute lose nothing and cost little more than the waits.
#[tokio::test(start_paused = true)]
async fn storm_of_refusals_loses_nothing() {
    let waits = Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let told = waits.clone();
    let account = Account::new(move |received| match scrambled(received.number) % 10 {
        0..3 => {
            let wait_s = 1 + scrambled(received.number + 7) % 60;
            *told.lock().unwrap() += Duration::from_secs(wait_s);
            Reply::too_many(&wait_s.to_string())
        }
        _ => Reply::ok(),
    });
    let client = Process::new().client(&account, Pace::Auto);

    let took = read_all(&client, 200, 3).await;

    assert_eq!(account.count(200), 200);
    let ideal = *waits.lock().unwrap() + Duration::from_secs(200 / 4);
    assert!(took < ideal.mul_f64(1.2), "took {took:?}, the waits alone with full pace {ideal:?}");
    assert!(account.most_in_a_second() <= 5);
}

/// C-02: ten minutes of refusals are waited out with at most one request per `Retry-After`, and the waits are told.
#[tokio::test(start_paused = true)]
async fn total_refusal_is_probed_once_per_wait() {
    let account = Account::new(|received| {
        let reply = if received.at < Duration::from_secs(600) { Reply::too_many("30") } else { Reply::ok() };
        reply.after(Duration::from_millis(300))
    });
    let process = Process::new();
    let client = process.client(&account, Pace::Auto);

    read_all(&client, 16, 8).await;

    // The first requests were on their way before the first refusal arrived.
    let after_first: Vec<_> =
        account.received().into_iter().filter(|one| one.status == Some(429) && one.at > 2 * SECOND).collect();
    assert!((15..=20).contains(&after_first.len()), "{}", after_first.len());
    for pair in after_first.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_secs(30), "{pair:?}");
    }
    let waits = process.told.waits();
    assert!(waits.len() >= after_first.len());
    assert!(waits.iter().all(|(reason, _)| reason == "ActiveCampaign asked to slow down"), "{waits:?}");
}

/// SL-41: waiting for the limit is no attempt; only the total of the waits ends it, with a code of its own.
#[tokio::test(start_paused = true)]
async fn waits_end_after_their_total_only() {
    let account = Account::new(|_| Reply::too_many("60"));
    let client = Process::new().client(&account, Pace::Auto);

    let error = client.get(&contacts(), anything).await.unwrap_err();

    assert_eq!(error.code(), Code::SlowDown);
    assert_eq!(account.received().len(), 61, "the first, then one a minute for an hour");
    assert!(error.message().ends_with("tried 61 times in 3600.0 s"), "{error}");
}

/// A hold stops every reader of this process and of others that share the store.
#[tokio::test(start_paused = true)]
async fn hold_stops_every_process() {
    let account = Account::new(|received| match received.number {
        3 => Reply::too_many("20"),
        _ => Reply::ok(),
    });
    let process = Process::new();
    let (one, two) = (process.client(&account, Pace::Auto), process.client(&account, Pace::Auto));

    tokio::join!(read_all(&one, 10, 4), read_all(&two, 10, 4));

    let received = account.received();
    let refused_at = received.iter().find(|one| one.status == Some(429)).unwrap().at;
    let in_hold = received.iter().filter(|one| {
        // One slot of the other process may have been handed out before.
        one.at > refused_at + SECOND && one.at < refused_at + Duration::from_secs(20)
    });
    assert_eq!(in_hold.count(), 0, "{received:?}");
    assert!(received.iter().filter(|one| one.at > refused_at && one.at < refused_at + SECOND).count() <= 1);
}

/// A request that was waiting for its slot when the refusal came gives the slot up.
#[tokio::test(start_paused = true)]
async fn hold_takes_back_a_reserved_slot() {
    let account = Account::new(|received| match received.number {
        1 => Reply::too_many("20").after(Duration::from_millis(100)),
        _ => Reply::ok(),
    });
    let client = Process::new().client(&account, Pace::Auto);

    read_all(&client, 2, 2).await;

    let sent: Vec<Duration> = account.received().iter().map(|one| one.at).collect();
    assert!(sent[1] >= Duration::from_millis(20_100), "{sent:?}");
}

/// `Retry-After` is obeyed without a pace too.
#[tokio::test(start_paused = true)]
async fn unpaced_client_still_obeys_retry_after() {
    let account = Account::new(|received| match received.number {
        1 => Reply::too_many("7"),
        _ => Reply::ok(),
    });
    let client = Process::new().client(&account, Pace::Off);

    let took = read_all(&client, 50, 1).await;

    assert!((Duration::from_secs(7)..Duration::from_millis(7_100)).contains(&took), "{took:?}");
}

/// C-04 as far as the client is concerned is decided in `retry.rs`; a 503 with `Retry-After` waits here.
#[tokio::test(start_paused = true)]
async fn unavailable_with_retry_after_counts_no_attempt() {
    let account = Account::new(|received| match received.number {
        1..=20 => Reply::new(503, "busy").with("retry-after", 2),
        _ => Reply::ok(),
    });
    let process = Process::new();

    let answer = process.client(&account, Pace::Auto).get(&contacts(), anything).await.unwrap();

    assert_eq!(answer.sendings, 21);
    assert!(process.told.waits().iter().all(|(_, wait)| *wait == Duration::from_secs(2)));
}

/// D-13, C-03: a date in `Retry-After` is read by the account's own clock, wrong by hours as it may be; where it shows
/// none, by ours, and never for longer than a quarter of an hour.
#[tokio::test(start_paused = true)]
async fn wrong_clock_changes_no_wait() {
    // Our clock begins at 12:00:00.
    let cases = [
        (Some("Fri, 20 Nov 2026 12:00:00 GMT"), "Fri, 20 Nov 2026 12:00:20 GMT", 20),
        (Some("Fri, 20 Nov 2026 18:00:00 GMT"), "Fri, 20 Nov 2026 18:00:20 GMT", 20),
        (Some("Fri, 20 Nov 2026 05:00:00 GMT"), "Fri, 20 Nov 2026 05:00:20 GMT", 20),
        (None, "Fri, 20 Nov 2026 12:00:20 GMT", 20),
        (Some("no date"), "Fri, 20 Nov 2026 12:00:20 GMT", 20),
        (None, "Fri, 20 Nov 2026 18:00:20 GMT", 900),
        (None, "Fri, 20 Nov 2026 05:00:20 GMT", 1),
    ];
    for (date, retry_after, expected_s) in cases {
        let account = Account::new(move |received| match (received.number, date) {
            (1, Some(date)) => Reply::too_many(retry_after).with("date", date),
            (1, None) => Reply::too_many(retry_after),
            _ => Reply::ok(),
        });
        let client = Process::new().client(&account, Pace::Auto);

        let took = read_all(&client, 1, 1).await;

        assert_eq!(took.as_secs(), expected_s, "{date:?}, {retry_after}");
    }
}

/// Bar 2: close to the limit one refusal comes from a jittering network and costs its wait only; two mean others.
#[tokio::test(start_paused = true)]
async fn single_refusal_near_limit_keeps_the_pace() {
    for (refused, slowed) in [(vec![3], false), (vec![3, 6], true)] {
        let account =
            Account::new(
                move |received| {
                    if refused.contains(&received.number) { Reply::too_many("1") } else { Reply::ok() }
                },
            );
        let client = Process::new().client(&account, Pace::AtMost(4.9));

        read_all(&client, 8, 1).await;

        let rate = client.requests_per_second().unwrap();
        assert_eq!(rate < 4.9, slowed, "{rate}");
    }
}

/// C-05: another tool takes four of five requests a second; we slow down, say so once a minute, and finish.
#[tokio::test(start_paused = true)]
async fn others_at_work_slow_us_down() {
    let window = SlidingWindow::new(5).with_others_every(Duration::from_millis(250));
    let account = Account::new(move |received| window.answer(received.at).after(Duration::from_millis(200)));
    let process = Process::new();
    let client = process.client(&account, Pace::Auto);

    let took = read_all(&client, 100, 4).await;

    assert_eq!(account.count(200), 100);
    let rate = account.received().len() as f64 / took.as_secs_f64();
    assert!(rate < 2.0, "sent {rate:.2} a second where one was free");
    assert!(took < Duration::from_secs(200), "{took:?}");
    let told = process.told.warnings();
    assert!(told[0].starts_with("something else seems to use this account, sending "), "{told:?}");
    assert!(told.len() <= 1 + took.as_secs() as usize / 60, "{told:?}");
}

/// Commands that follow each other are no other tool: what the last one sent is still in the account's window when the
/// next one begins, and slows nobody down.
#[tokio::test(start_paused = true)]
async fn commands_in_a_row_keep_the_pace() {
    for pause_ms in [0, 100, 300, 700] {
        let window = SlidingWindow::new(5);
        let account = Account::new(move |received| window.answer(received.at).after(SECOND / 10));
        let process = Process::new();
        let begun = Instant::now();
        let mut paused = Duration::ZERO;

        for count in [6, 1, 20, 7] {
            let client = process.client(&account, Pace::Auto);
            read_all(&client, count, 4).await;
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            paused += Duration::from_millis(pause_ms);
            assert_eq!(
                client.requests_per_second(),
                Some(4.0),
                "after {count} requests, {pause_ms} ms apart"
            );
        }

        assert_eq!(process.told.warnings(), [""; 0]);
        let took = begun.elapsed() - paused;
        assert!(
            took < Duration::from_secs(9),
            "34 requests at four a second took {took:?}, {pause_ms} ms apart"
        );
        assert_eq!(account.count(429), 0);
    }
}

/// A run that idles while another one works takes the other one's requests for ours, not for another tool's.
#[tokio::test(start_paused = true)]
async fn another_run_is_no_other_tool() {
    let window = SlidingWindow::new(5);
    let account = Account::new(move |received| window.answer(received.at));
    let process = Process::new();
    let (idle, busy) = (process.client(&account, Pace::Auto), process.client(&account, Pace::Auto));

    for _ in 0..10 {
        read_all(&idle, 1, 1).await;
        read_all(&busy, 12, 4).await;
        tokio::time::sleep(Duration::from_millis(260)).await;
    }

    assert_eq!(idle.requests_per_second(), Some(4.0));
    assert_eq!(busy.requests_per_second(), Some(4.0));
}

/// C-05: another tool is noticed within seconds though nothing was refused yet, by a run that itself is slow.
#[tokio::test(start_paused = true)]
async fn other_tool_is_noticed_within_seconds() {
    let window = SlidingWindow::new(5).with_others_every(Duration::from_millis(250));
    let account =
        Account::new(move |received| window.answer(received.at).after(Duration::from_millis(1_400)));
    let client = Process::new().client(&account, Pace::Auto);

    read_all(&client, 5, 1).await;

    assert_eq!(account.count(429), 0);
    let rate = client.requests_per_second().unwrap();
    assert!(rate < 1.5, "{rate} a second where one was free");
}

/// Others are seen in `RateLimit-Remaining` before anything is refused, and forgotten within a minute (C-08).
#[tokio::test(start_paused = true)]
async fn remaining_header_slows_down_before_refusal() {
    let account = Account::new(|received| {
        let remaining = if received.number == 5 { 0 } else { 8 };
        Reply::ok().with("ratelimit-limit", 10).with("ratelimit-remaining", remaining)
    });
    let client = Process::new().client(&account, Pace::AtMost(6.0));
    read_all(&client, 4, 1).await;
    assert_eq!(client.requests_per_second(), Some(6.0));

    read_all(&client, 1, 1).await;
    let slowed = client.requests_per_second().unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let later = client.requests_per_second().unwrap();
    tokio::time::sleep(Duration::from_secs(40)).await;

    // Ten used, of which our pace explains five: others take five, which leaves 4.8 of 9.8.
    assert!((4.79..4.81).contains(&slowed), "{slowed}");
    assert!((5.5..5.8).contains(&later), "{later}");
    assert_eq!(client.requests_per_second(), Some(6.0));
}

/// C-09: zero remaining that our own pace does not explain holds the next request until the window has moved on.
#[tokio::test(start_paused = true)]
async fn zero_remaining_holds_the_next_request() {
    let account = Account::new(|_| Reply::ok().with("ratelimit-limit", 5).with("ratelimit-remaining", 0));
    let client = Process::new().client(&account, Pace::Auto);

    let took = read_all(&client, 2, 2).await;

    assert!(took >= SECOND, "{took:?}");
}

/// C-08: after a storm the full pace is back within a minute, without a burst.
#[tokio::test(start_paused = true)]
async fn full_pace_returns_within_a_minute() {
    let account = Account::new(|received| match received.at.as_secs() {
        0..30 => Reply::too_many("1"),
        _ => Reply::ok(),
    });
    let client = Process::new().client(&account, Pace::Auto);

    read_all(&client, 8, 8).await;
    let slowed = client.requests_per_second().unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;

    assert!(slowed < 4.0);
    assert_eq!(client.requests_per_second(), Some(4.0));
    assert!(account.most_in_a_second() <= 5, "{}", account.most_in_a_second());
}

/// A connection test does not wait for an hour: a wait beyond its patience is named at once.
#[tokio::test(start_paused = true)]
async fn impatient_client_names_the_hold() {
    let account = Account::new(|_| Reply::too_many("600"));
    let process = Process::new();
    let client = process.client(&account, Pace::Auto);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.get(&contacts(), anything).await }
    });
    tokio::time::sleep(SECOND).await;

    let (client, request) = (client.with_limits(Limits::for_check()), contacts());
    let result = tokio::time::timeout(Duration::from_secs(5), client.get(&request, anything)).await;
    let error = result.unwrap().unwrap_err();

    assert_eq!(error.code(), Code::SlowDown);
    waiting.abort();
}
