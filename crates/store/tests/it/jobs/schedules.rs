//! Schedules.

use std::sync::Arc;

use achub_core::{
    RunId,
    port::jobs::{Queued, ScheduleState, Trigger},
};
use serde_json::json;

use super::{Setting, at, job, take, waiting, wish};

fn hourly(next: i64) -> ScheduleState {
    ScheduleState {
        job: job("import:shop"),
        definition: json!({ "every": "1h", "zone": "Europe/Berlin", "at": [1, 2.5, null] }),
        next_at: Some(at(next)),
        last_at: None,
        paused: false,
    }
}

/// A schedule comes back exactly as it was put, and a second put replaces the first.
pub async fn schedule_comes_back_as_put(setting: Setting) {
    let Setting { one, other, .. } = &setting;
    let never =
        ScheduleState { job: job("b"), next_at: None, last_at: Some(at(9)), paused: true, ..hourly(0) };

    assert!(one.put_schedule(&hourly(0), None).await.unwrap());
    assert!(one.put_schedule(&never, None).await.unwrap());
    assert!(one.put_schedule(&hourly(3_600), None).await.unwrap());

    assert_eq!(other.schedules().await.unwrap(), [never, hourly(3_600)]);
}

/// Whoever has read something else than what is remembered by now writes nothing: a pause set meanwhile stays.
pub async fn changed_schedule_is_not_overwritten(setting: Setting) {
    let Setting { one, other, .. } = &setting;
    assert!(!one.put_schedule(&hourly(1), Some(&hourly(0))).await.unwrap(), "there is none");
    one.put_schedule(&hourly(0), None).await.unwrap();
    let paused = ScheduleState { paused: true, ..hourly(0) };
    other.put_schedule(&paused, None).await.unwrap();

    assert!(!one.put_schedule(&hourly(1), Some(&hourly(0))).await.unwrap());

    assert_eq!(one.schedules().await.unwrap(), std::slice::from_ref(&paused));
    assert!(one.put_schedule(&hourly(1), Some(&paused)).await.unwrap());
}

/// Guard 8: of schedulers that see one due time at once, one starts its run, however often they try.
pub async fn due_time_is_used_once(setting: Setting) {
    const SCHEDULERS: usize = 12;
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.put_schedule(&hourly(0), None).await.unwrap();
    let moved = ScheduleState { last_at: Some(at(0)), ..hourly(3_600) };

    let tasks: Vec<_> = (0..SCHEDULERS)
        .map(|number| {
            let store = Arc::clone([one, other][number % 2]);
            let moved = moved.clone();
            let wish = wish(&format!("r-{number}"), "import:shop", Trigger::Schedule, 0);
            tokio::spawn(async move { store.start_due(&moved, &hourly(0), &wish).await.unwrap() })
        })
        .collect();
    let mut started = Vec::new();
    for task in tasks {
        started.extend(task.await.unwrap());
    }

    assert_eq!(started.len(), 1, "{started:?}");
    assert!(matches!(&started[0], Queued::New(_)));
    assert_eq!(waiting(one).await, [started[0].run().as_str()]);
    assert_eq!(one.schedules().await.unwrap(), [moved]);
}

/// With a schedule goes what waits for its job; what works is left to end, and other jobs are not touched.
pub async fn removed_schedule_forgets_what_waits(setting: Setting) {
    let Setting { one, other, clock, .. } = &setting;
    clock.set(at(0)).await;
    one.put_schedule(&hourly(0), None).await.unwrap();
    one.queue(&wish("r-1", "import:shop", Trigger::Person, 0)).await.unwrap();
    let (_, lease) = take(one).await.unwrap();
    one.queue(&wish("r-2", "import:shop", Trigger::Schedule, 0)).await.unwrap();
    one.queue(&wish("r-3", "b", Trigger::Schedule, 0)).await.unwrap();

    other.remove_schedule(&job("import:shop")).await.unwrap();
    other.remove_schedule(&job("import:shop")).await.unwrap();

    assert_eq!(one.schedules().await.unwrap(), []);
    assert_eq!(waiting(one).await, ["r-3"]);
    assert_eq!(one.leases().await.unwrap(), [lease]);
    assert!(!one.ask_to_stop(&RunId::new("r-2")).await.unwrap());
}
