//! What refusals mean at single endpoints.

use achub_client::{
    Backoff, Get, Limits, Pace, Reply as Outcome,
    rule::{Action, Leave, Rule},
};
use achub_core::Code;
use tokio::time::Instant;

use crate::account::{Account, Process, Reply, SECOND, anything, contacts};

fn rule(statuses: std::ops::RangeInclusive<u16>, action: Action) -> Rule {
    Rule::new("contacts", statuses, action)
}

/// SL-43: skip, break and stop go on without an answer and say what was refused; the caller who cannot gets the error.
#[tokio::test(start_paused = true)]
async fn endpoint_rules_leave_without_an_answer() {
    let cases = [(Action::Skip, Leave::Skip), (Action::Break, Leave::Break), (Action::Stop, Leave::Stop)];
    for (action, expected) in cases {
        for status in [403, 404, 500] {
            let account = Account::new(move |_| Reply::new(status, r#"{"message":"not in this plan"}"#));
            let client =
                Process::new().client(&account, Pace::Auto).with_rules([rule(status..=status, action)]);

            let outcome = client.ask(&contacts(), anything).await.unwrap();
            let error = client.get(&contacts(), anything).await.unwrap_err();

            let Outcome::Left { leave, status: refused, error: told } = outcome else {
                panic!("{action:?} was read")
            };
            assert_eq!((leave, refused, account.received().len()), (expected, status, 2), "{status}");
            assert_eq!(told.code(), error.code());
            assert!(told.message().contains("not in this plan"), "{told}");
        }
    }
}

/// SL-43: retry repeats what would be final, fail ends what would be repeated, continue reads the refusal.
#[tokio::test(start_paused = true)]
async fn endpoint_rules_change_what_is_repeated() {
    let cases = [
        (404, None, 1, Err(Code::RequestRefused)),
        (404, Some(Action::Retry), 8, Err(Code::RequestRefused)),
        (500, Some(Action::Retry), 8, Err(Code::ServerError)),
        (500, Some(Action::Fail), 1, Err(Code::ServerError)),
        (404, Some(Action::Continue), 1, Ok(14)),
        (500, Some(Action::Continue), 1, Ok(14)),
    ];
    for (status, action, sendings, expected) in cases {
        let account = Account::new(move |_| Reply::new(status, r#"{"message":""}"#));
        let client = Process::new().client(&account, Pace::Auto);
        let client = client.with_rules(action.map(|action| rule(status..=status, action)));

        let result = client.get(&contacts(), |body| Ok(body.len())).await;

        let result = result.map(|answer| answer.value).map_err(|error| error.code());
        assert_eq!((result, account.received().len()), (expected, sendings), "{status} {action:?}");
    }
}

/// Whatever a rule says, a wish to slow down is obeyed.
#[tokio::test(start_paused = true)]
async fn endpoint_rules_never_hide_a_wish_to_slow_down() {
    let actions = [Action::Retry, Action::Continue, Action::Skip, Action::Break, Action::Stop, Action::Fail];
    for action in actions {
        for status in [429, 503] {
            let account = Account::new(move |received| match received.number {
                1 => Reply::new(status, "").with("retry-after", 7),
                _ => Reply::ok(),
            });
            let client = Process::new().client(&account, Pace::Auto).with_rules([rule(400..=599, action)]);
            let begun = Instant::now();

            client.get(&contacts(), anything).await.unwrap();

            assert!(begun.elapsed() >= 7 * SECOND, "{action:?} {status}");
        }
    }
}

/// What is known about ActiveCampaign: a parent that is gone, and parts that not every plan has.
#[tokio::test(start_paused = true)]
async fn known_rules_cover_missing_parents_and_plans() {
    let cases = [
        ("contacts/12/scoreValues", Some(Leave::Skip)),
        ("ecomOrders/7/orderProducts", Some(Leave::Skip)),
        ("customObjects/records/9f", Some(Leave::Break)),
        ("messageActivities", Some(Leave::Stop)),
        ("linkData", Some(Leave::Stop)),
        ("contacts", None),
    ];
    for (path, expected) in cases {
        let account = Account::new(|_| Reply::new(404, r#"{"message":"No Result found"}"#));
        let client = Process::new().client(&account, Pace::Auto);

        let outcome = client.ask(&Get::new(path), anything).await;

        let leave = match outcome {
            Ok(Outcome::Left { leave, .. }) => Some(leave),
            Ok(Outcome::Read(_)) => panic!("{path} was read"),
            Err(error) => {
                assert_eq!(error.code(), Code::RequestRefused);
                None
            }
        };
        assert_eq!(leave, expected, "{path}");
    }
}

/// SL-42: `Retry-After` comes first; without it the connection's own backoff decides, between one second and a minute.
#[tokio::test(start_paused = true)]
async fn configured_backoff_is_the_fallback() {
    let cases = [
        (Backoff::None, None, 5),
        (Backoff::Constant(7 * SECOND), None, 35),
        (Backoff::Linear(2 * SECOND), None, 2 + 4 + 6 + 8 + 10),
        (Backoff::Exponential(30 * SECOND), None, 30 + 60 + 60 + 60 + 60),
        (Backoff::Exponential(30 * SECOND), Some(3), 15),
    ];
    for (backoff, retry_after, expected_s) in cases {
        let account = Account::new(move |received| match (received.number, retry_after) {
            (6.., _) => Reply::ok(),
            (_, Some(seconds)) => Reply::new(429, "").with("retry-after", seconds),
            (_, None) => Reply::new(429, ""),
        });
        let limits = Limits { backoff, ..Limits::default() };
        let client = Process::new().client(&account, Pace::Off).with_limits(limits);
        let begun = Instant::now();

        client.get(&contacts(), anything).await.unwrap();

        let took = begun.elapsed();
        assert!((expected_s * SECOND..(expected_s + 1) * SECOND).contains(&took), "{backoff:?}: {took:?}");
    }
}

/// SL-42: the same backoff spaces the attempts after a failure, up to its length each.
#[tokio::test(start_paused = true)]
async fn configured_backoff_spaces_attempts() {
    for (backoff, most_s) in [
        (Backoff::None, 0),
        (Backoff::Constant(2 * SECOND), 14),
        (Backoff::Linear(SECOND), 28),
        (Backoff::Exponential(SECOND), 127),
    ] {
        let account = Account::new(|_| Reply::new(500, ""));
        let limits = Limits { backoff, ..Limits::default() };
        let client = Process::new().client(&account, Pace::Off).with_limits(limits);
        let begun = Instant::now();

        client.get(&contacts(), anything).await.unwrap_err();

        let took = begun.elapsed();
        assert!(
            took <= most_s * SECOND + SECOND / 10 && took >= most_s * SECOND / 5,
            "{backoff:?}: {took:?}"
        );
    }
}
