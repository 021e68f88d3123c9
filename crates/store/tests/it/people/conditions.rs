//! Conditions mean the same to every store: the tree held against each person is what their SQL is compared with.

use achub_core::{
    FieldType,
    condition::{Comparison, Condition, Literal, Subject},
    consent::SuppressionReason,
    person::{BuiltIn, FieldId, ListId, Mark, PersonField, TagId},
    port::{
        incoming::ShownCompany,
        people::{PeopleOrder, PeopleQuery, PeopleStore, Suppression},
    },
};
use achub_store::memory::MemoryStore;
use jiff::SignedDuration;

use super::{
    dice::{self, Dice, TEXTS},
    pages::walked,
    rig::{self, Store, World, at, batch, desk, shop, world},
};

/// The same random people in both stores.
pub async fn populate(store: &dyn Store, model: &MemoryStore, dice: &mut Dice, count: usize) -> World {
    let world = world(store).await;
    rig::world(model).await;
    furnish(store).await;
    furnish(model).await;
    for _ in 0..count {
        let change = dice::any_change(dice, &world, None);
        let batch = batch(desk(dice.roll(4) as i64), vec![change]);
        let (ours, theirs) = (store.apply(&batch).await, model.apply(&batch).await);
        assert_eq!(ours.ok(), theirs.ok(), "{batch:?}");
    }
    world
}

/// Tags, companies and suppressions.
pub async fn furnish(store: &dyn Store) {
    for name in ["VIP", "Straße", "new"] {
        store.tag(name).await.unwrap();
    }
    let company = |name: &str, url: Option<&str>| ShownCompany {
        key: Some(name.to_owned()),
        name: name.to_owned(),
        url: url.map(str::to_owned),
    };
    let companies =
        [company("Ünï AG", Some("uni.example")), company("Anna", None), company("ACME", Some("acme.de"))];
    store.companies(&shop(), &companies).await.unwrap();
    for (hash, email) in [("h1", Some("A@example.com")), ("h2", Some("Strasse@test.example")), ("h3", None)] {
        let suppression = Suppression {
            hash: hash.to_owned(),
            key_version: 1,
            reason: SuppressionReason::Manual,
            since: at(1),
            email: email.map(str::to_owned),
        };
        store.suppress(&suppression, &desk(1)).await.unwrap();
    }
}

async fn check(store: &dyn Store, model: &MemoryStore, condition: &Condition) {
    let query = PeopleQuery {
        condition: condition.clone(),
        search: None,
        order: PeopleOrder::Id,
        after: None,
        limit: 7,
    };
    let ours: Vec<_> = walked(store, query.clone()).await.iter().map(|person| person.id).collect();
    let theirs: Vec<_> = walked(model, query).await.iter().map(|person| person.id).collect();
    assert_eq!(ours, theirs, "{condition:?}");
    let counted = store.count(condition).await.unwrap();
    assert_eq!(counted, theirs.len() as u64, "{condition:?}");
}

fn compare(subject: Subject, comparison: Comparison, literal: Literal) -> Condition {
    Condition::Compare(subject, comparison, literal)
}

fn first_name(comparison: Comparison, text: &str) -> Condition {
    let subject = Subject::Field(PersonField::BuiltIn(BuiltIn::FirstName), FieldType::Text);
    compare(subject, comparison, Literal::Text(text.to_owned()))
}

/// NULL logic, case without ASCII, moments between two microseconds, numbers that are none, empty conjunctions.
pub async fn hand_picked_conditions_agree(store: impl Store) {
    let model = MemoryStore::new();
    let mut dice = Dice::new(11);
    let world = populate(&store, &model, &mut dice, 60).await;
    let number = |number| Literal::Number(number);
    let value = Subject::Field(PersonField::BuiltIn(BuiltIn::LifetimeValue), FieldType::Float);
    let between = Literal::Instant(at(2) + SignedDuration::from_nanos(1));
    let mut conditions = vec![
        Condition::Everybody,
        Condition::All(vec![]),
        Condition::Any(vec![]),
        Condition::Mailable,
        compare(value.clone(), Comparison::AtLeast, number(f64::NAN)),
        compare(value.clone(), Comparison::Less, number(f64::INFINITY)),
        compare(value.clone(), Comparison::Equals, number(0.0)),
        compare(value, Comparison::Equals, Literal::Text("0.5".to_owned())),
        Condition::Tagged(TagId(99)),
        Condition::EverOn(ListId(-1)),
        Condition::IsKnown(Subject::Field(PersonField::Custom(FieldId(99)), FieldType::Text)),
    ];
    for comparison in COMPARISONS {
        conditions.push(compare(Subject::UpdatedAt, comparison, between.clone()));
        conditions.push(compare(Subject::CreatedAt, comparison, Literal::Instant(at(2))));
        for text in ["", "ÜNÏ", "straße", "ann"] {
            conditions.push(first_name(comparison, text));
        }
    }
    for field in &world.fields {
        conditions.push(Condition::IsKnown(Subject::Field(PersonField::Custom(field.id), field.field_type)));
    }
    for condition in conditions {
        check(&store, &model, &condition).await;
        check(&store, &model, &Condition::Not(Box::new(condition))).await;
    }
}

const COMPARISONS: [Comparison; 8] = [
    Comparison::Equals,
    Comparison::Less,
    Comparison::AtMost,
    Comparison::Greater,
    Comparison::AtLeast,
    Comparison::Contains,
    Comparison::StartsWith,
    Comparison::EndsWith,
];

fn subject(dice: &mut Dice, world: &World) -> Subject {
    match dice.roll(8) {
        0 => Subject::EmailDomain,
        1 => Subject::CompanyName,
        2 => Subject::CompanyDomain,
        3 => Subject::CreatedAt,
        4 => Subject::UpdatedAt,
        5 => {
            let field = dice.pick(&BuiltIn::ALL);
            Subject::Field(PersonField::BuiltIn(field), field.field_type())
        }
        _ => {
            let field = dice.pick(&world.fields);
            Subject::Field(PersonField::Custom(field.id), field.field_type)
        }
    }
}

fn literal(dice: &mut Dice) -> Literal {
    match dice.roll(8) {
        0 => Literal::Number(dice.pick(&[-1.0, 0.0, 0.5, 1.0, 9.2e18])),
        1 => Literal::Boolean(dice.is_one_in(2)),
        2 | 3 => Literal::Instant(at(dice.roll(4) as i64)),
        4 => {
            let more =
                ["example.com", "xn--bcher-kva.example", "a@example.com", "ünï@example.com", "127.0.0.1"];
            Literal::Text(dice.pick(&more).to_owned())
        }
        5 => Literal::Text(dice.pick(&["uni.example", "ACME.de", "ünï ag"]).to_owned()),
        _ => Literal::Text(dice.pick(&TEXTS).to_owned()),
    }
}

fn condition(dice: &mut Dice, world: &World, depth: usize) -> Condition {
    let kinds = if depth == 0 { 7 } else { 10 };
    let parts = |dice: &mut Dice| -> Vec<Condition> {
        (0..=dice.roll(3)).map(|_| condition(dice, world, depth - 1)).collect()
    };
    match dice.roll(kinds) {
        0 => Condition::IsKnown(subject(dice, world)),
        1 => Condition::Tagged(TagId(dice.roll(4) as i64 + 1)),
        2 => Condition::Marked(dice.pick(&Mark::ALL)),
        3 => Condition::ActiveOn(dice.pick(&world.lists).id),
        4 => Condition::EverOn(dice.pick(&world.lists).id),
        7 => Condition::All(parts(dice)),
        8 => Condition::Any(parts(dice)),
        9 => Condition::Not(Box::new(condition(dice, world, depth - 1))),
        5 if dice.is_one_in(4) => Condition::Mailable,
        _ => compare(subject(dice, world), dice.pick(&COMPARISONS), literal(dice)),
    }
}

/// 300 random conditions over 80 random people.
pub async fn random_conditions_agree(store: impl Store) {
    let model = MemoryStore::new();
    let mut dice = Dice::new(2_026);
    let world = populate(&store, &model, &mut dice, 80).await;
    let everybody = model.count(&Condition::Everybody).await.unwrap();
    let (mut some, mut all) = (0, 0);
    for _ in 0..300 {
        let condition = condition(&mut dice, &world, 3);
        check(&store, &model, &condition).await;
        let found = model.count(&condition).await.unwrap();
        some += u32::from(found > 0);
        all += u32::from(found == everybody);
    }
    assert!(some > 100 && all < 150, "the conditions tell nobody apart: {some} true of some, {all} of all");
}
