//! What every store must keep of the activity log: the contract of `achub_core::port::activity`.

use std::{any::Any, sync::Arc};

use achub_core::{
    ConnectionName, RunId,
    port::activity::{
        Activity, ActivityFilter, ActivityLine, ActivityStatus, ActivityStore, ActivityType, Chain,
        Direction, ObjectType, ValueChange,
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

/// A fresh store, opened twice, as two processes would.
pub struct Setting {
    pub one: Arc<dyn ActivityStore>,
    pub other: Arc<dyn ActivityStore>,
    /// What lives as long as the check.
    pub _guard: Box<dyn Any + Send>,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).expect("seconds of this century")
}

fn plain(second: i64) -> Activity {
    Activity {
        at: at(second),
        kind: ActivityType::Success,
        message: "Updated record".to_owned(),
        object: ObjectType::Contact,
        key: second.to_string(),
        direction: None,
        status: None,
        connection: None,
        run: None,
        code: None,
        changes: Vec::new(),
    }
}

fn full(second: i64) -> Activity {
    let change = |field: &str| ValueChange {
        field: field.to_owned(),
        before: String::new(),
        after: "a \"quoted\" \u{0} \u{1a}0 text".to_owned(),
    };
    Activity {
        kind: ActivityType::Error,
        message: "Error: duplicate \u{0}".to_owned(),
        direction: Some(Direction::ToHub),
        status: Some(ActivityStatus::Failed),
        connection: Some(ConnectionName::new("shop")),
        run: Some(RunId::new("r-1")),
        code: Some("DUPLICATE_VALUE".to_owned()),
        changes: vec![change("first_name"), change("email")],
        ..plain(second)
    }
}

async fn newest(store: &Arc<dyn ActivityStore>, filter: ActivityFilter) -> Vec<i64> {
    let lines = store.activity(&filter, 100).await.unwrap();
    lines.into_iter().map(|line| line.number).collect()
}

async fn everything(store: &Arc<dyn ActivityStore>) -> Vec<ActivityLine> {
    store.activity(&ActivityFilter::default(), u32::MAX).await.unwrap()
}

/// AB-103…106, AB-114: lines come back as they were written, the newest first, numbered without gaps.
pub async fn lines_come_back_newest_first(setting: Setting) {
    let Setting { one, other, .. } = &setting;
    assert_eq!(one.check_activity().await.unwrap(), Chain::Whole(0));
    one.append_activity(&[]).await.unwrap();
    one.append_activity(&[plain(5), full(4)]).await.unwrap();
    other.append_activity(&[plain(6)]).await.unwrap();

    let lines = everything(one).await;

    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [3, 2, 1]);
    let said: Vec<_> = lines.iter().map(|line| line.activity.clone()).collect();
    assert_eq!(said, [plain(6), full(4), plain(5)]);
    assert_eq!(one.activity(&ActivityFilter::default(), 1).await.unwrap(), lines[..1]);
    assert!(lines.iter().all(|line| line.hash.len() == 64));
    assert_eq!(other.check_activity().await.unwrap(), Chain::Whole(3));
}

/// AB-107: each condition of a filter counts, and all of them together.
pub async fn lines_are_found_by_filter(setting: Setting) {
    let Setting { one, .. } = &setting;
    let other = Activity {
        connection: Some(ConnectionName::new("other")),
        run: Some(RunId::new("r-2")),
        status: Some(ActivityStatus::Skipped),
        kind: ActivityType::Warning,
        object: ObjectType::Run,
        ..plain(3)
    };
    one.append_activity(&[plain(1), full(2), other]).await.unwrap();
    let any = ActivityFilter::default;

    for (filter, expected) in [
        (any(), &[3, 2, 1][..]),
        (ActivityFilter { from: Some(at(2)), ..any() }, &[3, 2]),
        (ActivityFilter { until: Some(at(2)), ..any() }, &[1]),
        (ActivityFilter { kind: Some(ActivityType::Error), ..any() }, &[2]),
        (ActivityFilter { status: Some(ActivityStatus::Skipped), ..any() }, &[3]),
        (ActivityFilter { object: Some(ObjectType::Contact), ..any() }, &[2, 1]),
        (ActivityFilter { object: Some(ObjectType::Deal), ..any() }, &[]),
        (ActivityFilter { key: Some("1".to_owned()), ..any() }, &[1]),
        (ActivityFilter { run: Some(RunId::new("r-1")), ..any() }, &[2]),
        (ActivityFilter { connection: Some(ConnectionName::new("other")), ..any() }, &[3]),
        (ActivityFilter { before_number: Some(3), ..any() }, &[2, 1]),
        (ActivityFilter { from: Some(at(2)), object: Some(ObjectType::Contact), ..any() }, &[2]),
    ] {
        assert_eq!(newest(one, filter.clone()).await, expected, "{filter:?}");
    }
}

/// The chain does not fork where several processes write at once.
pub async fn chain_of_many_writers_holds(setting: Setting) {
    const WRITERS: i64 = 8;
    const APPENDS: i64 = 10;
    let Setting { one, other, .. } = &setting;

    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(if writer % 2 == 0 { one } else { other });
            tokio::spawn(async move {
                for append in 0..APPENDS {
                    store.append_activity(&[plain(writer), full(append)]).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }

    let lines = 2 * WRITERS * APPENDS;
    assert_eq!(one.check_activity().await.unwrap(), Chain::Whole(lines as u64));
    let numbers: Vec<i64> = everything(other).await.into_iter().map(|line| line.number).collect();
    assert_eq!(numbers, (1..=lines).rev().collect::<Vec<_>>());
}

/// More lines than one statement takes, than are checked at a time, and than are forgotten at a time.
pub async fn long_chain_holds(setting: Setting) {
    let Setting { one, .. } = &setting;
    let lines: Vec<Activity> = (0..2_000).map(plain).collect();

    one.append_activity(&lines).await.unwrap();
    one.append_activity(&lines[..1]).await.unwrap();

    assert_eq!(one.check_activity().await.unwrap(), Chain::Whole(2_001));
    for _ in 0..5 {
        one.append_activity(&lines).await.unwrap();
    }
    assert_eq!(
        one.forget_activity_before(at(1_000_000)).await.unwrap(),
        12_001,
        "in more than one transaction"
    );
    assert_eq!(one.check_activity().await.unwrap(), Chain::Whole(0));
}

/// What is old is forgotten up to the first line that is not, and the rest can still be checked and continued.
pub async fn chain_holds_after_old_lines_went(setting: Setting) {
    let Setting { one, other, .. } = &setting;
    one.append_activity(&[plain(1), plain(2), plain(9), plain(3)]).await.unwrap();
    assert_eq!(one.forget_activity_before(at(1)).await.unwrap(), 0);

    assert_eq!(one.forget_activity_before(at(5)).await.unwrap(), 2);

    assert_eq!(newest(one, ActivityFilter::default()).await, [4, 3]);
    assert_eq!(one.check_activity().await.unwrap(), Chain::Whole(2));
    assert_eq!(one.forget_activity_before(at(100)).await.unwrap(), 2);
    assert_eq!(one.check_activity().await.unwrap(), Chain::Whole(0));
    other.append_activity(&[plain(10)]).await.unwrap();
    assert_eq!(newest(one, ActivityFilter::default()).await, [5], "numbers go on");
    assert_eq!(one.check_activity().await.unwrap(), Chain::Whole(1));
}

/// Somebody who changes the database without this program.
#[async_trait]
pub trait Tamper {
    async fn run(&self, sql: &str);
}

/// What is done to a log of five lines, the first of which was forgotten, and at which number it shows.
const TAMPERINGS: &[(&str, i64)] = &[
    ("UPDATE activity SET message = 'Created new record' WHERE number = 3", 3),
    ("UPDATE activity SET at_ns = at_ns + 1 WHERE number = 3", 3),
    ("UPDATE activity SET kind = 'warning' WHERE number = 3", 3),
    ("UPDATE activity SET object = 'deal' WHERE number = 3", 3),
    ("UPDATE activity SET object_key = '77' WHERE number = 3", 3),
    ("UPDATE activity SET direction = 'from_hub' WHERE number = 3", 3),
    ("UPDATE activity SET status = NULL WHERE number = 3", 3),
    ("UPDATE activity SET connection = 'other' WHERE number = 3", 3),
    ("UPDATE activity SET run = 'r-2' WHERE number = 3", 3),
    ("UPDATE activity SET run = connection, connection = run WHERE number = 3", 3),
    ("UPDATE activity SET code = '' WHERE number = 2", 2),
    ("UPDATE activity SET changes = '[]' WHERE number = 3", 3),
    ("UPDATE activity SET hash = '00' WHERE number = 3", 3),
    ("UPDATE activity SET message = 'no words of ours', kind = 'odd' WHERE number = 5", 5),
    ("DELETE FROM activity WHERE number = 2", 3),
    ("DELETE FROM activity WHERE number = 3", 4),
    ("DELETE FROM activity WHERE number = 5", 5),
    ("DELETE FROM activity", 2),
    (
        "UPDATE activity SET number = 30 WHERE number = 3; UPDATE activity SET number = 3 WHERE number = 4;
         UPDATE activity SET number = 4 WHERE number = 30",
        3,
    ),
    ("UPDATE activity SET number = 6 WHERE number = 5", 5),
    (
        "INSERT INTO activity SELECT 6, at_ns, kind, message, object, object_key, direction, status, connection, run,
                                     code, changes, hash FROM activity WHERE number = 5",
        6,
    ),
];

const BEGIN_ANEW: &str = "
    DELETE FROM activity;
    UPDATE activity_chain SET base_number = 0, base_hash = '', head_number = 0, head_hash = ''";

/// Each of [`TAMPERINGS`] shows where it was done.
pub async fn tampering_is_found(setting: Setting, editor: &dyn Tamper) {
    let Setting { one, other, .. } = &setting;
    for (sql, number) in TAMPERINGS {
        editor.run(BEGIN_ANEW).await;
        one.append_activity(&[plain(1), plain(2), full(3), plain(4), full(5)]).await.unwrap();
        assert_eq!(one.forget_activity_before(at(2)).await.unwrap(), 1);
        assert_eq!(other.check_activity().await.unwrap(), Chain::Whole(4));

        editor.run(sql).await;

        assert_eq!(other.check_activity().await.unwrap(), Chain::BrokenAt(*number), "{sql}");
    }
}

/// Makes one test per check; `$fresh` gives a [`Setting`].
macro_rules! activity_suite {
    ($fresh:expr) => {
        activity_suite! { $fresh =>
            lines_come_back_newest_first lines_are_found_by_filter chain_of_many_writers_holds long_chain_holds
            chain_holds_after_old_lines_went
        }
    };
    ($fresh:expr => $($check:ident)*) => {
        mod activity_log {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                crate::activity::$check($fresh.await).await;
            })*
        }
    };
}
pub(crate) use activity_suite;
