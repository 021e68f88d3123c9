//! `achub conns`: connections, one file per thing done with them.

mod add;
mod discover;
mod edit;
mod exec;
mod list;
mod test;

pub use test::{checked, conclude, failure_of};

use achub_core::{Code, Error};
use clap::ValueEnum as _;

use crate::{
    args::Conns,
    output::{Failure, Form, Output},
    wiring::Context,
};

/// Carries out a verb.
pub async fn run(context: &Context, verb: &Conns, yes: bool) -> Result<(), Failure> {
    match verb {
        Conns::List { output } => list::list(context, &in_form(context, *output)?),
        Conns::Exec { name, sql, limit, output } => {
            exec::run(context, &in_form(context, *output)?, name, sql, *limit).await
        }
        Conns::Show { name } => list::show(context, name),
        Conns::Test { name, endpoints } if endpoints.is_empty() => test::run(context, name).await,
        Conns::Test { name, endpoints } => test::streams(context, name, endpoints).await,
        Conns::Discover { name, pattern, columns, output } => {
            let output = in_form(context, *output)?;
            discover::run(context, &output, name, pattern.as_deref(), *columns).await
        }
        Conns::Add(flags) => add::run(context, flags, yes).await,
        Conns::Set { name, values } => edit::set(context, name, values),
        Conns::Unset { name } => edit::unset(context, name),
        Conns::Remove { name } => edit::remove(context, name, yes),
    }
}

/// The output in the form that the flag names, else `SLING_OUTPUT`.
///
/// Errors: `CF-106` for a form there is none of.
fn in_form(context: &Context, flag: Option<Form>) -> Result<Output, Error> {
    let by_variable = context.environment.filled("SLING_OUTPUT").map(|word| {
        Form::from_str(word.trim(), true).map_err(|_| {
            Error::new(Code::BadArgument, format!("SLING_OUTPUT must be text, csv or json, got {word:?}"))
        })
    });
    let form = if flag.is_some() { flag } else { by_variable.transpose()? };
    Ok(context.output.in_form(form))
}
