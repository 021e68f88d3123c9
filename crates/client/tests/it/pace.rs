//! How fast requests go while nobody asks to slow down.

use std::{sync::Arc, time::Duration};

use achub_client::{Pace, Transport};
use achub_core::{
    AccountName, Error,
    port::budget::{BudgetState, BudgetStore},
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::account::{Account, Process, Reply, SlidingWindow, anything, contacts, read_all, scrambled};

/// SL-38, SL-39: four a second without an explicit figure, evenly spaced whatever the number of tasks.
#[tokio::test(start_paused = true)]
async fn default_pace_is_four_evenly_spaced() {
    let window = SlidingWindow::new(5);
    let account = Account::new(move |received| window.answer(received.at));
    let client = Process::new().client(&account, Pace::Auto);

    let took = read_all(&client, 41, 16).await;

    let received = account.received();
    assert_eq!(account.count(429), 0);
    assert!((Duration::from_secs(10)..Duration::from_millis(10_200)).contains(&took), "{took:?}");
    for pair in received.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!((Duration::from_millis(248)..Duration::from_millis(254)).contains(&gap), "{gap:?}");
    }
}

/// Bar 2: 130 requests at 4.9 against a limit of 5, answers after 300 ms and more, requests up to 6 ms late.
#[tokio::test(start_paused = true)]
async fn explicit_pace_uses_the_budget_without_refusals() {
    let window = Arc::new(SlidingWindow::new(5));
    let account = Account::new(move |received| {
        let latency = Duration::from_millis(300 + scrambled(received.number) % 100);
        window.answer(received.at).after(latency)
    });
    let process = Process::new();
    let delayed = Arc::new(Delayed(account.clone()));
    let settings = crate::account::settings("https://acme.api-us1.com", Pace::AtMost(4.9));
    let client = achub_client::Client::new(
        settings,
        delayed,
        process.store.clone(),
        process.clock.clone(),
        process.told.clone(),
    );

    let took = read_all(&client, 130, client.in_flight_wanted()).await;

    assert!(account.count(429) <= 3, "{} refusals", account.count(429));
    let used = 130.0 / took.as_secs_f64() / 4.9;
    assert!(used >= 0.95, "{used:.3} of the budget used");
}

/// A network that holds requests up by up to 6 ms on their way.
struct Delayed(Arc<Account>);

#[async_trait]
impl Transport for Delayed {
    async fn send(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<achub_client::Body>, achub_client::TransportError> {
        let number = self.0.received().len();
        tokio::time::sleep(Duration::from_millis(scrambled(number) % 7)).await;
        self.0.send(request).await
    }
}

/// SL-42: the pace is a share of what the account advertises, and an explicit figure is a ceiling.
#[tokio::test(start_paused = true)]
async fn pace_follows_the_advertised_limit() {
    let cases = [
        (Pace::Auto, Some("5"), 4.0),
        (Pace::Auto, None, 4.0),
        (Pace::Auto, Some("500"), 400.0),
        (Pace::Auto, Some("2"), 1.6),
        (Pace::Auto, Some("0"), 4.0),
        (Pace::Auto, Some("-1"), 4.0),
        (Pace::Auto, Some("many"), 4.0),
        (Pace::Auto, Some("1e300"), 4.0),
        (Pace::Auto, Some("10, 10;w=1"), 8.0),
        (Pace::AtMost(4.9), Some("5"), 4.9),
        (Pace::AtMost(4.9), Some("500"), 4.9),
        (Pace::AtMost(50.0), Some("500"), 50.0),
        (Pace::AtMost(50.0), Some("10"), 9.8),
        (Pace::AtMost(50.0), None, 4.9),
        (Pace::AtMost(0.0), None, 0.01),
    ];
    for (pace, limit, expected) in cases {
        let account = Account::new(move |_| match limit {
            Some(limit) => Reply::ok().with("ratelimit-limit", limit),
            None => Reply::ok(),
        });
        let client = Process::new().client(&account, pace);
        client.get(&contacts(), anything).await.unwrap();
        let rate = client.requests_per_second().unwrap();
        assert!((rate - expected).abs() < 1e-9, "{pace:?} under {limit:?}: {rate}");
    }
}

/// C-06, bar 6: two processes with eight readers each stay within one budget.
#[tokio::test(start_paused = true)]
async fn processes_share_one_budget() {
    let window = SlidingWindow::new(5);
    let account = Account::new(move |received| window.answer(received.at).after(Duration::from_millis(400)));
    let process = Process::new();
    let (one, two) = (process.client(&account, Pace::Auto), process.client(&account, Pace::Auto));

    let (first, second) = tokio::join!(read_all(&one, 100, 8), read_all(&two, 100, 8));

    assert_eq!(account.count(429), 0);
    assert!(account.most_in_a_second() <= 5);
    let took = first.max(second);
    assert!(took < Duration::from_secs(55), "200 requests at 4 a second, took {took:?}");
}

/// C-06 over an hour, with a pace close to the limit.
#[tokio::test(start_paused = true)]
async fn an_hour_of_eight_runs_stays_within_the_limit() {
    let window = SlidingWindow::new(5);
    let account = Account::new(move |received| window.answer(received.at).after(Duration::from_millis(700)));
    let process = Process::new();
    let clients = [process.client(&account, Pace::AtMost(4.9)), process.client(&account, Pace::AtMost(4.9))];

    let count = 3_600 * 49 / 10 / 8;
    let runs = (0..8).map(|run| read_all(&clients[run % 2], count, 2));
    futures_util::future::join_all(runs).await;

    assert!(account.most_in_a_second() <= 5, "{}", account.most_in_a_second());
    assert_eq!(account.count(429), 0);
}

/// C-07: accounts do not wait for each other.
#[tokio::test(start_paused = true)]
async fn accounts_are_paced_independently() {
    let account = Account::new(|_| Reply::ok());
    let process = Process::new();
    let clients = ["one", "two", "three"].map(|name| process.client_of(name, &account, Pace::Auto));

    let took = futures_util::future::join_all(clients.iter().map(|client| read_all(client, 9, 2))).await;

    assert!(took.iter().all(|took| *took < Duration::from_millis(2_100)), "{took:?}");
}

/// SL-40: as many requests in flight as pace and latency ask for.
#[tokio::test(start_paused = true)]
async fn requests_in_flight_follow_pace_and_latency() {
    let cases = [
        (Pace::Auto, 1, 2),
        (Pace::Auto, 1_000, 5),
        (Pace::AtMost(4.9), 350, 3),
        (Pace::Auto, 20_000, 16),
        (Pace::Off, 1_000, 4),
    ];
    for (pace, latency_ms, expected) in cases {
        let account = Account::new(move |_| Reply::ok().after(Duration::from_millis(latency_ms)));
        let client = Process::new().client(&account, pace);
        client.get(&contacts(), anything).await.unwrap();
        assert_eq!(client.in_flight_wanted(), expected, "{pace:?} at {latency_ms} ms");
        assert_eq!(client.latency().as_millis() as u64, latency_ms);
    }
}

/// Without a pace the store is not asked.
#[tokio::test(start_paused = true)]
async fn no_pace_reserves_nothing() {
    let account = Account::new(|_| Reply::ok().with("ratelimit-limit", 5).with("ratelimit-remaining", 0));
    let process = Process::new();
    let settings = crate::account::settings("https://acme.api-us1.com", Pace::Off);
    let client = achub_client::Client::new(
        settings,
        account.clone(),
        Arc::new(Untouched),
        process.clock.clone(),
        process.told.clone(),
    );

    let took = read_all(&client, 100, 4).await;

    assert_eq!(took, Duration::ZERO);
    assert_eq!(client.requests_per_second(), None);
}

/// A store that nobody may use.
struct Untouched;

#[async_trait]
impl BudgetStore for Untouched {
    async fn reserve(&self, _: &AccountName, _: Timestamp, _: i64) -> Result<BudgetState, Error> {
        panic!("reserved without a pace")
    }

    async fn hold(&self, _: &AccountName, _: Timestamp, _: Timestamp) -> Result<(), Error> {
        panic!("held without a reason")
    }

    async fn learn(&self, _: &AccountName, _: Timestamp, _: Option<f64>, _: f64) -> Result<(), Error> {
        panic!("learnt without a pace")
    }
}
