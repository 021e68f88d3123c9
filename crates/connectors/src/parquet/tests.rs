//! The target with files of 8 rows and buckets of 5 keys, so that small tables are of many files.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::Path,
};

use achub_core::{
    Code, RunId, StreamName,
    port::{
        source::{Page, Part, Position, Scope},
        target::{
            Absence, AbsenceAction, Closing, LoadMode, LoadSpec, MergeStrategy, TableLoad, TableReport,
            Target,
        },
    },
};
use achub_testkit::target_suite::{Thing, batch, page, spec_of, table_load};

use crate::FolderTarget;
use crate::folder::{load::Cut, manifest::Manifest};

const TABLE: &str = "things";

fn target(folder: &Path) -> FolderTarget {
    FolderTarget::parquet(folder).expect("the folder is there")
}

fn manifest(folder: &Path) -> Manifest {
    Manifest::read(&folder.join(TABLE)).expect("the manifest is understood").expect("there is a table")
}

fn merged() -> TableLoad {
    table_load(TABLE, LoadMode::MergeAtEnd)
}

/// Loads pages; `complete`: they are all there is.
async fn load(target: &FolderTarget, spec: LoadSpec, pages: Vec<Page>, complete: bool) -> TableReport {
    let mut load = target.load(spec).await.expect("a load can be opened");
    for page in pages {
        load.write(vec![page]).await.expect("rows are taken");
    }
    let streams = complete.then(|| StreamName::new(TABLE));
    let closing = Closing { complete: streams.into_iter().collect::<HashSet<_>>(), ..Closing::default() };
    load.finish(&closing).await.expect("the load ends").remove(0)
}

async fn merge(target: &FolderTarget, load_of: TableLoad, things: &[Thing<'_>]) -> TableReport {
    load(target, spec_of(load_of), vec![page(things, 1)], false).await
}

/// Id, owner and label of every row, sorted.
async fn things(target: &FolderTarget) -> Vec<(i64, i64, String)> {
    let rows = target.rows(TABLE).await.expect("the table can be read");
    let number = |cell: &Option<String>| cell.as_ref().expect("a value").parse().expect("an integer");
    let mut things: Vec<_> = rows
        .iter()
        .map(|row| (number(&row[0]), number(&row[1]), row[2].clone().unwrap_or_default()))
        .collect();
    things.sort();
    things
}

/// Numbers that a seed decides.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        // Xorshift; Marsaglia, "Xorshift RNGs", 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What the table must hold, kept in the plainest way.
#[derive(Default)]
struct Model {
    rows: BTreeMap<i64, (i64, String)>,
    missing: BTreeSet<i64>,
}

/// Rows as id, owner and label, and the parents that are complete with them.
type PageOf = (Vec<(i64, i64, String)>, Vec<i64>);

/// One load of the walk.
struct Step {
    mode: LoadMode,
    pages: Vec<PageOf>,
    complete: bool,
}

impl Step {
    fn random(chance: &mut Chance) -> Step {
        let mode = match chance.below(10) {
            0 => LoadMode::Replace,
            1 => LoadMode::Truncate,
            _ => LoadMode::MergeAtEnd,
        };
        let complete = mode == LoadMode::MergeAtEnd && chance.below(3) == 0;
        let pages = (0..=chance.below(4)).map(|_| {
            let rows = (0..chance.below(12)).map(|_| {
                let id = chance.below(40) as i64;
                (id, id % 6, ["a", "b"][chance.below(2) as usize].to_owned())
            });
            let rows = rows.collect();
            let parents =
                if complete || chance.below(3) > 0 { Vec::new() } else { vec![chance.below(6) as i64] };
            (rows, parents)
        });
        Step { mode, pages: pages.collect(), complete }
    }

    fn pages(&self) -> Vec<Page> {
        let page = |(number, (rows, parents)): (usize, &PageOf)| {
            let things: Vec<Thing<'_>> =
                rows.iter().map(|(id, owner, label)| (*id, *owner, &**label)).collect();
            let scope = Scope { field: "owner".to_owned(), parents: parents.clone() };
            let scope = Some(scope).filter(|scope| !scope.parents.is_empty());
            let part = Part { stream: StreamName::new(TABLE), batch: batch(&things), scope };
            Page { parts: vec![part], position: Position(number.into()) }
        };
        self.pages.iter().enumerate().map(page).collect()
    }
}

impl Model {
    fn take(&mut self, step: &Step) {
        let mut shown: BTreeMap<i64, (i64, String)> = BTreeMap::new();
        let mut complete_parents: BTreeSet<i64> = BTreeSet::new();
        for (rows, parents) in &step.pages {
            shown.retain(|_, (owner, _)| !parents.contains(owner));
            complete_parents.extend(parents);
            shown.extend(rows.iter().map(|(id, owner, label)| (*id, (*owner, label.clone()))));
        }
        if step.mode != LoadMode::MergeAtEnd {
            self.rows.clear();
            self.missing.clear();
        }
        self.rows.retain(|_, (owner, _)| !complete_parents.contains(owner));
        self.missing.retain(|id| !shown.contains_key(id));
        if step.complete && !self.is_guarded(shown.len()) {
            let absent: BTreeSet<i64> =
                self.rows.keys().filter(|id| !shown.contains_key(id)).copied().collect();
            self.rows.retain(|id, _| !(absent.contains(id) && self.missing.contains(id)));
            self.missing = absent.into_iter().filter(|id| self.rows.contains_key(id)).collect();
        }
        self.rows.extend(shown);
    }

    fn is_guarded(&self, shown: usize) -> bool {
        let held = self.rows.len();
        match held as u64 {
            0 => false,
            small if small < Absence::SMALL => shown == 0,
            _ => shown * 100 < held * 30,
        }
    }
}

/// A random walk over loads of all kinds: the table is always what a plain map says, and every file is of the right size.
#[tokio::test]
async fn random_loads_leave_what_model_says() {
    for seed in 1..=4 {
        println!("seed {seed}");
        let mut chance = Chance(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let folder = tempfile::tempdir().expect("a folder can be made");
        let target = target(folder.path());
        let mut model = Model::default();
        for number in 0..25 {
            let step = Step::random(&mut chance);
            let mut load_of = table_load(TABLE, step.mode);
            load_of.absence = Some(Absence { action: AbsenceAction::Delete, floor_percent: 30, only: None });
            let report = load(&target, spec_of(load_of), step.pages(), step.complete).await;
            model.take(&step);

            let expected: Vec<_> =
                model.rows.iter().map(|(id, (owner, label))| (*id, *owner, label.clone())).collect();
            assert_eq!(things(&target).await, expected, "seed {seed}, load {number}");
            let manifest = manifest(folder.path());
            assert_eq!((report.rows, manifest.rows), (expected.len() as u64, expected.len() as u64));
            assert!(manifest.files.iter().all(|file| file.rows <= 8), "{:?}", manifest.files);
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    manifest(folder).files.iter().map(|file| file.path.display().to_string()).collect()
}

#[tokio::test]
async fn only_files_with_changes_are_written_anew() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let target = target(folder.path());
    let all: Vec<Thing<'_>> = (0..24).map(|id| (id, 1, "old")).collect();
    merge(&target, merged(), &all).await;
    let before = names(folder.path());
    assert_eq!(before.len(), 3);

    merge(&target, merged(), &all).await;
    assert_eq!(names(folder.path()), before, "the same rows change no file");

    merge(&target, merged(), &[(9, 1, "new")]).await;
    let after = names(folder.path());
    let kept: Vec<&String> = after.iter().filter(|name| before.contains(name)).collect();
    assert_eq!(kept, [&before[0], &before[2]]);
    assert!(!folder.path().join(TABLE).join(&before[1]).exists(), "what was replaced is removed");
    assert_eq!(things(&target).await.len(), 24);
}

#[tokio::test]
async fn appended_rows_stay_with_their_run() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let target = target(folder.path());
    let mut appended = merged();
    appended.table.key.clear();
    for label in ["a", "b"] {
        merge(&target, appended.clone(), &[(1, 1, label)]).await;
    }
    assert_eq!(names(folder.path()).len(), 2);
    assert_eq!(things(&target).await, [(1, 1, "a".to_owned()), (1, 1, "b".to_owned())]);
}

#[tokio::test]
async fn columns_nobody_writes_keep_their_values() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let target = target(folder.path());
    merge(&target, merged(), &[(1, 1, "kept"), (2, 1, "kept")]).await;
    let mut narrow = merged();
    narrow.table.columns.remove(2);
    narrow.origins.remove(2);
    merge(&target, narrow, &[(1, 7, "unseen"), (3, 7, "unseen")]).await;
    let expected = [(1, 7, "kept".to_owned()), (2, 1, "kept".to_owned()), (3, 7, String::new())];
    assert_eq!(things(&target).await, expected);
}

/// One commit, cut off after each of its steps: the next load finds all of it done, and nothing twice.
#[tokio::test]
async fn commit_cut_off_anywhere_is_ended() {
    let old: Vec<Thing<'_>> = (0..20).map(|id| (id, 1, "old")).collect();
    let new: Vec<Thing<'_>> = (10..30).map(|id| (id, 1, "new")).collect();
    let mut expected: Vec<_> = (0..10).map(|id| (id, 1, "old".to_owned())).collect();
    expected.extend((10..30).map(|id| (id, 1, "new".to_owned())));
    for steps in 0.. {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let target = target(folder.path());
        merge(&target, merged(), &old).await;
        let was_cut = Cut::commit(target.place.clone(), spec_of(merged()), vec![page(&new, 1)], steps)
            .expect("it is cut");

        merge(&target, merged(), &[]).await;

        assert_eq!(things(&target).await, expected, "cut after {steps} steps");
        let partitions = fs::read_dir(folder.path().join(TABLE)).expect("the table's folder");
        let parquet_files: usize = partitions
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.to_string_lossy().contains("achub_run="))
            .map(|path| fs::read_dir(path).expect("a partition").count())
            .sum();
        assert_eq!(parquet_files, manifest(folder.path()).files.len(), "cut after {steps} steps");
        if !was_cut {
            assert!(steps > 4, "nothing was cut");
            return;
        }
    }
}

#[tokio::test]
async fn strategies_decide_about_known_keys() {
    for (strategy, expected, outcomes) in [
        (MergeStrategy::Upsert, "1a 2y 3z", (1, 1, 1, 0)),
        (MergeStrategy::DeleteInsert, "1a 2y 3z", (1, 1, 1, 0)),
        (MergeStrategy::InsertOnly, "1a 2b 3z", (1, 0, 1, 1)),
        (MergeStrategy::UpdateOnly, "1a 2y", (0, 1, 1, 1)),
        (MergeStrategy::History, "1a 2b 2y 3z", (1, 1, 1, 0)),
    ] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let target = target(folder.path());
        merge(&target, merged(), &[(1, 1, "a"), (2, 1, "b")]).await;
        let mut load_of = merged();
        load_of.merge = strategy;
        let report = merge(&target, load_of, &[(1, 1, "a"), (2, 1, "y"), (3, 1, "z")]).await;

        let landed: Vec<String> =
            things(&target).await.into_iter().map(|(id, _, label)| format!("{id}{label}")).collect();
        assert_eq!(landed.join(" "), expected, "{strategy:?}");
        let found = report.outcomes;
        assert_eq!((found.added, found.changed, found.same, found.skipped), outcomes, "{strategy:?}");
    }
}

fn complete(action: AbsenceAction, run: &RunId) -> LoadSpec {
    let mut load_of = merged();
    load_of.absence = Some(Absence { action, floor_percent: 50, only: None });
    LoadSpec { run: run.clone(), ..spec_of(load_of) }
}

#[tokio::test]
async fn absent_rows_wait_for_second_sighting() {
    for action in [AbsenceAction::Delete, AbsenceAction::Report] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let target = target(folder.path());
        merge(&target, merged(), &[(1, 1, "a"), (2, 1, "b"), (3, 1, "c")]).await;
        let first = RunId::generate();
        let shown = || vec![page(&[(1, 1, "a")], 1)];
        for _ in 0..2 {
            let report = load(&target, complete(action, &first), shown(), true).await;
            let check = report.check.expect("it was complete");
            assert_eq!(
                (check.held, check.shown, check.waiting, check.gone),
                (3, 1, 2, 0),
                "one run is one sighting"
            );
            assert_eq!(report.outcomes.held, 2);
        }
        merge(&target, merged(), &[(2, 1, "b")]).await;
        let report = load(&target, complete(action, &RunId::generate()), shown(), true).await;
        let check = report.check.expect("it was complete");
        assert_eq!((check.waiting, check.gone), (1, 1), "a row that was shown again begins anew");

        let left = if action == AbsenceAction::Delete { 2 } else { 3 };
        assert_eq!((report.rows, things(&target).await.len()), (left, left as usize), "{action:?}");
    }
}

#[tokio::test]
async fn too_little_shown_removes_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let target = target(folder.path());
    let all: Vec<Thing<'_>> = (0..30).map(|id| (id, 1, "x")).collect();
    merge(&target, merged(), &all).await;
    for _ in 0..3 {
        let spec = complete(AbsenceAction::Delete, &RunId::generate());
        let report = load(&target, spec, vec![page(&all[..14], 1)], true).await;
        let check = report.check.expect("it was complete");
        assert!(check.guarded && check.waiting == 0 && check.gone == 0, "{check:?}");
        assert_eq!(report.rows, 30);
    }
}

#[tokio::test]
async fn sql_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let target = target(folder.path());
    let mut load_of = merged();
    load_of.statements.before_merge.push("VACUUM".to_owned());
    let error = target.load(spec_of(load_of)).await.err().expect("files run no SQL");
    assert_eq!(error.code(), Code::NotGranted);
}
