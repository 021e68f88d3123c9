//! `achub conns`: connections, one file per thing done with them.

mod add;
mod discover;
mod edit;
mod list;
mod test;

pub use test::{checked, conclude, failure_of};

use crate::{args::Conns, output::Failure, wiring::Context};

/// Carries out a verb.
pub async fn run(context: &Context, verb: &Conns, yes: bool) -> Result<(), Failure> {
    match verb {
        Conns::List { output } => list::list(context, &context.output.in_form(*output)),
        Conns::Show { name } => list::show(context, name),
        Conns::Test { name } => test::run(context, name).await,
        Conns::Discover { name, pattern, columns, output } => {
            let output = context.output.in_form(*output);
            discover::run(context, &output, name, pattern.as_deref(), *columns).await
        }
        Conns::Add(flags) => add::run(context, flags, yes).await,
        Conns::Set { name, values } => edit::set(context, name, values),
        Conns::Unset { name } => edit::unset(context, name),
        Conns::Remove { name } => edit::remove(context, name, yes),
    }
}
