//! Full checks against the played account: what is gone, and what only seems to be.

use achub_connectors::sqlite::SqliteTarget;
use achub_core::{
    code::Class,
    port::target::{Absence, AbsenceAction, Tally, Target},
};
use achub_engine::{
    Replication, Summary,
    hub::{Drift, StreamSummary},
    replication::{FullCheck, Mode},
};
use serde_json::json;

use crate::activecampaign::rig::{Rig, assert_done, replicating};

const CONTACTS: u64 = 200;

/// A database in a folder of its own.
struct Landed {
    target: SqliteTarget,
    _folder: tempfile::TempDir,
}

impl Landed {
    async fn new() -> Landed {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let target = SqliteTarget::open(folder.path().join("target.db")).await.expect("the folder is there");
        Landed { target, _folder: folder }
    }

    /// Contacts that are not marked as gone.
    async fn live(&self) -> u64 {
        self.live_in("contacts").await
    }

    async fn live_in(&self, table: &str) -> u64 {
        let null = Some("_achub_deleted_at".to_owned());
        let tally = Tally { schema: None, table: table.to_owned(), equals: None, null, by: None };
        let counts = self.target.tally(&tally).await.expect("the table is there");
        counts.expect("the table is there").values().sum()
    }

    async fn run(&self, rig: &Rig, replication: &Replication) -> Summary {
        rig.run_into(&self.target, replication).await
    }
}

/// Contacts, incrementally, with a full check in every run.
fn checked() -> Replication {
    Replication { full_check: FullCheck::Now, ..replicating(&["contacts"], Mode::Incremental) }
}

fn without_floor() -> Replication {
    let mut replication = checked();
    replication.landing.absence = Some(Absence { action: AbsenceAction::Mark, floor_percent: 0, only: None });
    replication
}

fn contacts(summary: &Summary) -> &StreamSummary {
    &summary.streams[0]
}

/// P4, R4: what was deleted is marked at the second sighting, by another run, and told as a number; a run that only waits
/// ends well.
#[tokio::test]
async fn deleted_contacts_are_marked_at_the_second_sighting() {
    let (rig, landed) = (Rig::with_contacts(CONTACTS), Landed::new().await);
    assert_done(&landed.run(&rig, &checked()).await);
    rig.account.mutate(json!({"collection": "contacts", "delete": 10, "seed": 3})).await;

    let first = landed.run(&rig, &checked()).await;
    let seen_once = landed.live().await;
    let second = landed.run(&rig, &checked()).await;
    let third = landed.run(&rig, &checked()).await;

    assert_done(&first);
    assert_eq!((first.waiting, contacts(&first).outcomes.held, seen_once), (10, 10, CONTACTS));
    assert_done(&second);
    assert_eq!((second.waiting, contacts(&second).outcomes.removed), (0, 10));
    assert_eq!(landed.live().await, CONTACTS - 10);
    assert_done(&third);
    assert_eq!((third.waiting, contacts(&third).outcomes.removed, third.drift), (0, 0, Drift::default()));
}

/// E-10: an account that was emptied removes nothing, however often it is looked at; a person may say that it is so.
#[tokio::test]
async fn emptied_account_removes_nothing_by_itself() {
    let (rig, landed) = (Rig::with_contacts(CONTACTS), Landed::new().await);
    assert_done(&landed.run(&rig, &checked()).await);
    rig.account.mutate(json!({"collection": "contacts", "delete": CONTACTS, "seed": 3})).await;

    for _ in 0..3 {
        let guarded = landed.run(&rig, &checked()).await;

        assert_eq!(guarded.class(), Some(Class::Guard), "{guarded:?}");
        assert_eq!(contacts(&guarded).findings[0].0, "GD-101");
        assert_eq!((guarded.waiting, landed.live().await), (0, CONTACTS));
    }

    let first = landed.run(&rig, &without_floor()).await;
    assert_eq!((first.class(), first.waiting, landed.live().await), (None, CONTACTS, CONTACTS));
    let second = landed.run(&rig, &without_floor()).await;
    assert_eq!((second.class(), landed.live().await), (None, 0));
}

/// E-11: an account that shows half of its contacts for one run loses none of them, and the next run is well again.
#[tokio::test]
async fn half_shown_account_recovers_by_itself() {
    let (rig, landed) = (Rig::with_contacts(CONTACTS), Landed::new().await);
    assert_done(&landed.run(&rig, &checked()).await);
    // The same account once more, played without half of its contacts.
    let half = Rig::with_contacts(CONTACTS);
    half.account.mutate(json!({"collection": "contacts", "delete": CONTACTS / 2, "seed": 3})).await;

    let guarded = landed.run(&half, &checked()).await;
    let well = landed.run(&rig, &checked()).await;

    assert_eq!((guarded.class(), guarded.waiting), (Some(Class::Guard), 0));
    assert_done(&well);
    assert_eq!((well.waiting, well.drift, landed.live().await), (0, Drift::default(), CONTACTS));
}

/// A contact that seemed to be gone once and is shown again is not waited for any more.
#[tokio::test]
async fn contact_shown_again_starts_over() {
    let (rig, landed) = (Rig::with_contacts(CONTACTS), Landed::new().await);
    assert_done(&landed.run(&rig, &checked()).await);
    let short = Rig::with_contacts(CONTACTS);
    short.account.mutate(json!({"collection": "contacts", "delete": 5, "seed": 3})).await;

    for (account, waiting) in [(&short, 5), (&rig, 0), (&short, 5), (&rig, 0)] {
        let summary = landed.run(account, &checked()).await;

        assert_eq!((summary.class(), summary.waiting, landed.live().await), (None, waiting, CONTACTS));
    }
}

/// Tags removed without a trace on their contact are found by the sweep, and gone at once: their contact was shown.
#[tokio::test]
async fn removed_tags_are_found_by_the_sweep() {
    let (rig, landed) = (Rig::with_contacts(CONTACTS), Landed::new().await);
    let streams = ["contacts", "contact_tags"];
    let checked = Replication { full_check: FullCheck::Now, ..replicating(&streams, Mode::Incremental) };
    assert_done(&landed.run(&rig, &checked).await);
    let before = landed.live_in("contact_tags").await;
    rig.account.mutate(json!({"collection": "contactTags", "delete": 20, "seed": 3})).await;

    let changes = Replication { full_check: FullCheck::Never, ..checked.clone() };
    landed.run(&rig, &changes).await;
    let by_changes = landed.live_in("contact_tags").await;
    let sweep = landed.run(&rig, &checked).await;

    assert_done(&sweep);
    assert_eq!(by_changes, before, "nothing told of it");
    assert_eq!(landed.live_in("contact_tags").await, before - 20);
    assert_eq!(rig.truth("contact_tags").await.len() as u64, before - 20);
}

/// Issue 3 B: of streams that cannot be asked for changes only what differs is written.
#[tokio::test]
async fn whole_streams_write_only_differences() {
    let (rig, landed) = (Rig::with_contacts(CONTACTS), Landed::new().await);
    let streams = ["lists", "tags", "deal_pipelines", "deal_stages", "users", "automations"];
    let replication =
        Replication { full_check: FullCheck::Never, ..replicating(&streams, Mode::Incremental) };
    assert_done(&landed.run(&rig, &replication).await);

    let unchanged = landed.run(&rig, &replication).await;
    rig.account.mutate(json!({"collection": "tags", "change": 3, "create": 2, "seed": 3})).await;
    let changed = landed.run(&rig, &replication).await;

    assert_done(&unchanged);
    for stream in &unchanged.streams {
        let outcomes = stream.outcomes;
        assert_eq!((outcomes.added, outcomes.changed, outcomes.removed), (0, 0, 0), "{}", stream.stream);
        assert!(outcomes.same > 0, "{} was compared", stream.stream);
    }
    assert_done(&changed);
    for stream in &changed.streams {
        let written = (stream.outcomes.added, stream.outcomes.changed);
        let expected = if stream.stream.as_str() == "tags" { (2, 3) } else { (0, 0) };
        assert_eq!(written, expected, "{}", stream.stream);
    }
}

/// Issue 3 B: after each run the counts of lists and tags are held against the tables, for free. A tag that was removed
/// without a trace shows as a number before any sweep; it waits for the full check and is no failure.
#[tokio::test]
async fn counters_tell_deletions_without_a_sweep() {
    let (rig, landed) = (Rig::with_contacts(CONTACTS), Landed::new().await);
    let streams = ["contacts", "contact_tags", "contact_lists", "tags", "lists"];
    let changes = Replication { full_check: FullCheck::Never, ..replicating(&streams, Mode::Incremental) };
    let first = landed.run(&rig, &changes).await;
    assert_done(&first);
    assert_eq!(first.drift, Drift::default());
    assert_done(&landed.run(&rig, &changes).await);
    rig.account.mutate(json!({"collection": "contactTags", "delete": 20, "seed": 3})).await;

    let drifted = landed.run(&rig, &changes).await;

    assert_done(&drifted);
    assert_eq!((drifted.drift, drifted.waiting), (Drift::default(), 20));
    assert_eq!((drifted.streams[1].stream.as_str(), drifted.streams[1].waiting), ("contact_tags", 20));
}
