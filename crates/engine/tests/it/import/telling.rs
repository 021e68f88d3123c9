//! What is told of an import: activity log, log, record of the run.

use achub_core::{
    consent::ListStatus,
    port::{
        activity::{Activity, ActivityStatus, ActivityType, ObjectType},
        journal::JournalStore,
    },
};

use crate::import::{
    rig::Rig,
    source::{Script, contact, crowd, on, rich},
};

fn words(line: &Activity) -> (ActivityType, &str, ObjectType, Option<ActivityStatus>) {
    (line.kind, line.message.as_str(), line.object, line.status)
}

/// AB-104…114: the words are fixed, and each change has its old and new value.
#[tokio::test]
async fn activity_log_speaks_in_fixed_words() {
    let rig = Rig::new();
    rig.import(&Script::of(vec![vec![rich(7, "ann@example.com")]])).await;
    let mut ann = rich(7, "ann@example.com");
    ann.first_name = Some("Anna".to_owned());
    rig.import(&Script::of(vec![vec![ann]])).await;
    rig.import(&Script::of(vec![vec![contact(8, "nobody")]])).await;

    let lines = rig.activity().await;

    let (success, error) = (ActivityType::Success, ActivityType::Error);
    let (contact, run) = (ObjectType::Contact, ObjectType::Run);
    let told: Vec<_> = lines.iter().map(words).collect();
    assert_eq!(told[0], (success, "Created new record", contact, Some(ActivityStatus::Created)));
    assert_eq!(told[1], (success, "Synced successfully", run, None));
    assert_eq!(told[2], (success, "Updated record", contact, Some(ActivityStatus::Updated)));
    assert_eq!(told[3], (success, "Synced successfully", run, None));
    assert_eq!((told[4].0, told[4].2, told[4].3), (error, contact, Some(ActivityStatus::Failed)));
    assert_eq!(lines[4].code.as_deref(), Some("INVALID_FIELD"));
    assert_eq!((told[5].0, told[5].2), (ActivityType::Warning, run));
    assert_eq!(told.len(), 6, "{told:?}");
    let change = &lines[2].changes[0];
    assert_eq!(
        (change.field.as_str(), change.before.as_str(), change.after.as_str()),
        ("first_name", "First 7", "Anna")
    );
    assert_eq!(lines[2].key, rig.linked(7).await.id.to_string());
}

/// AB-111.
#[tokio::test]
async fn second_contact_of_an_address_is_a_duplicate() {
    let rig = Rig::new();
    let pages = vec![vec![contact(3, "ann@example.com"), contact(12, "Ann@Example.com")]];
    rig.import(&Script::of(pages)).await;

    let lines = rig.activity().await;

    let duplicate = lines.iter().find(|line| line.message == "Error: duplicate").expect("it is told");
    assert_eq!(duplicate.code.as_deref(), Some("DUPLICATE_VALUE"));
}

/// A first import is no flood: a thousand lines, and one that counts the rest.
#[tokio::test]
async fn many_new_people_are_told_as_a_count() {
    let rig = Rig::new();
    rig.import(&Script::of(crowd(1_300))).await;

    let lines = rig.activity().await;

    let created = lines.iter().filter(|line| line.message == "Created new record").count();
    assert_eq!(created, 1_000);
    let beyond = lines.iter().filter(|line| line.message.starts_with("300 further created records")).count();
    assert_eq!((beyond, lines.len()), (1, 1_002));
    let end = lines.last().expect("the run has a last line");
    assert_eq!((end.changes[0].field.as_str(), end.changes[0].after.as_str()), ("added", "1300"));
}

/// The log has names, counts and codes, and nobody's address.
#[tokio::test]
async fn log_names_no_person() {
    let rig = Rig::new();
    let mut ann = rich(7, "ann@example.com");
    ann.memberships = vec![on("1", ListStatus::Unsubscribed, None)];
    let summary = rig.import(&Script::of(vec![vec![ann, contact(8, "someone's secret")]])).await;

    let log = rig.store.log(&summary.run, 100).await.expect("the store is in memory");

    let text: String = log.iter().map(|line| format!("{}\n", line.message)).collect();
    assert!(text.contains("2 people, 1 added, 0 changed, 0 same, 1 refused"), "{text}");
    for secret in ["ann@", "First 7", "555", "secret"] {
        assert!(!text.contains(secret), "{text}");
    }
}
