//! What daemons do by themselves.

use std::time::Duration;

use achub_core::{
    Code, JobName, RunId,
    port::jobs::{JobStore as _, QueuedRun, Trigger},
};

use crate::rig::{Act, Rig, Scripted, live};

const HOUR: Duration = Duration::from_secs(3_600);
const HOURLY: &[(&str, &str)] = &[("imports.shop", "every hour")];

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// SX-32: what is scheduled hourly happens every hour, by nobody's hand.
#[tokio::test(start_paused = true)]
async fn hourly_import_happens_every_hour() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[]);
    let daemon = rig.daemon("one", &runner, HOURLY);

    live(&[&daemon], 3 * HOUR + minutes(30)).await;

    let begun: Vec<u64> =
        runner.seen().iter().filter(|seen| seen.2 == "begins").map(|seen| seen.0 / 60).collect();
    assert_eq!(begun, [60, 120, 180]);
}

/// J-01: two daemons over one store start each due time once.
#[tokio::test(start_paused = true)]
async fn two_daemons_start_nothing_twice() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[]);
    let (one, two) = (rig.daemon("one", &runner, HOURLY), rig.daemon("two", &runner, HOURLY));

    live(&[&one, &two], 5 * HOUR + minutes(1)).await;

    assert_eq!((runner.count("begins"), runner.count("ends")), (5, 5));
}

/// J-06: a hundred wishes during a run are one follow-up.
#[tokio::test(start_paused = true)]
async fn hundred_wishes_make_one_follow_up() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[Act::Works(minutes(10))]);
    let daemon = rig.daemon("one", &runner, &[]);
    let ask = async {
        let mut asked = Vec::new();
        for number in 0..101 {
            let now = rig.store.now().await.unwrap();
            let wish = QueuedRun {
                run: RunId::new(format!("r-{number}")),
                job: JobName::new("imports.shop"),
                trigger: Trigger::Event,
                queued_at: now,
                not_before: now,
                attempts: 0,
            };
            asked.push(rig.store.queue(&wish).await.unwrap().run().clone());
            tokio::time::sleep(Duration::from_secs(if number == 0 { 60 } else { 1 })).await;
        }
        asked
    };

    let daemons = [&daemon];
    let (asked, ()) = tokio::join!(ask, live(&daemons, HOUR));

    assert_eq!(runner.count("ends"), 2);
    assert!(asked[1..].iter().all(|run| *run == asked[1]) && asked[0] != asked[1], "{asked:?}");
}

/// AB-141: where the other side cannot be reached it is tried every five minutes for an hour, then when it is due again.
#[tokio::test(start_paused = true)]
async fn network_trouble_is_tried_for_an_hour() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[Act::Fails(Code::NetworkBlocked); 13]);
    let daemon = rig.daemon("one", &runner, &[("imports.shop", "every 3 hours")]);

    live(&[&daemon], 6 * HOUR + minutes(30)).await;

    let seen = runner.seen();
    let tries = seen.iter().filter(|seen| seen.2 == "begins" && seen.0 < 5 * 3_600).count();
    assert_eq!(tries, 13, "{seen:?}");
    assert_eq!((runner.count("given up"), runner.count("ends")), (1, 1), "{seen:?}");
}

/// AB-141: a refused key stops the schedule, and nothing else.
#[tokio::test(start_paused = true)]
async fn refused_key_pauses_its_schedule() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[Act::Fails(Code::KeyRefused)]);
    let daemon = rig.daemon("one", &runner, HOURLY);

    live(&[&daemon], 5 * HOUR).await;

    assert_eq!((runner.count("begins"), runner.count("given up")), (1, 1));
    assert!(rig.store.schedules().await.unwrap()[0].paused);
}

/// A rate limit is waited out however long it takes, and does not count as dying.
#[tokio::test(start_paused = true)]
async fn rate_limit_is_waited_out() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[Act::Fails(Code::SlowDown); 40]);
    let daemon = rig.daemon("one", &runner, &[("imports.shop", "daily at 13:00")]);

    live(&[&daemon], 6 * HOUR).await;

    assert_eq!((runner.count("begins"), runner.count("ends"), runner.count("given up")), (41, 1, 0));
}

/// a panic is the failure of its own run; others go on.
#[tokio::test(start_paused = true)]
async fn panic_ends_one_run_only() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[Act::Panics]);
    let daemon =
        rig.daemon("one", &runner, &[("imports.shop", "every hour"), ("replications.lake", "every hour")]);

    live(&[&daemon], HOUR + minutes(5)).await;

    assert_eq!((runner.count("begins"), runner.count("ends"), runner.count("given up")), (2, 1, 1));
    assert_eq!(rig.store.leases().await.unwrap(), []);
}

/// A daemon that is asked to end puts its run back, and the next one goes on with it.
#[tokio::test(start_paused = true)]
async fn stopped_run_is_gone_on_with() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[Act::UntilStopped]);
    live(&[&rig.daemon("one", &runner, HOURLY)], HOUR + minutes(10)).await;
    assert_eq!((runner.count("begins"), runner.count("stops")), (1, 1));

    live(&[&rig.daemon("two", &runner, HOURLY)], minutes(5)).await;

    assert_eq!((runner.count("begins"), runner.count("ends")), (2, 1));
}

/// A run that comes to no safe point does not keep a daemon from ending; it is taken over when its lease has ended.
#[tokio::test(start_paused = true)]
async fn deaf_run_is_taken_over() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[Act::Deaf]);
    live(&[&rig.daemon("one", &runner, HOURLY)], HOUR + minutes(10)).await;
    let ended_at = rig.clock.seconds();
    assert!(ended_at < 70 * 60 + 30, "it ended after {ended_at} s");

    live(&[&rig.daemon("two", &runner, HOURLY)], minutes(5)).await;

    assert_eq!((runner.count("begins"), runner.count("ends")), (2, 1));
}

/// A schedule that was taken out of the project file starts nothing any more.
#[tokio::test(start_paused = true)]
async fn removed_schedule_starts_nothing() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[]);
    live(&[&rig.daemon("one", &runner, HOURLY)], minutes(90)).await;
    assert_eq!(runner.count("begins"), 1);

    live(&[&rig.daemon("two", &runner, &[])], 3 * HOUR).await;

    assert_eq!(runner.count("begins"), 1);
    assert_eq!(rig.store.schedules().await.unwrap(), []);
}
