//! What every store must keep of queue, leases and schedules: the contract of `achub_core::port::jobs`.

mod races;
mod schedules;

use std::{any::Any, collections::HashSet, sync::Arc, time::Duration};

use achub_core::{
    Code, JobName, RunId,
    port::jobs::{JobStore, Lease, Queued, QueuedRun, Trigger},
};
use jiff::{SignedDuration, Timestamp};

pub use self::{races::*, schedules::*};
use crate::clock::SetClock;

/// A fresh store, opened twice, as two processes would.
pub struct Setting {
    pub one: Arc<dyn JobStore>,
    pub other: Arc<dyn JobStore>,
    /// Of both.
    pub clock: Arc<dyn SetClock>,
    /// What lives as long as the check.
    pub _guard: Box<dyn Any + Send>,
}

const TERM: Duration = Duration::from_secs(60);
const AGEING: Duration = Duration::from_secs(600);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).expect("seconds of this century")
}

fn job(name: &str) -> JobName {
    JobName::new(name)
}

fn wish(run: &str, job: &str, trigger: Trigger, second: i64) -> QueuedRun {
    QueuedRun {
        run: RunId::new(run),
        job: JobName::new(job),
        trigger,
        queued_at: at(second),
        not_before: at(second),
        attempts: 0,
    }
}

async fn take(store: &Arc<dyn JobStore>) -> Option<(QueuedRun, Lease)> {
    store.take("host:1", TERM, AGEING).await.unwrap()
}

async fn waiting(store: &Arc<dyn JobStore>) -> Vec<String> {
    store.queued(AGEING).await.unwrap().into_iter().map(|run| run.run.to_string()).collect()
}

/// What is asked for is taken once, as it was asked for, together with the lease of its job.
pub async fn queued_run_is_taken_with_lease(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    let wish = wish("r-1", "import:shop", Trigger::Event, 0);

    assert_eq!(one.queue(&wish).await.unwrap(), Queued::New(wish.run.clone()));
    let (run, lease) = take(other).await.unwrap();

    assert_eq!(run, wish);
    assert_eq!((lease.job.as_str(), &lease.run), ("import:shop", &wish.run));
    assert_eq!(lease.until, at(60), "guard 6: a lease lasts as long as whoever takes it says");
    assert_eq!(lease.holder, "host:1");
    assert_eq!(take(one).await, None);
    assert_eq!(one.leases().await.unwrap(), [lease]);
    assert_eq!(one.now().await.unwrap(), at(0));
}

/// Guards 3 and 4: who asks twice is told the same by every store, the wishes of others are not touched, and a run that
/// ended is no hindrance to the next one.
pub async fn second_wish_joins_until_the_end(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    let first = wish("r-1", "a", Trigger::Schedule, 0);
    one.queue(&first).await.unwrap();

    let joined = other.queue(&wish("r-2", "a", Trigger::Schedule, 0)).await.unwrap();
    let again = other.queue(&first).await.unwrap();
    let elsewhere = other.queue(&wish("r-3", "b", Trigger::Schedule, 0)).await.unwrap();

    assert_eq!(joined, Queued::Joined(first.run.clone()));
    assert_eq!(again, Queued::Joined(first.run.clone()));
    assert_eq!(elsewhere, Queued::New(RunId::new("r-3")));
    let (_, lease) = take(one).await.unwrap();
    one.release(&lease).await.unwrap();
    let next = one.queue(&first).await.unwrap();
    assert_eq!(next, Queued::New(first.run), "the same key once more");
}

/// Guard 7: there is nothing to be cleared away behind runs that ended.
pub async fn ended_run_leaves_nothing(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("r-1", "a", Trigger::Person, 0)).await.unwrap();
    let (_, lease) = take(one).await.unwrap();

    one.release(&lease).await.unwrap();
    one.release(&lease).await.unwrap();

    clock.set(at(1_000)).await;
    assert_eq!(waiting(one).await, [""; 0]);
    assert_eq!(one.leases().await.unwrap(), []);
    assert_eq!(one.abandoned().await.unwrap(), []);
    assert_eq!(one.renew(&lease, TERM).await.unwrap_err().code(), Code::LostLease);
}

/// What follows a run begins when that run has ended, not while it works and not while it was put back.
pub async fn follow_up_waits_for_its_run(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    let first = wish("r-1", "a", Trigger::Schedule, 0);
    one.queue(&first).await.unwrap();
    let (_, lease) = take(one).await.unwrap();
    one.queue(&wish("r-2", "a", Trigger::Event, 0)).await.unwrap();
    assert_eq!(take(other).await, None, "it works");

    let later = QueuedRun { not_before: at(300), ..first.clone() };
    one.postpone(&lease, &later).await.unwrap();

    assert_eq!(take(other).await, None, "it was put back");
    assert_eq!(waiting(other).await, ["r-1", "r-2"]);
    clock.set(at(300)).await;
    let (run, lease) = take(other).await.unwrap();
    assert_eq!(run.run, first.run);
    other.release(&lease).await.unwrap();
    assert_eq!(take(one).await.unwrap().0.run.as_str(), "r-2");
}

/// Guard 1: a run that is put back waits for its moment in the store, not in a process. It counts as begun as often as
/// whoever put it back says.
pub async fn put_back_run_waits_for_its_moment(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    let first = wish("r-1", "a", Trigger::Schedule, 0);
    one.queue(&first).await.unwrap();
    for attempt in 0..3 {
        let (run, lease) = take(one).await.unwrap();
        assert_eq!(run.attempts, attempt);
        let due = at(300 * i64::from(attempt + 1));
        let counted = QueuedRun { not_before: due, attempts: run.attempts + 1, ..first.clone() };
        one.postpone(&lease, &counted).await.unwrap();

        clock.set(due - SignedDuration::from_nanos(1)).await;
        assert_eq!(take(other).await, None);
        assert_eq!(other.leases().await.unwrap(), []);
        clock.set(due).await;
    }
    let (run, lease) = take(other).await.unwrap();
    assert_eq!(run.attempts, 3);
    other.postpone(&lease, &run).await.unwrap();
    assert_eq!(take(other).await.unwrap().0.attempts, 3);
}

/// A person does not wait for what was put off; anything that starts by itself does.
pub async fn only_a_person_shortens_a_wait(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;
    let first = wish("r-1", "a", Trigger::Schedule, 0);
    one.queue(&first).await.unwrap();
    let (_, lease) = take(one).await.unwrap();
    one.postpone(&lease, &QueuedRun { not_before: at(300), ..first }).await.unwrap();

    let followed = one.queue(&wish("r-2", "a", Trigger::Schedule, 0)).await.unwrap();
    assert_eq!(followed, Queued::New(RunId::new("r-2")), "it was begun, so one follows");
    assert_eq!(take(one).await, None);
    let asked = one.queue(&wish("r-3", "a", Trigger::Person, 0)).await.unwrap();

    assert_eq!(asked, Queued::Joined(RunId::new("r-2")));
    assert_eq!(take(one).await.unwrap().0.run.as_str(), "r-1");
}

/// What waits takes on what is more urgent, and can be moved by its own id.
pub async fn waiting_run_takes_on_urgency(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;
    let first = QueuedRun { not_before: at(900), ..wish("r-1", "a", Trigger::Backfill, 0) };
    one.queue(&first).await.unwrap();
    one.queue(&QueuedRun { not_before: at(500), ..wish("r-2", "a", Trigger::Event, 0) }).await.unwrap();
    one.queue(&QueuedRun { not_before: at(700), ..wish("r-3", "a", Trigger::Schedule, 0) }).await.unwrap();

    let run = one.queued(AGEING).await.unwrap().remove(0);
    assert_eq!((run.trigger, run.not_before), (Trigger::Event, at(500)));

    one.queue(&QueuedRun { not_before: at(800), ..first }).await.unwrap();
    assert_eq!(one.queued(AGEING).await.unwrap()[0].not_before, at(800));
}

/// By trigger, and of one class by age; nobody gains by a moment that is to come.
pub async fn turns_go_by_trigger_and_age(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(1_000)).await;
    for (run, trigger, second) in [
        ("backfill", Trigger::Backfill, 0),
        ("schedule", Trigger::Schedule, 100),
        ("event", Trigger::Event, 500),
        ("event of tomorrow", Trigger::Event, 90_000),
        ("late person", Trigger::Person, 900),
        ("person", Trigger::Person, 600),
    ] {
        one.queue(&wish(run, run, trigger, second)).await.unwrap();
    }
    let order = async |ageing| {
        let runs = one.queued(Duration::from_secs(ageing)).await.unwrap();
        runs.into_iter().map(|run| run.run.to_string()).collect::<Vec<_>>()
    };

    let by_trigger = ["person", "late person", "event", "event of tomorrow", "schedule", "backfill"];
    assert_eq!(order(3_600).await, by_trigger);
    let by_age = ["backfill", "schedule", "event", "person", "late person", "event of tomorrow"];
    assert_eq!(order(0).await, by_age);
    let queued = one.queued(AGEING).await.unwrap();
    assert!(
        queued.iter().all(|run| run.queued_at <= at(1_000)),
        "nobody has to wait for tomorrow to grow older"
    );
}

/// The classes above are reached one by one, each after the time that was named.
pub async fn ageing_lifts_class_by_class(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("old", "old", Trigger::Backfill, 0)).await.unwrap();
    for (second, trigger, is_first) in [
        (600, Trigger::Schedule, false),
        (601, Trigger::Schedule, true),
        (1_200, Trigger::Event, false),
        (1_201, Trigger::Event, true),
        (1_800, Trigger::Person, false),
        (1_801, Trigger::Person, true),
    ] {
        clock.set(at(second)).await;
        one.queue(&wish("new", "new", trigger, second)).await.unwrap();

        let expected = if is_first { "old" } else { "new" };
        assert_eq!(waiting(one).await[0], expected, "{trigger:?} after {second} s");
        assert!(one.ask_to_stop(&RunId::new("new")).await.unwrap());
    }
}

/// J-02, J-05, guard 9: the work of a process that stands still is taken over when its lease ends, and whatever that
/// process does when it wakes up is refused.
pub async fn lapsed_lease_is_taken_over(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    let first = wish("r-1", "a", Trigger::Schedule, 0);
    one.queue(&first).await.unwrap();
    let (_, asleep) = take(one).await.unwrap();
    clock.set(at(59)).await;
    assert_eq!(other.abandoned().await.unwrap(), []);
    assert_eq!(take(other).await, None);

    clock.set(at(60)).await;
    let abandoned = other.abandoned().await.unwrap();
    let (run, lease) = take(other).await.unwrap();

    assert_eq!(abandoned, [QueuedRun { not_before: at(60), attempts: 1, ..first.clone() }]);
    assert_eq!((run.run, run.attempts), (first.run.clone(), 1));
    assert!(lease.fence > asleep.fence);
    assert_eq!(one.renew(&asleep, TERM).await.unwrap_err().code(), Code::LostLease);
    assert_eq!(one.postpone(&asleep, &first).await.unwrap_err().code(), Code::LostLease);
    one.release(&asleep).await.unwrap();
    assert_eq!(
        other.leases().await.unwrap(),
        std::slice::from_ref(&lease),
        "it is not touched by the sleeper"
    );
    assert_eq!(other.renew(&lease, TERM).await.unwrap().until, at(120));
}

/// A run that was given up can be written by nobody until it is taken again; it is given out once.
pub async fn abandoned_run_is_given_out_once(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("r-1", "a", Trigger::Schedule, 0)).await.unwrap();
    let (_, asleep) = take(one).await.unwrap();
    clock.set(at(61)).await;

    assert_eq!(other.abandoned().await.unwrap().len(), 1);

    assert_eq!(one.renew(&asleep, TERM).await.unwrap_err().code(), Code::LostLease);
    assert_eq!(other.abandoned().await.unwrap(), []);
    assert_eq!(waiting(one).await, ["r-1"], "nothing is lost where its finder dies");
}

/// A pause that nobody noticed costs nothing.
pub async fn unnoticed_sleeper_renews_its_lease(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("r-1", "a", Trigger::Schedule, 0)).await.unwrap();
    let (_, lease) = take(one).await.unwrap();

    clock.set(at(100)).await;
    let renewed = one.renew(&lease, TERM).await.unwrap();

    assert_eq!((renewed.fence, renewed.until), (lease.fence, at(160)));
    assert_eq!(one.abandoned().await.unwrap(), []);
}

/// Guard 2: each crash counts, so that whoever takes the run sees how often it was begun and can give it up.
pub async fn attempts_rise_with_every_crash(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("r-1", "a", Trigger::Schedule, 0)).await.unwrap();
    for crash in 0..5 {
        let (run, _) = take(one).await.unwrap();
        assert_eq!(run.attempts, crash);
        clock.set(at(61 * i64::from(crash + 1))).await;
        assert_eq!(other.abandoned().await.unwrap()[0].attempts, crash + 1);
    }

    let (run, lease) = take(other).await.unwrap();
    assert_eq!(run.attempts, 5);
    other.release(&lease).await.unwrap();

    clock.set(at(10_000)).await;
    assert_eq!(other.abandoned().await.unwrap(), []);
    assert_eq!(take(other).await, None, "whoever took it gave it up for good");
}

/// J-07: a run from the command line and one of the daemon keep off each other.
pub async fn lease_is_refused_while_held(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    let at_hand = RunId::new("r-hand");
    let lease = one.lease(&job("a"), &at_hand, "host:7", TERM).await.unwrap().unwrap();
    one.queue(&wish("r-1", "a", Trigger::Schedule, 0)).await.unwrap();

    assert_eq!(take(other).await, None);
    let refused = other.lease(&job("a"), &RunId::new("r-2"), "host:8", TERM).await.unwrap().unwrap_err();

    assert_eq!(refused, lease);
    one.release(&lease).await.unwrap();
    let (_, queued) = take(other).await.unwrap();
    assert!(queued.fence > lease.fence);
    let refused = one.lease(&job("a"), &at_hand, "host:7", TERM).await.unwrap().unwrap_err();
    assert_eq!(refused.run.as_str(), "r-1");
}

/// A run that somebody began by hand and that died is reported, and not continued without him.
pub async fn unasked_run_is_not_continued(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.lease(&job("a"), &RunId::new("r-hand"), "host:7", TERM).await.unwrap().unwrap();
    one.queue(&wish("r-1", "a", Trigger::Schedule, 0)).await.unwrap();
    clock.set(at(60)).await;

    let abandoned = one.abandoned().await.unwrap();

    assert_eq!(abandoned.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(), ["r-hand"]);
    assert_eq!(waiting(one).await, ["r-1"]);
    assert_eq!(one.abandoned().await.unwrap(), []);
}

/// Who is asked to stop sees it; what waits leaves the queue; and neither a delay nor a crash brings it back.
pub async fn asked_to_stop_means_no_return(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    for run in ["r-1", "r-2", "r-3"] {
        one.queue(&wish(run, run, Trigger::Person, 0)).await.unwrap();
    }
    assert!(other.ask_to_stop(&RunId::new("r-3")).await.unwrap());
    assert!(!other.ask_to_stop(&RunId::new("r-3")).await.unwrap(), "it is gone");
    let (first, lease) = take(one).await.unwrap();
    let (second, _) = take(one).await.unwrap();
    assert!(!one.is_asked_to_stop(&first.run).await.unwrap());

    for run in [&first.run, &second.run] {
        assert!(other.ask_to_stop(run).await.unwrap());
        assert!(one.is_asked_to_stop(run).await.unwrap());
    }
    one.postpone(&lease, &first).await.unwrap();
    clock.set(at(61)).await;

    assert_eq!(one.abandoned().await.unwrap().len(), 1);
    assert_eq!(waiting(one).await, [""; 0]);
}

/// I-01, SY-104: a clock that was ahead by an hour when leases and moments were written keeps nothing waiting for an hour.
pub async fn clock_going_back_delays_nothing(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(3_600)).await;
    let put_back = wish("r-1", "a", Trigger::Schedule, 3_600);
    one.queue(&put_back).await.unwrap();
    one.queue(&wish("r-2", "b", Trigger::Schedule, 3_600)).await.unwrap();
    let (_, lease) = take(one).await.unwrap();
    one.postpone(&lease, &QueuedRun { not_before: at(3_900), ..put_back }).await.unwrap();
    take(one).await.unwrap();

    clock.set(at(0)).await;
    assert_eq!(other.abandoned().await.unwrap(), [], "the holder may be alive");
    let fault = other.clock_fault(at(0)).await.unwrap().unwrap();
    assert_eq!(fault.code(), Code::ClockJumped);
    assert!(other.clock_fault(at(0)).await.unwrap().is_none(), "it is told once");

    clock.set(at(61)).await;
    let abandoned = other.abandoned().await.unwrap();
    assert_eq!(abandoned.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(), ["r-2"]);
    assert_eq!(take(other).await.unwrap().0.run.as_str(), "r-2");
    clock.set(at(300)).await;
    assert_eq!(take(other).await.unwrap().0.run.as_str(), "r-1");
}

/// A holder whose clock jumps with the store's keeps its lease by renewing it.
pub async fn holder_survives_clock_jumps(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("r-1", "a", Trigger::Schedule, 0)).await.unwrap();
    let (_, mut lease) = take(one).await.unwrap();

    for jump in [3_600, -3_600, 86_400, 0] {
        clock.set(at(jump)).await;
        lease = one.renew(&lease, TERM).await.unwrap();
        assert_eq!(lease.until, at(jump + 60));
        assert_eq!(other.abandoned().await.unwrap(), []);
    }
}

/// SY-104: more than 30 s between the clocks of process and store are told, whichever is ahead.
pub async fn clocks_apart_are_told(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;

    for (process, is_told) in [(-31, true), (-30, false), (0, false), (30, false), (31, true)] {
        let fault = one.clock_fault(at(process)).await.unwrap();
        let code = fault.as_ref().map(achub_core::Error::code);
        assert_eq!(code, is_told.then_some(Code::ClockJumped), "{process} s");
    }
    let fault = one.clock_fault(at(71)).await.unwrap().unwrap();
    assert_eq!(fault.message(), "the clock of this machine is 71 s ahead of the clock of the store");
}

/// A caller's defects are told as such and change nothing.
pub async fn senseless_wishes_are_refused(setting: Setting) {
    let Setting { one, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.queue(&wish("r-1", "a", Trigger::Person, 0)).await.unwrap();
    for term in [Duration::ZERO, Duration::from_secs(86_401), Duration::MAX] {
        assert_eq!(one.take("x", term, AGEING).await.unwrap_err().code(), Code::Bug);
    }
    assert_eq!(one.queue(&wish("r-1", "b", Trigger::Person, 0)).await.unwrap_err().code(), Code::Bug);
    let (_, lease) = take(one).await.unwrap();

    let refused = one.postpone(&lease, &wish("r-2", "a", Trigger::Person, 0)).await.unwrap_err();

    assert_eq!(refused.code(), Code::Bug);
    assert_eq!(one.leases().await.unwrap(), [lease]);
}

/// Makes one test per check; `$fresh` gives a [`Setting`].
macro_rules! jobs_suite {
    ($fresh:expr) => {
        jobs_suite! { $fresh =>
            queued_run_is_taken_with_lease second_wish_joins_until_the_end ended_run_leaves_nothing
            follow_up_waits_for_its_run put_back_run_waits_for_its_moment only_a_person_shortens_a_wait
            waiting_run_takes_on_urgency turns_go_by_trigger_and_age ageing_lifts_class_by_class
            lapsed_lease_is_taken_over abandoned_run_is_given_out_once unnoticed_sleeper_renews_its_lease
            attempts_rise_with_every_crash lease_is_refused_while_held unasked_run_is_not_continued
            asked_to_stop_means_no_return clock_going_back_delays_nothing holder_survives_clock_jumps
            clocks_apart_are_told senseless_wishes_are_refused
            hundred_wishes_make_one_follow_up takers_never_share_a_run random_walk_keeps_one_holder
            schedule_comes_back_as_put changed_schedule_is_not_overwritten due_time_is_used_once
            removed_schedule_forgets_what_waits
        }
    };
    ($fresh:expr => $($check:ident)*) => {
        mod queue {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                crate::jobs::$check($fresh.await).await;
            })*
        }
    };
}
pub(crate) use jobs_suite;

/// The ids of runs, each once.
fn ids(runs: &[RunId]) -> HashSet<&RunId> {
    runs.iter().collect()
}
