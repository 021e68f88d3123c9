//! `conns set`, `unset` and `remove`: changes to `env.yaml` that keep the rest of it.

use std::path::PathBuf;

use achub_core::{Code, Error};

use crate::{
    config::{
        connection::Connection,
        env_file::{load, save},
        keys::Origin,
        yaml::{Node, parse},
        yaml_edit::{self, Value},
    },
    output::{Failure, confirm},
    wiring::Context,
};

/// The keys that hold secrets, for the warning.
const SECRET_KEYS: &[&str] = &["api_key", "password", "secrets", "url"];

/// Sets `key=value` pairs of a connection. Values are texts; a dot in the key leads into a map.
pub fn set(context: &Context, name: &str, values: &[String]) -> Result<(), Failure> {
    let pairs = values
        .iter()
        .map(|value| {
            value.split_once('=').filter(|(key, _)| !key.trim().is_empty()).ok_or_else(|| {
                Error::new(Code::BadArgument, format!("{value:?} is not KEY=VALUE"))
                    .with_hint("for example: achub conns set LAKE type=sqlite path=lake.db")
            })
        })
        .collect::<Result<Vec<(&str, &str)>, Error>>()?;
    let (file, mut text) = target_file(context, name)?;
    for (key, value) in &pairs {
        let path: Vec<&str> = ["connections", name].into_iter().chain(key.trim().split('.')).collect();
        text = changed(&file, yaml_edit::set(&text, &path, &Value::Text((*value).to_owned())))?;
    }
    check(context, &file, &text, name)?;
    save(&file, &text)?;
    if pairs.iter().any(|(key, _)| SECRET_KEYS.iter().any(|secret| key.contains(secret))) {
        context.output.warn("the shell keeps this command, and with it the secret, in its history");
    }
    saved(context, name, &file);
    Ok(())
}

/// Writes a whole connection.
pub fn write(context: &Context, name: &str, value: &Value) -> Result<(), Error> {
    let (file, text) = target_file(context, name)?;
    let text = changed(&file, yaml_edit::set(&text, &["connections", name], value))?;
    check(context, &file, &text, name)?;
    save(&file, &text)?;
    saved(context, name, &file);
    Ok(())
}

fn saved(context: &Context, name: &str, file: &std::path::Path) {
    context.output.say(&format!("Saved {} in {}", name.to_uppercase(), file.display()));
    if let Ok(found) = context.connections.get(name)
        && found.is_variable()
    {
        context.output.warn(&format!("the variable {} shadows this entry as long as it is set", found.name));
    }
}

/// Takes a connection out.
pub fn unset(context: &Context, name: &str) -> Result<(), Failure> {
    let (file, text) = target_file(context, name)?;
    match changed(
        &file,
        yaml_edit::remove(&text, &["connections", name]).map(|text| text.unwrap_or_default()),
    )? {
        left if left.is_empty() && !holds(&text, name) => Err(not_there(context, name)),
        left => {
            save(&file, &left)?;
            context.output.say(&format!("Removed {} from {}", name.to_uppercase(), file.display()));
            Ok(())
        }
    }
}

/// Takes a connection out, after asking.
pub fn remove(context: &Context, name: &str, yes: bool) -> Result<(), Failure> {
    let (file, text) = target_file(context, name)?;
    if !holds(&text, name) {
        return Err(not_there(context, name));
    }
    if !yes {
        let question = format!("Remove the connection {} from {}?", name.to_uppercase(), file.display());
        if !confirmed(context, &question)? {
            context.output.say("Nothing was changed.");
            return Ok(());
        }
    }
    unset(context, name)
}

fn confirmed(context: &Context, question: &str) -> Result<bool, Error> {
    if !context.output.may_ask {
        return Err(Error::new(Code::BadArgument, "this needs a yes, and there is nobody to ask")
            .with_hint("add --yes"));
    }
    confirm(question)
}

fn not_there(context: &Context, name: &str) -> Failure {
    let error = match context.connections.get(name) {
        Ok(found) => Error::new(
            Code::UnknownConnection,
            format!(
                "the connection {} comes from {}, not from {}",
                found.name,
                found.source,
                context.home.env_file.display()
            ),
        )
        .with_hint("change it where it comes from"),
        Err(error) => error,
    };
    error.into()
}

/// The file that holds the connection, else the one new connections are written to; with its text.
fn target_file(context: &Context, name: &str) -> Result<(PathBuf, String), Error> {
    for file in context.home.env_files.iter().rev() {
        if let Some(text) = load(file)?.filter(|text| holds(text, name)) {
            return Ok((file.clone(), text));
        }
    }
    let file = context.home.env_file.clone();
    let text = load(&file)?.unwrap_or_default();
    Ok((file, text))
}

fn holds(text: &str, name: &str) -> bool {
    let Ok(root) = parse(text) else { return false };
    let entries = root.get("connections").and_then(Node::entries).unwrap_or_default();
    entries.iter().any(|entry| entry.key.eq_ignore_ascii_case(name))
}

fn changed<T>(file: &std::path::Path, change: Result<T, crate::config::yaml::Mistake>) -> Result<T, Error> {
    change.map_err(|mistake| Origin::new(file.display().to_string()).mistake(mistake))
}

/// What is about to be written must be understood when it is read again.
fn check(context: &Context, file: &std::path::Path, text: &str, name: &str) -> Result<(), Error> {
    let origin = Origin::new(file.display().to_string());
    let lookup = |variable: &str| context.environment.get(variable).map(str::to_owned);
    let read = crate::config::env_file::read(text, &origin, &lookup)?;
    let entry = read.connections.iter().find(|entry| entry.key.eq_ignore_ascii_case(name));
    let Some(entry) = entry else {
        return Err(Error::new(
            Code::Bug,
            format!("{} would not hold the connection {name}", file.display()),
        ));
    };
    Connection::read(
        &Origin::new(format!("{} as it would be", file.display())),
        &name.to_uppercase(),
        &entry.value,
    )?;
    Ok(())
}
