//! A random walk over everything that writes, each step compared with the store in memory.

use achub_core::{
    Outcomes, RunId,
    condition::Condition,
    consent::SuppressionReason,
    person::PersonId,
    port::{
        people::{
            Advance, Author, ChangeBatch, ImportEnd, PeopleOrder, PeopleQuery, PeopleStore, PersonChange,
            RefusedPerson, Suppression, Whom,
        },
        source::Position,
    },
};
use achub_store::memory::MemoryStore;
use serde_json::json;

use super::{
    conditions::furnish,
    dice::{self, Dice},
    pages::walked,
    rig::{self, Store, World, at, batch, desk, job, run, world},
};

const STEPS: i64 = 150;

fn author(dice: &mut Dice, second: i64) -> Author {
    if dice.is_one_in(3) { desk(second) } else { run(&run_name(dice), second) }
}

fn run_name(dice: &mut Dice) -> String {
    format!("r-{}", dice.roll(6))
}

async fn any_batch(dice: &mut Dice, world: &World, model: &MemoryStore, author: Author) -> ChangeBatch {
    let mut changes: Vec<PersonChange> = Vec::new();
    for _ in 0..=dice.roll(4) {
        let id = PersonId(dice.roll(12) as i64 + 1);
        let is_new = |change: &PersonChange| matches!(change.whom, Whom::Known(known, _) if known == id);
        let held = model.person(id).await.unwrap();
        match held {
            Some(person) if !dice.is_one_in(4) && !changes.iter().any(is_new) => {
                let mut change = dice::any_change(dice, world, Some(&person));
                if dice.is_one_in(20) {
                    change.whom = Whom::Known(id, person.version - 1);
                }
                changes.push(change);
            }
            _ => changes.push(dice::any_change(dice, world, None)),
        }
    }
    let mut batch = batch(author, changes);
    if dice.is_one_in(4) {
        batch.refused.push(RefusedPerson {
            key: dice.roll(6).to_string(),
            field: String::new(),
            code: "INVALID_FIELD".to_owned(),
            reason: String::new(),
            columns: json!({ "email": dice.pick(&dice::ADDRESSES) }).to_string(),
        });
    }
    if let Some(run) = batch.author.run.clone().filter(|_| dice.is_one_in(2)) {
        batch.advance = Some(Advance {
            job: job(),
            run,
            fence: None,
            position: Some(Position(json!(dice.roll(100)))),
            outcomes: Outcomes { added: dice.roll(100) as u64, ..Outcomes::default() },
        });
    }
    batch
}

/// One step in both stores; what they answer has to be the same.
async fn step(store: &dyn Store, model: &MemoryStore, dice: &mut Dice, world: &World, second: i64) {
    match dice.roll(12) {
        0 => {
            let (of, by) = (RunId::new(run_name(dice)), desk(second));
            let (ours, theirs) = (store.undo(&of, &by).await, model.undo(&of, &by).await);
            assert_eq!(ours.map_err(|error| error.code()), theirs.map_err(|error| error.code()), "undo {of}");
        }
        1 if dice.is_one_in(2) => {
            let id = PersonId(dice.roll(12) as i64 + 1);
            let suppression = Suppression {
                hash: format!("f{id}"),
                key_version: 2,
                reason: SuppressionReason::Erased,
                since: at(second),
                email: None,
            };
            store.forget(id, &suppression, &desk(second)).await.unwrap();
            model.forget(id, &suppression, &desk(second)).await.unwrap();
        }
        2 => {
            let end = ImportEnd {
                job: job(),
                run: RunId::new(run_name(dice)),
                fence: None,
                cursor: dice.is_one_in(2).then(|| at(second)),
                swept_at: dice.is_one_in(2).then(|| at(second)),
            };
            store.end_import(&end).await.unwrap();
            model.end_import(&end).await.unwrap();
        }
        _ => {
            let author = author(dice, second);
            let batch = any_batch(dice, world, model, author).await;
            let (ours, theirs) = (store.apply(&batch).await, model.apply(&batch).await);
            assert_eq!(
                ours.map_err(|error| error.code()),
                theirs.map_err(|error| error.code()),
                "{batch:#?}"
            );
        }
    }
}

async fn compare(store: &dyn Store, model: &MemoryStore, dice: &mut Dice) {
    let order = dice.pick(&[PeopleOrder::Id, PeopleOrder::Email, PeopleOrder::UpdatedAt]);
    let query = PeopleQuery { condition: Condition::Everybody, search: None, order, after: None, limit: 10 };
    let theirs = walked(model, query.clone()).await;
    assert_eq!(walked(store, query).await, theirs);
    let searched = PeopleQuery {
        condition: Condition::Everybody,
        search: Some(dice.pick(&["a", "ann", "ünï", "strasse", "c@"]).to_owned()),
        order,
        after: None,
        limit: 100,
    };
    assert_eq!(store.people(&searched).await.unwrap(), model.people(&searched).await.unwrap());
    let id = PersonId(dice.roll(12) as i64 + 1);
    assert_eq!(store.history(id, 20).await.unwrap(), model.history(id, 20).await.unwrap());
    assert_eq!(store.import_progress(&job()).await.unwrap(), model.import_progress(&job()).await.unwrap());
    let run = RunId::new(run_name(dice));
    assert_eq!(store.refused(&run, 1, 5).await.unwrap(), model.refused(&run, 1, 5).await.unwrap());
    assert_eq!(store.suppressions(50).await.unwrap(), model.suppressions(50).await.unwrap());
}

async fn compare_outbox(store: &dyn Store, model: &MemoryStore) {
    let told = async |store: &dyn PeopleStore| -> Vec<_> {
        let rows = store.outbox(0, 10_000).await.unwrap();
        rows.into_iter().map(|row| (row.person, row.connection, row.at)).collect()
    };
    assert_eq!(told(store).await, told(model).await);
}

/// Changes, undos, erasures and ends of runs in random order: after each step both stores hold the same.
pub async fn random_walk_agrees_with_memory(store: impl Store) {
    for seed in [7] {
        let model = MemoryStore::new();
        let mut dice = Dice::new(seed);
        let world = world(&store).await;
        rig::world(&model).await;
        furnish(&store).await;
        furnish(&model).await;
        for second in 0..STEPS {
            step(&store, &model, &mut dice, &world, second).await;
            compare(&store, &model, &mut dice).await;
        }
        compare_outbox(&store, &model).await;
    }
}
