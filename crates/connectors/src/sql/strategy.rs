//! How staged rows meet those of the same key.

use achub_core::{Outcomes, failpoint, port::target::MergeStrategy};

use crate::sql::{
    Fault, Session, TablePlan,
    merge::{self, Range},
    session::numbers,
};

/// What moving rows did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub(crate) outcomes: Outcomes,
    /// New rows that an earlier run should have landed.
    pub(crate) missing: u64,
    /// Changed rows whose change an earlier run should have landed.
    pub(crate) different: u64,
}

impl std::ops::AddAssign for Moved {
    fn add_assign(&mut self, other: Moved) {
        self.outcomes += other.outcomes;
        self.missing += other.missing;
        self.different += other.different;
    }
}

/// Moves the rows of `range` into the table, all of them or none.
pub(crate) async fn move_range<S: Session>(
    session: &mut S,
    plan: &TablePlan,
    range: Range,
) -> Result<Moved, Fault> {
    if plan.appends() {
        let added = session.execute(&merge::insert(plan, range), &[]).await?;
        failpoint::pass("mid-upsert");
        return Ok(Moved { outcomes: Outcomes { added, ..Outcomes::default() }, ..Moved::default() });
    }
    let counted = session.texts(&merge::count::<S>(plan, range), &[]).await?;
    let [total, absent, differing, equal, missing, different] = numbers(&counted)[..] else {
        return Ok(Moved::default());
    };
    let unmarked = run(session, plan, range).await?;
    let mut outcomes = Outcomes { added: absent, changed: differing, ..Outcomes::default() };
    match plan.load.merge {
        MergeStrategy::Upsert | MergeStrategy::DeleteInsert => {}
        MergeStrategy::InsertOnly => {
            // A mark that came off is a change; what else differs was left alone.
            outcomes.changed = unmarked.min(differing);
            outcomes.skipped = differing - outcomes.changed;
        }
        MergeStrategy::UpdateOnly => {
            outcomes.added = 0;
            outcomes.skipped = absent;
        }
        MergeStrategy::History => outcomes.changed = total.saturating_sub(absent + equal),
    }
    outcomes.same = total.saturating_sub(outcomes.added + outcomes.changed + outcomes.skipped);
    Ok(Moved { outcomes, missing, different })
}

/// Runs the statements of the strategy; gives the rows that lost a mark and nothing else.
async fn run<S: Session>(session: &mut S, plan: &TablePlan, range: Range) -> Result<u64, Fault> {
    let has_unique_key = plan.has_unique_key();
    let statements = match plan.load.merge {
        MergeStrategy::Upsert if has_unique_key => vec![merge::upsert(plan, range)],
        MergeStrategy::Upsert => {
            merge::update(plan, range).into_iter().chain([merge::insert_missing(plan, range)]).collect()
        }
        MergeStrategy::DeleteInsert => merge::note_known(plan, range)
            .into_iter()
            .chain([merge::delete_known(plan, range), merge::insert(plan, range)])
            .collect(),
        MergeStrategy::InsertOnly if has_unique_key => vec![merge::insert_new(plan, range)],
        MergeStrategy::InsertOnly => vec![merge::insert_missing(plan, range)],
        MergeStrategy::UpdateOnly => merge::update(plan, range).into_iter().collect(),
        MergeStrategy::History => {
            merge::note_known(plan, range).into_iter().chain([merge::insert_versions(plan, range)]).collect()
        }
    };
    for statement in statements {
        session.execute(&statement, &[]).await?;
    }
    failpoint::pass("mid-upsert");
    match merge::unmark(plan, range).filter(|_| plan.load.merge == MergeStrategy::InsertOnly) {
        Some(unmark) => session.execute(&unmark, &[]).await,
        None => Ok(0),
    }
}
