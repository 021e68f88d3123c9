//! A person's own statements around a load.

use achub_core::{Error, port::target::TableLoad};

use crate::sql::{Fault, Session};

/// Runs statements one after the other. `moment` says in messages when.
pub(crate) async fn run<S: Session>(
    session: &mut S,
    load: &TableLoad,
    moment: &str,
    statements: &[String],
) -> Result<(), Fault> {
    for statement in statements {
        let done = session.execute(statement, &[]).await;
        // A row that is refused here is none of the load's: the statement as a whole has failed.
        done.map_err(|fault| fault.error.context(format!("stream {}: SQL {moment}", load.stream)))?;
    }
    Ok(())
}

/// Sets how well the transaction that was just begun is isolated.
pub(crate) async fn isolate<S: Session>(session: &mut S, loads: &[TableLoad]) -> Result<(), Fault> {
    // The tables of a walk are landed in one transaction, so the first that asks decides.
    let level = loads.iter().find_map(|load| load.statements.isolation.as_deref());
    let statement = level.and_then(|level| S::isolate(&spelled(level)));
    if let Some(statement) = statement {
        session.execute(&statement, &[]).await?;
    }
    Ok(())
}

/// The level in words, as statements take it: nothing but letters and blanks.
fn spelled(level: &str) -> String {
    let is_part = |character: &char| character.is_ascii_alphabetic() || *character == ' ';
    level.replace('_', " ").chars().filter(is_part).collect()
}

/// Runs what was asked for before anything else of the loads.
pub(crate) async fn before_load<S: Session>(session: &mut S, loads: &[TableLoad]) -> Result<(), Error> {
    for load in loads {
        run(session, load, "before the load", &load.statements.before_load).await?;
    }
    Ok(())
}

/// Runs what was asked for after the finishing transaction.
pub(crate) async fn after_load<S: Session>(session: &mut S, loads: &[TableLoad]) -> Result<(), Error> {
    for load in loads {
        let done = run(session, load, "after the load", &load.statements.after_load).await;
        done.map_err(|fault| fault.error.with_detail("rows", "they have landed and stay"))?;
    }
    Ok(())
}
