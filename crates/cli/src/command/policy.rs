//! What flags ask of a replication beside its streams: full checks, removals, changes of columns, custom fields.

use achub_core::{
    Code, Error, StreamName,
    port::target::{Absence, AbsenceAction, Difference, DifferenceKind, Evolution},
};
use achub_engine::{
    Replication,
    replication::{FullCheck, Mode, StreamTask},
};
use serde_json::{Value, json};

use crate::{
    args::{Policies, Removals, SchemaChanges, Wide},
    command::replication::Ready,
    output::{Output, Table},
};

/// The stream with one column for each custom field.
const WIDE_STREAM: &str = "contacts_wide";

/// Writes what the flags ask into `replication`.
///
/// Errors: `CF-106` for a share that is none.
pub fn apply(replication: &mut Replication, policies: &Policies) -> Result<(), Error> {
    let check = match (policies.full_check, policies.no_full_check) {
        (true, _) => Some(FullCheck::Now),
        (_, true) => Some(FullCheck::Never),
        (false, false) => None,
    };
    if let Some(check) = check {
        replication.full_check = check;
        // A flag is about the whole run, whatever a file says about single streams.
        replication.streams.iter_mut().for_each(|task| task.full_check = None);
    }
    apply_absence(replication, policies)?;
    if let Some(changes) = policies.schema_changes {
        replication.landing.evolution = match changes {
            // Whoever is asked and agrees wants what `add` does.
            SchemaChanges::Add | SchemaChanges::Ask => Evolution::Add,
            SchemaChanges::AddAndWiden => Evolution::AddAndWiden,
            SchemaChanges::Stop => Evolution::Stop,
        };
    }
    match policies.wide {
        None | Some(Wide::View) => {}
        Some(Wide::None) => replication.landing.wide_view = false,
        Some(Wide::Table) => {
            replication.landing.wide_view = false;
            add_wide_stream(replication);
        }
    }
    Ok(())
}

fn apply_absence(replication: &mut Replication, policies: &Policies) -> Result<(), Error> {
    let action = match policies.removals {
        None => None,
        Some(Removals::Mark) => Some(AbsenceAction::Mark),
        Some(Removals::Delete) => Some(AbsenceAction::Delete),
        Some(Removals::Report) => Some(AbsenceAction::Report),
        Some(Removals::Keep) => {
            replication.landing.absence = None;
            return Ok(());
        }
    };
    if let Some(action) = action {
        let known = replication.landing.absence.take();
        let floor_percent = known.map_or(Absence::FLOOR_PERCENT, |absence| absence.floor_percent);
        replication.landing.absence = Some(Absence { action, floor_percent, only: None });
    }
    let Some(floor) = policies.removal_floor else { return Ok(()) };
    if floor > 100 {
        let what = format!("--removal-floor: must be a share from 0 to 100 percent, got {floor}");
        return Err(Error::new(Code::BadArgument, what));
    }
    let tasks = replication.streams.iter_mut().filter_map(|task| task.table_wish.absence.as_mut());
    for absence in tasks.chain(replication.landing.absence.as_mut()) {
        absence.floor_percent = floor;
    }
    Ok(())
}

fn add_wide_stream(replication: &mut Replication) {
    let has = |name: &str| replication.streams.iter().any(|task| task.stream.as_str() == name);
    if has(WIDE_STREAM) || !has("contacts") {
        return;
    }
    let contacts = replication.streams.iter().find(|task| task.stream.as_str() == "contacts");
    let schema = contacts.and_then(|task| task.schema.clone());
    let optional = contacts.is_some_and(|task| task.optional);
    let task = StreamTask::new(StreamName::new(WIDE_STREAM), Mode::Incremental, "from --wide");
    replication.streams.push(StreamTask { schema, optional, ..task });
}

/// Shows how tables differ from what the run needs and asks whether it may change them, where the flags say so.
///
/// Errors: `DB-106` where nobody can be asked, or does not agree.
pub async fn ask(output: &Output, ready: &Ready, policies: &Policies) -> Result<(), Error> {
    if policies.schema_changes != Some(SchemaChanges::Ask) {
        return Ok(());
    }
    let differences = ready.hub.differences(&ready.replication, &ready.source, &*ready.target).await?;
    let differences: Vec<Difference> =
        differences.into_iter().filter(|difference| difference.kind != DifferenceKind::Unused).collect();
    if differences.is_empty() {
        return Ok(());
    }
    output.say(&table(&differences).words());
    if output.may_ask && crate::output::confirm("Change the tables like this?")? {
        return Ok(());
    }
    let what = format!("{} columns differ, and nobody agreed to change them", differences.len());
    Err(Error::new(Code::ColumnsDiffer, what))
}

/// How tables differ, one row per column.
pub fn table(differences: &[Difference]) -> Table {
    let mut table = Table::new(&["table", "column", "there", "wanted", "what_happens"]);
    for Difference { table: name, column, kind } in differences {
        let (there, wanted, what) = match kind {
            DifferenceKind::Missing { wanted } => (Value::Null, json!(wanted), "is added"),
            DifferenceKind::Type { actual, wanted, can_widen: true } => {
                (json!(actual), json!(wanted), "stays, or is widened by add_and_widen")
            }
            DifferenceKind::Type { actual, wanted, can_widen: false } => {
                (json!(actual), json!(wanted), "stays; values that do not fit are put aside")
            }
            DifferenceKind::Unused => (json!("any"), Value::Null, "stays as it is"),
        };
        table.push([json!(name), json!(column), there, wanted, json!(what)]);
    }
    table
}

#[cfg(test)]
mod tests {
    use achub_core::{
        ReplicationName, StreamName,
        port::target::{AbsenceAction, Evolution},
    };
    use achub_engine::{
        Replication,
        replication::{Anchor, FullCheck, Landing, Mode, StreamTask, Working},
    };

    use super::apply;
    use crate::args::{Policies, Removals, SchemaChanges, Wide};

    fn replication() -> Replication {
        Replication {
            name: ReplicationName::new("test"),
            streams: vec![StreamTask::new(StreamName::new("contacts"), Mode::Incremental, "a test")],
            state_schema: None,
            landing: Landing::ours(),
            anchor: Anchor::Everything,
            full_check: FullCheck::WEEKLY,
            working: Working::default(),
        }
    }

    #[test]
    fn flags_set_the_policies_of_a_replication() {
        let mut replication = replication();
        let policies = Policies {
            full_check: true,
            removals: Some(Removals::Delete),
            removal_floor: Some(0),
            schema_changes: Some(SchemaChanges::AddAndWiden),
            wide: Some(Wide::Table),
            ..Policies::default()
        };

        apply(&mut replication, &policies).expect("the flags are right");

        assert_eq!(replication.full_check, FullCheck::Now);
        let absence = replication.landing.absence.expect("rows are removed");
        assert_eq!((absence.action, absence.floor_percent), (AbsenceAction::Delete, 0));
        assert_eq!(replication.landing.evolution, Evolution::AddAndWiden);
        assert!(!replication.landing.wide_view);
        let streams: Vec<&str> = replication.streams.iter().map(|task| task.stream.as_str()).collect();
        assert_eq!(streams, ["contacts", "contacts_wide"]);
    }

    #[test]
    fn kept_rows_are_not_looked_at() {
        let mut replication = replication();

        let policies =
            Policies { removals: Some(Removals::Keep), removal_floor: Some(50), ..Policies::default() };
        apply(&mut replication, &policies).expect("the flags are right");

        assert_eq!(replication.landing.absence, None);
        let policies = Policies { removal_floor: Some(101), ..Policies::default() };
        assert!(apply(&mut replication, &policies).is_err());
    }
}
