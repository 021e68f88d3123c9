//! Random loads against a model of what they should leave, in plain Rust.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use achub_core::{
    Batch, Outcomes, RunId, StreamName, Value,
    port::{
        source::{Page, Part, Position, Scope},
        target::{Absence, AbsenceAction, Check, Closing, LoadMode, MergeStrategy, TableLoad},
    },
};
use jiff::{SignedDuration, Timestamp};

use super::{DatabaseBench, STREAM, marked_load};
use crate::target_suite::{schema, spec_of};

const SEEDS: std::ops::Range<u64> = 0..14;
const LOADS_PER_SEED: usize = 10;
const IDS: i64 = 12;

/// A small generator of its own: the same seed gives the same loads on every machine and in every version.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}

/// What a record holds; without an owner the table cannot take it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    id: i64,
    owner: Option<i64>,
    label: Option<&'static str>,
}

/// One commit: records, and the owners whose things are complete in it.
#[derive(Debug, Clone)]
struct Commit {
    records: Vec<Record>,
    owners: Option<Vec<i64>>,
}

/// One walk, which may be interrupted after some commits and taken up by another run.
#[derive(Debug, Clone)]
struct Plan {
    mode: LoadMode,
    merge: MergeStrategy,
    absence: Option<AbsenceAction>,
    is_complete: bool,
    commits: Vec<Commit>,
    interrupted: Option<usize>,
}

fn plan(chance: &mut Chance, keeps_versions: bool) -> Plan {
    let mode = chance.pick(&[
        LoadMode::Replace,
        LoadMode::Truncate,
        LoadMode::MergeAtEnd,
        LoadMode::MergeAtEnd,
        LoadMode::MergeAtEnd,
        LoadMode::MergeAsYouGo,
        LoadMode::MergeAsYouGo,
    ]);
    let strategies = [
        MergeStrategy::Upsert,
        MergeStrategy::Upsert,
        MergeStrategy::DeleteInsert,
        MergeStrategy::InsertOnly,
        MergeStrategy::UpdateOnly,
    ];
    let merge = if keeps_versions { MergeStrategy::History } else { chance.pick(&strategies) };
    let action = [AbsenceAction::Mark, AbsenceAction::Delete, AbsenceAction::Report].map(Some);
    let absence = if chance.one_in(6) { None } else { chance.pick(&action) };
    let commits = commits(chance, mode);
    let interrupted = chance.one_in(3).then(|| chance.below(commits.len() as u64 + 1) as usize);
    Plan { mode, merge, absence, is_complete: !chance.one_in(3), commits, interrupted }
}

/// Where rows are merged as the walk goes, no record is in two commits: those count again after an interruption.
fn commits(chance: &mut Chance, mode: LoadMode) -> Vec<Commit> {
    let in_sets = chance.one_in(4);
    let refused = (!in_sets && chance.one_in(3)).then(|| 1 + chance.below(IDS as u64) as i64);
    let mut left: BTreeSet<i64> = (1..=IDS).filter(|id| Some(*id) != refused && !chance.one_in(4)).collect();
    let mut commits = Vec::new();
    for number in 0..=chance.below(3) {
        let owners = in_sets.then(|| {
            let owner = 1 + chance.below(3) as i64;
            if chance.one_in(3) {
                vec![owner, 4 - owner].into_iter().collect::<BTreeSet<_>>()
            } else {
                BTreeSet::from([owner])
            }
        });
        let owners: Option<Vec<i64>> = owners.map(|owners| owners.into_iter().collect());
        let known: Vec<i64> = left.iter().copied().collect();
        let mut records = Vec::new();
        for _ in 0..chance.below(12) {
            if known.is_empty() {
                break;
            }
            let owner = match &owners {
                Some(owners) => chance.pick(owners),
                None => 1 + chance.below(3) as i64,
            };
            let record = Record {
                id: chance.pick(&known),
                owner: Some(owner),
                label: chance.pick(&[None, Some("a"), Some("b")]),
            };
            if mode == LoadMode::MergeAsYouGo {
                left.remove(&record.id);
            }
            records.push(record);
        }
        if number == 0 {
            records.extend(refused.map(|id| Record { id, owner: None, label: Some("a") }));
        }
        commits.push(Commit { records, owners });
    }
    commits
}

/// A row of the table in the model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    id: i64,
    owner: i64,
    label: Option<&'static str>,
    is_marked: bool,
    /// The load that wrote this version.
    written: usize,
}

/// What the table should hold and what is remembered of it.
#[derive(Debug, Default)]
struct Model {
    rows: Vec<Row>,
    /// Ids a complete read missed, and the run that did.
    sightings: BTreeMap<i64, String>,
}

/// What a load should report.
#[derive(Debug, Default, PartialEq)]
struct Told {
    outcomes: Outcomes,
    check: Option<Check>,
    rows: u64,
}

impl Model {
    fn load(&mut self, plan: &Plan, number: usize, run: &str) -> Told {
        let mut told = Told::default();
        let began_empty = self.rows.is_empty();
        if plan.mode == LoadMode::MergeAsYouGo {
            for commit in &plan.commits {
                let staged = Staged::of(std::slice::from_ref(commit), false);
                told.outcomes.refused += staged.refused.len() as u64;
                self.merge(plan.merge, &staged, number, &mut told);
                self.sets_gone(plan.absence, &staged, &mut told);
                self.sightings.retain(|id, _| !staged.rows.contains_key(id));
            }
            let check = plan.is_complete && began_empty;
            told.check =
                check.then(|| Check { shown: self.live() + told.outcomes.refused, ..Check::default() });
        } else {
            let staged = Staged::of(&plan.commits, true);
            told.outcomes.refused = staged.refused.len() as u64;
            self.land(plan, &staged, number, run, &mut told);
        }
        told.rows = self.live();
        told
    }

    fn land(&mut self, plan: &Plan, staged: &Staged, number: usize, run: &str, told: &mut Told) {
        if plan.mode != LoadMode::MergeAtEnd {
            self.rows = staged.rows.values().map(|record| row(record, number)).collect();
            self.sightings.clear();
            told.outcomes.added = self.rows.len() as u64;
            return;
        }
        let held =
            self.rows.iter().filter(|row| !row.is_marked).map(|row| row.id).collect::<BTreeSet<_>>().len();
        let shown = staged.rows.len() + staged.refused.len();
        let mut check = Check { held: held as u64, shown: shown as u64, ..Check::default() };
        self.merge(plan.merge, staged, number, told);
        let Some(action) = plan.absence.filter(|_| plan.is_complete) else {
            self.sets_gone(plan.absence, staged, told);
            self.sightings.retain(|id, _| !staged.rows.contains_key(id));
            told.check = plan.is_complete.then_some(check);
            return;
        };
        check.guarded = held > 0 && shown == 0;
        if !check.guarded && action != AbsenceAction::Report {
            check.gone = self.sets_gone(plan.absence, staged, told);
        }
        self.not_shown(action, staged, run, &mut check, told);
        told.check = Some(check);
    }

    /// Rows meet those of the same key.
    fn merge(&mut self, merge: MergeStrategy, staged: &Staged, number: usize, told: &mut Told) {
        let outcomes = &mut told.outcomes;
        for record in staged.rows.values() {
            let new = row(record, number);
            let newest = self.rows.iter().filter(|row| row.id == new.id).map(|row| row.written).max();
            let known = self.rows.iter_mut().find(|row| row.id == new.id && Some(row.written) == newest);
            let holds = |row: &Row| (row.owner, row.label) == (new.owner, new.label);
            match (merge, known) {
                (MergeStrategy::UpdateOnly, None) => outcomes.skipped += 1,
                (_, None) => {
                    outcomes.added += 1;
                    self.rows.push(new);
                }
                (MergeStrategy::InsertOnly, Some(row)) if row.is_marked => {
                    outcomes.changed += 1;
                    row.is_marked = false;
                }
                (_, Some(row)) if holds(row) && !row.is_marked => outcomes.same += 1,
                (MergeStrategy::InsertOnly, Some(_)) => outcomes.skipped += 1,
                (MergeStrategy::History, Some(_)) => {
                    outcomes.changed += 1;
                    self.rows.push(new);
                }
                (_, Some(row)) => {
                    outcomes.changed += 1;
                    *row = new;
                }
            }
        }
    }

    /// Things of owners who were shown completely, and without them.
    fn sets_gone(&mut self, action: Option<AbsenceAction>, staged: &Staged, told: &mut Told) -> u64 {
        let is_gone =
            |row: &Row| staged.owners.contains_key(&row.owner) && !staged.rows.contains_key(&row.id);
        let live = |row: &Row| is_gone(row) && !row.is_marked;
        match action {
            Some(AbsenceAction::Report) => {
                told.outcomes.held += self.rows.iter().filter(|row| live(row)).count() as u64;
                0
            }
            Some(AbsenceAction::Mark) => {
                let ids: BTreeSet<i64> = self.rows.iter().filter(|row| live(row)).map(|row| row.id).collect();
                self.mark(&ids, told)
            }
            None | Some(AbsenceAction::Delete) => {
                let ids: BTreeSet<i64> =
                    self.rows.iter().filter(|row| is_gone(row)).map(|row| row.id).collect();
                self.delete(&ids, told)
            }
        }
    }

    fn not_shown(
        &mut self,
        action: AbsenceAction,
        staged: &Staged,
        run: &str,
        check: &mut Check,
        told: &mut Told,
    ) {
        let absent: BTreeSet<i64> = self
            .rows
            .iter()
            .filter(|row| !row.is_marked)
            .map(|row| row.id)
            .filter(|id| !staged.rows.contains_key(id) && !staged.refused.contains(id))
            .collect();
        self.sightings.retain(|id, _| absent.contains(id));
        if check.guarded {
            return;
        }
        let gone: BTreeSet<i64> =
            absent.iter().copied().filter(|id| self.sightings.get(id).is_some_and(|by| by != run)).collect();
        check.waiting = (absent.len() - gone.len()) as u64;
        check.gone += gone.len() as u64;
        told.outcomes.held += check.waiting;
        for id in absent {
            self.sightings.entry(id).or_insert_with(|| run.to_owned());
        }
        let mut acted = Told::default();
        match action {
            AbsenceAction::Report => {
                told.outcomes.held += gone.len() as u64;
                return;
            }
            AbsenceAction::Mark => self.mark(&gone, &mut acted),
            AbsenceAction::Delete => {
                self.rows.retain(|row| row.is_marked || !gone.contains(&row.id));
                0
            }
        };
        told.outcomes.removed += gone.len() as u64;
        self.sightings.retain(|id, _| !gone.contains(id));
    }

    fn mark(&mut self, ids: &BTreeSet<i64>, told: &mut Told) -> u64 {
        let mut count = 0;
        for row in self.rows.iter_mut().filter(|row| ids.contains(&row.id) && !row.is_marked) {
            row.is_marked = true;
            count += 1;
        }
        told.outcomes.removed += count;
        count
    }

    fn delete(&mut self, ids: &BTreeSet<i64>, told: &mut Told) -> u64 {
        let before = self.rows.len();
        self.rows.retain(|row| !ids.contains(&row.id));
        let count = (before - self.rows.len()) as u64;
        told.outcomes.removed += count;
        count
    }

    fn live(&self) -> u64 {
        self.rows.iter().filter(|row| !row.is_marked).count() as u64
    }
}

/// Records of one or all commits of a walk, the last version of each.
struct Staged {
    rows: BTreeMap<i64, Record>,
    refused: BTreeSet<i64>,
    /// Owners whose things are complete, and where their last set begins.
    owners: HashMap<i64, usize>,
}

impl Staged {
    fn of(commits: &[Commit], drops_outdated: bool) -> Staged {
        let mut staged = Staged { rows: BTreeMap::new(), refused: BTreeSet::new(), owners: HashMap::new() };
        let mut places: HashMap<i64, usize> = HashMap::new();
        let mut place = 0;
        for commit in commits {
            for owner in commit.owners.iter().flatten() {
                staged.owners.insert(*owner, place);
            }
            for record in &commit.records {
                if record.owner.is_none() {
                    staged.refused.insert(record.id);
                    continue;
                }
                staged.rows.insert(record.id, record.clone());
                places.insert(record.id, place);
                place += 1;
            }
        }
        if drops_outdated {
            let owners = &staged.owners;
            staged.rows.retain(|id, record| {
                let set = record.owner.and_then(|owner| owners.get(&owner));
                set.is_none_or(|begins| places[id] >= *begins)
            });
        }
        staged
    }
}

fn row(record: &Record, written: usize) -> Row {
    let owner = record.owner.expect("what has none is refused");
    Row { id: record.id, owner, label: record.label, is_marked: false, written }
}

fn page_of(commit: &Commit, position: usize) -> Page {
    let mut batch = Batch::new(schema());
    for record in &commit.records {
        let owner = record.owner.map_or(Value::Null, Value::Integer);
        let label = record.label.map_or(Value::Null, Value::text);
        batch.push([Value::Integer(record.id), owner, label], None);
    }
    let scope = commit.owners.clone().map(|parents| Scope { field: "owner".to_owned(), parents });
    let part = Part { stream: StreamName::new(STREAM), batch, scope };
    Page { parts: vec![part], position: Position(position.into()) }
}

/// Carries a plan out on the database, by one run or two.
async fn carry_out(bench: &dyn DatabaseBench, plan: &Plan, load: TableLoad, number: usize) -> (Told, String) {
    let began = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * number as i64);
    let spec = |run: &str, resume| achub_core::port::target::LoadSpec {
        run: RunId::new(run),
        started_at: began,
        resume,
        ..spec_of(load.clone())
    };
    let mut run = format!("r{number}");
    let target = bench.open().await;
    let mut open = target.load(spec(&run, false)).await.expect("a load can be opened");
    for (position, commit) in plan.commits.iter().enumerate() {
        if plan.interrupted == Some(position) {
            drop(open);
            run = format!("r{number} again");
            open = target.load(spec(&run, true)).await.expect("the walk goes on");
        }
        open.write(vec![page_of(commit, position)]).await.expect("rows are taken");
    }
    let mut closing = Closing::default();
    if plan.is_complete {
        closing.complete.insert(StreamName::new(STREAM));
    }
    let report = open.finish(&closing).await.expect("the load ends").remove(0);
    (Told { outcomes: report.outcomes, check: report.check, rows: report.rows }, run)
}

/// Rows as id, owner, label and mark, in order.
async fn landed(bench: &dyn DatabaseBench) -> Vec<(i64, i64, Option<String>, bool)> {
    let number = |text: &Option<String>| text.as_deref().expect("a value").parse().expect("an integer");
    let mut rows: Vec<_> = bench
        .rows(STREAM)
        .await
        .iter()
        .map(|row| {
            (number(&row["id"]), number(&row["owner"]), row["label"].clone(), row["deleted_at"].is_some())
        })
        .collect();
    rows.sort();
    rows
}

/// Any sequence of loads, in all modes, strategies and ways to deal with absent rows, interrupted or not, leaves the rows
/// and reports the counts that a model in plain Rust expects. `ACHUB_SEED` replays one sequence.
pub async fn random_loads_agree_with_the_model(bench: &dyn DatabaseBench) {
    let replayed = std::env::var("ACHUB_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = replayed.map_or(SEEDS, |seed: u64| seed..seed + 1);
    for seed in seeds {
        for table in [STREAM, "_achub_missing", "_achub_quarantine"] {
            bench.execute(&format!("DROP TABLE IF EXISTS {table}")).await;
        }
        let mut chance = Chance(seed);
        let keeps_versions = chance.one_in(4);
        let declare_key = !keeps_versions && chance.one_in(2);
        let mut model = Model::default();
        let mut done: Vec<Plan> = Vec::new();
        for number in 1..=LOADS_PER_SEED {
            let mut plan = plan(&mut chance, keeps_versions);
            // Where rows cannot be merged as the walk goes, they are collected aside in this mode, too.
            if plan.mode == LoadMode::MergeAsYouGo && !bench.shows_rows_early() {
                plan.mode = LoadMode::MergeAtEnd;
            }
            let mut load = marked_load(plan.mode, AbsenceAction::Mark);
            load.table.declare_key = declare_key;
            load.table.columns[1].rules.not_null = true;
            load.merge = plan.merge;
            load.absence = plan.absence.map(|action| Absence { action, floor_percent: 80, only: None });
            done.push(plan.clone());
            let (told, run) = carry_out(bench, &plan, load, number).await;
            let expected = model.load(&plan, number, &run);
            let label = format!("ACHUB_SEED={seed}, load {number}, unique key: {declare_key}: {done:#?}");
            let mut rows: Vec<_> = model
                .rows
                .iter()
                .map(|row| (row.id, row.owner, row.label.map(str::to_owned), row.is_marked))
                .collect();
            rows.sort();
            assert_eq!(landed(bench).await, rows, "{label}");
            assert_eq!(told, expected, "{label}");
        }
    }
}
