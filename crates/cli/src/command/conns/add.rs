//! `conns add`: asks for what is missing, tests, saves.

use std::{io::Read as _, path::Path, sync::Arc};

use achub_client::{BaseUrl, Checks, Client};
use achub_core::{Code, Error, Secret, port::progress::Silent};
use url::Url;

use crate::{
    args::ConnsAdd,
    command::conns::{edit, test},
    config::{
        connection::{ActiveCampaign, Connection},
        keys::Origin,
        yaml::{Kind, Node, Place},
        yaml_edit::Value,
    },
    output::{Failure, count, duration},
    wiring::{Context, Store},
};

/// Contacts on one page; with them come tags, lists and field values.
const CONTACTS_PER_REQUEST: u64 = 100;
/// The pace without an explicit figure, requests a second.
const PACE_USUAL: f64 = 4.0;

/// Adds the connection the flags describe.
pub async fn run(context: &Context, flags: &ConnsAdd, yes: bool) -> Result<(), Failure> {
    if let Ok(found) = context.connections.get(&flags.name)
        && !yes
    {
        return Err(Error::new(
            Code::BadArgument,
            format!("the connection {} is there already, from {}", found.name, found.source),
        )
        .with_hint("take another name, or add --yes to replace it")
        .into());
    }
    let url = match &flags.url {
        Some(url) => url.clone(),
        None => ask(context, "URL", "--url", "It is in ActiveCampaign under Settings → Developer")?,
    };
    match url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        Some("postgres" | "postgresql" | "sqlite" | "duckdb" | "file") => target(context, flags, &url).await,
        _ => account(context, flags, &url).await,
    }
}

fn ask(context: &Context, what: &str, flag: &str, help: &str) -> Result<String, Error> {
    if !context.output.may_ask {
        return Err(Error::new(Code::BadArgument, format!("{flag} is missing, and there is nobody to ask"))
            .with_hint(help));
    }
    let answer = inquire::Text::new(what).with_help_message(help).prompt();
    answer.map_err(|error| Error::new(Code::BadArgument, "the question was not answered").with_source(error))
}

/// The key or password: from a file, standard input, or a prompt without echo. Never from the command line.
fn secret(context: &Context, flags: &ConnsAdd, what: &str) -> Result<Secret, Error> {
    if let Some(variable) = &flags.key_variable {
        return match context.environment.filled(variable) {
            Some(value) => Ok(Secret::new(value)),
            None => Err(Error::new(Code::BadArgument, format!("--key-variable: {variable} is not set"))),
        };
    }
    if let Some(path) = &flags.key_file {
        return read_secret(path);
    }
    if !context.output.may_ask {
        return Err(Error::new(
            Code::BadArgument,
            format!("the {what} is missing, and there is nobody to ask"),
        )
        .with_hint("give it by --key-file FILE, --key-file - for standard input, or --key-variable NAME"));
    }
    let prompt = inquire::Password::new(what).without_confirmation();
    let answer = prompt.with_help_message("It is not shown. It gives full access: never publish it").prompt();
    let answer = answer
        .map_err(|error| Error::new(Code::BadArgument, "the question was not answered").with_source(error))?;
    Ok(Secret::new(answer.trim()))
}

fn read_secret(path: &Path) -> Result<Secret, Error> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text).map(|_| ()),
        false => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|error| {
        Error::new(Code::BadArgument, format!("--key-file: cannot read {}", path.display()))
            .with_source(error)
    })?;
    match text.trim() {
        "" => Err(Error::new(Code::BadArgument, "--key-file: the file is empty")),
        text => Ok(Secret::new(text)),
    }
}

async fn account(context: &Context, flags: &ConnsAdd, url: &str) -> Result<(), Failure> {
    let pasted = BaseUrl::parse(url)?;
    pasted.notes.iter().for_each(|note| context.output.say(note));
    let key = secret(context, flags, "Key")?;
    let name = flags.name.to_uppercase();
    let entry = |base_url: &BaseUrl| entry(flags, &base_url.to_string(), &key);
    let mut base_url = pasted.url.clone();
    let mut tested = None;
    if !flags.no_test {
        let read = understood(&name, &entry(&base_url))?;
        let store = context.open_store().await?;
        let (found, client, checks) =
            first_that_answers(context, &name, &read, &pasted.candidates(), &store).await?;
        store.close().await;
        if !checks.passed() {
            return test::conclude(checks);
        }
        base_url = found;
        tested = Some((client, checks));
    }
    let value = stored(flags, &entry(&base_url));
    edit::write(context, &flags.name, &value)?;
    if let Some((client, checks)) = tested {
        context.output.say(&estimate(&name, &client, &checks));
    }
    context
        .output
        .next(&format!("achub replicate plan --from {name} --to sqlite://{}.db", name.to_lowercase()));
    Ok(())
}

/// Tests the candidates one after the other; the last one tested is the one that counts.
async fn first_that_answers(
    context: &Context,
    name: &str,
    account: &ActiveCampaign,
    candidates: &[BaseUrl],
    store: &Store,
) -> Result<(BaseUrl, Client, Checks), Error> {
    let mut last = None;
    for base_url in candidates {
        let client = context.client_of(name, account, base_url.clone(), store, Arc::new(Silent))?;
        if candidates.len() > 1 {
            context.output.say(&format!("Trying {base_url}"));
        }
        let checks = test::checked(&context.output, &client).await;
        let passed = checks.passed();
        last = Some((base_url.clone(), client, checks));
        if passed {
            break;
        }
    }
    last.ok_or_else(|| Error::new(Code::Bug, "an address has at least one spelling"))
}

/// The entry with the key in it, for reading.
fn entry(flags: &ConnsAdd, base_url: &str, key: &Secret) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    let pair = |key: &str, value: Value| (key.to_owned(), value);
    let mut inputs = Vec::new();
    if let Some(rate) = &flags.requests_per_second {
        inputs.push(pair("requests_per_second", text(rate)));
    }
    if flags.allow_private_address {
        inputs.push(pair("allow_private_address", text("true")));
    }
    let secrets = vec![pair("api_key", text(key.expose())), pair("base_url", text(base_url))];
    let mut entry = vec![
        pair("type", text("api")),
        pair("spec", text("activecampaign")),
        pair("secrets", Value::Map(secrets)),
    ];
    if !inputs.is_empty() {
        entry.push(pair("inputs", Value::Map(inputs)));
    }
    Value::Map(entry)
}

/// The entry as it is stored: with `--key-variable`, the variable's name stands in place of the key.
fn stored(flags: &ConnsAdd, entry: &Value) -> Value {
    match (&flags.key_variable, entry) {
        (Some(variable), Value::Map(pairs)) => {
            let replaced = pairs.iter().map(|(key, value)| match (key.as_str(), value) {
                ("api_key", _) => (key.clone(), Value::Text(format!("${{{variable}}}"))),
                (_, inner) => (key.clone(), stored(flags, inner)),
            });
            Value::Map(replaced.collect())
        }
        (_, entry) => entry.clone(),
    }
}

fn understood(name: &str, entry: &Value) -> Result<ActiveCampaign, Error> {
    let origin = Origin::new("conns add");
    match Connection::read(&origin, name, &node(entry))? {
        Connection::ActiveCampaign(account) => Ok(account),
        _ => Err(Error::new(Code::Bug, "an account was described and something else was read")),
    }
}

/// The value as a tree, as if it had been read.
fn node(value: &Value) -> Node {
    let place = Place { line: 1, column: 1 };
    match value {
        Value::Text(text) => Node::made(text.clone(), place),
        Value::Map(pairs) => {
            let entries = pairs.iter().map(|(key, value)| crate::config::yaml::Entry {
                key: key.clone(),
                place,
                value: node(value),
            });
            Node { place, kind: Kind::Map(entries.collect()) }
        }
    }
}

/// How long a full replication takes, reckoned from the contacts.
fn estimate(name: &str, client: &Client, checks: &Checks) -> String {
    let contacts = checks.readable.iter().find(|one| one.stream.as_str() == "contacts");
    let Some(contacts) = contacts.and_then(|one| one.records.as_ref().ok().copied().flatten()) else {
        return format!("{name} works; it does not say how many contacts it holds.");
    };
    let requests = contacts.div_ceil(CONTACTS_PER_REQUEST);
    let pace = client.requests_per_second();
    let seconds = requests as f64 / pace.unwrap_or(PACE_USUAL);
    format!(
        "{name} holds {} contacts: reading all with lists, tags and field values is about {} requests and {}; larger \
         accounts take longer.",
        count(contacts),
        count(requests),
        duration(seconds)
    )
}

async fn target(context: &Context, flags: &ConnsAdd, url: &str) -> Result<(), Failure> {
    let mut url = url.to_owned();
    if url.starts_with("postgres") {
        url = with_password(context, flags, &url)?;
    }
    let node = Node::made(url.clone(), Place { line: 1, column: 1 });
    let name = flags.name.to_uppercase();
    let connection = Connection::of_url(&Origin::new("--url"), &name, &node)?;
    if !flags.no_test {
        let target = context.target(&name, &connection).await?;
        target.check().await?;
        let info = target.info();
        context
            .output
            .check(Some(true), &format!("{} at {}: tables can be made and written", info.kind, info.place));
    }
    edit::write(context, &flags.name, &Value::Map(vec![("url".to_owned(), Value::Text(url))]))?;
    Ok(())
}

/// The URL with a password that came by file, variable or prompt.
fn with_password(context: &Context, flags: &ConnsAdd, url: &str) -> Result<String, Error> {
    let wrong =
        || Error::new(Code::BadArgument, "--url: is not a URL like postgres://USER@HOST:5432/DATABASE");
    let mut parsed = Url::parse(url).map_err(|_| wrong())?;
    if parsed.password().is_some() {
        return Err(Error::new(
            Code::BadArgument,
            "--url: a password on the command line stays in the shell's history",
        )
        .with_hint("leave it out of the URL; it is asked for, or give it by --key-file or --key-variable"));
    }
    let given = flags.key_file.is_some() || flags.key_variable.is_some() || context.output.may_ask;
    if !given || parsed.username().is_empty() {
        return Ok(url.to_owned());
    }
    if let Some(variable) = &flags.key_variable {
        secret(context, flags, "Password")?;
        let user = parsed.username().to_owned();
        return Ok(url.replacen(&format!("{user}@"), &format!("{user}:${{{variable}}}@"), 1));
    }
    let password = secret(context, flags, "Password")?;
    if !password.expose().is_empty() {
        parsed.set_password(Some(password.expose())).map_err(|()| wrong())?;
    }
    Ok(parsed.into())
}
