//! A random walk over shows, failures and repetitions: nobody is lost, doubled or subscribed again.

use std::collections::{HashMap, HashSet};

use achub_core::{consent::ListStatus, port::incoming::Incoming};

use crate::import::{
    rig::Rig,
    source::{Script, contact, on},
};

/// The constants of Knuth's MMIX generator.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// One contact somewhere in the middle of an account's life: its key, its address, her status, each at some second.
fn someone(chance: &mut Chance) -> Incoming {
    let key = 1 + chance.below(12);
    // Addresses move between contacts and come in two cases.
    let email = format!("p{}@example.com", 1 + chance.below(9));
    let email = if chance.below(4) == 0 { email.to_uppercase() } else { email };
    let mut incoming = contact(key, &email);
    incoming.first_name = (chance.below(3) > 0).then(|| format!("Name {}", chance.below(5)));
    let status =
        [ListStatus::Active, ListStatus::Unsubscribed, ListStatus::Bounced][chance.below(3) as usize];
    let since = format!("2026-01-{:02}T00:00:00Z", 1 + chance.below(28));
    let since = (chance.below(3) > 0).then_some(since.as_str());
    incoming.memberships = vec![on("1", status, since)];
    incoming
}

async fn walk(seed: u64) {
    let mut chance = Chance(seed);
    let rig = Rig::new();
    for _ in 0..12 {
        let count = 1 + chance.below(40);
        let people: Vec<Incoming> = (0..count).map(|_| someone(&mut chance)).collect();
        let shown = people.clone();
        let before = rig.people().await;
        let mut script = Script::of(people.chunks(7).map(<[Incoming]>::to_vec).collect());
        script.fails_at = (chance.below(3) == 0).then_some(1);
        rig.import(&script).await;
        script.fails_at = None;
        let summary = rig.import(&script).await;

        assert_eq!(summary.error, None, "seed {seed}");
        check(&rig, &shown, &before, seed).await;
    }
}

async fn check(rig: &Rig, shown: &[Incoming], before: &[achub_core::person::Person], seed: u64) {
    let people = rig.people().await;
    let mut links = HashMap::new();
    let mut addresses = HashSet::new();
    for person in &people {
        for link in &person.links {
            assert!(links.insert(link.key.clone(), person.id).is_none(), "seed {seed}: {link:?} twice");
        }
        let email = person.email.as_ref().expect("everybody has an address");
        assert!(addresses.insert(email.key().to_owned()), "seed {seed}: {email} twice");
    }
    assert!(shown.iter().all(|incoming| links.contains_key(&incoming.key)), "seed {seed}: somebody is lost");
    for held in before {
        let now = people.iter().find(|person| person.id == held.id);
        let now = now.unwrap_or_else(|| panic!("seed {seed}: person {} is gone", held.id));
        let status =
            |person: &achub_core::person::Person| person.memberships.first().map(|one| one.permission);
        let (Some(was), Some(is)) = (status(held), status(now)) else { continue };
        let rose = is.status.standing() > was.status.standing();
        // Somebody is shown several times in a run: up with a later date, and from there down again.
        let mut dates = shown.iter().map(|incoming| incoming.memberships[0].1.since);
        assert!(!rose || dates.any(|since| since > was.since), "seed {seed}: {was:?} became {is:?}");
    }
}

#[tokio::test]
async fn random_shows_keep_people_and_consent() {
    for seed in 0..40 {
        println!("seed {seed}");
        walk(seed).await;
    }
}
