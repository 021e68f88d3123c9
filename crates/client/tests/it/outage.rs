//! When nothing works for a while: the breaker (rule R15).

use std::time::Duration;

use achub_client::{Limits, Pace, Stage, TransportError};
use achub_core::Code;
use tokio::time::Instant;

use crate::account::{Account, Process, Received, Reply, SECOND, anything, contacts, read_all};

/// An account that works but for the time between `from` and `to`, in which it fails in many ways.
fn down(from: Duration, to: Duration) -> impl Fn(&Received) -> Reply + Send + Sync {
    move |received| match received.number % 4 {
        _ if !(from..to).contains(&received.at) => Reply::ok(),
        0 => Reply::broken(TransportError::new(Stage::Connect)),
        1 => Reply::new(502, "<html>"),
        2 => Reply::new(200, "<html>"),
        _ => Reply::broken(TransportError::new(Stage::Answer)),
    }
}

/// R15: after twenty failures in a row one request a minute is sent, told each time, until one succeeds; then all go on
/// at full pace, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn outage_is_probed_once_a_minute() {
    let (from, to) = (10 * SECOND, 900 * SECOND);
    let account = Account::new(down(from, to));
    let process = Process::new();
    let client = process.client(&account, Pace::Auto);

    let took = read_all(&client, 120, 8).await;

    let during: Vec<Duration> =
        account.received().iter().map(|one| one.at).filter(|at| (from..to).contains(at)).collect();
    let probes = &during[20..];
    assert!((10..=15).contains(&probes.len()), "{during:?}");
    for pair in during[19..].windows(2) {
        assert!(pair[1] - pair[0] >= 60 * SECOND, "{pair:?}");
    }
    let told: Vec<_> = process.told.waits().into_iter().filter(|(why, _)| why.contains("in a row")).collect();
    assert!(told.len() >= probes.len(), "{told:?}");
    assert!(told[0].0.starts_with("20 requests in a row failed, the last one with: "), "{told:?}");
    assert!(told.iter().all(|(_, wait)| *wait <= 60 * SECOND), "{told:?}");
    assert!(took < to + 60 * SECOND + Duration::from_secs(120 / 4), "{took:?}");
}

/// Refusals come from a side that works: a key without rights does not stop the requests it may make.
#[tokio::test(start_paused = true)]
async fn refusals_open_no_breaker() {
    let account = Account::new(|received| match received.path.as_str() {
        "/api/3/contacts" => Reply::new(403, ""),
        _ => Reply::ok(),
    });
    let process = Process::new();
    let client = process.client(&account, Pace::Auto);

    for _ in 0..10 {
        client.get(&contacts(), anything).await.unwrap_err();
    }

    assert!(account.count(403) > 20);
    assert!(process.told.waits().iter().all(|(why, _)| !why.contains("in a row")));
}

/// R16: whoever waits for a probe's turn can leave; the turn goes to the next in the queue.
#[tokio::test(start_paused = true)]
async fn cancelled_probe_leaves_its_turn() {
    let account = Account::new(down(SECOND, 300 * SECOND));
    let client = Process::new().client(&account, Pace::Auto);
    client.get(&contacts(), anything).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let mut readers: Vec<_> = (0..6)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get(&contacts(), anything).await })
        })
        .collect();
    tokio::time::sleep(100 * SECOND).await;
    let before = account.received().len();
    let last = readers.pop().unwrap();

    readers.iter().for_each(|reader| reader.abort());
    let begun = Instant::now();
    last.await.unwrap().unwrap();

    assert!(before >= 20, "{before}");
    assert!(begun.elapsed() <= 261 * SECOND, "{:?}", begun.elapsed());
    let after = account.received().len() - before;
    assert!((1..=5).contains(&after), "{after} requests in up to 260 s");
}

/// Whoever cannot wait for a probe is told what the others failed with, and nothing is sent.
#[tokio::test(start_paused = true)]
async fn impatient_request_names_the_outage() {
    let account = Account::new(|_| Reply::new(503, ""));
    let client = Process::new().client(&account, Pace::Auto);
    let readers = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get(&contacts(), anything).await })
    });
    let readers: Vec<_> = readers.collect();
    tokio::time::sleep(70 * SECOND).await;
    let before = account.received().len();

    let error = client.with_limits(Limits::for_check()).get(&contacts(), anything).await.unwrap_err();

    assert_eq!(error.code(), Code::ServerError);
    assert!(error.message().contains("requests in a row failed"), "{error}");
    assert_eq!(account.received().len(), before);
    readers.iter().for_each(|reader| reader.abort());
}
