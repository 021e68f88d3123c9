//! `achub demo`: everything with a pretend account, on this machine alone.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use achub_client::Backoff;
use achub_connectors::activecampaign::Reading;
use achub_core::{Code, Error, Secret, port::progress::Silent};
use achub_engine::{Preview, Stop, Summary, hub::StreamSummary};
use achub_sim::{Control, FaultRule, Rate, Settings, Sim};
use jiff::Timestamp;
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    command::{
        conns,
        interrupt::Interrupt,
        plan,
        replication::{self, Ends, Ready},
        summary::closing_line,
    },
    config::{
        connection::{ActiveCampaign, Connection, Rate as Pace, Sqlite},
        replication_file::Overrides,
    },
    output::{Failure, count, duration, exit_code},
    wiring::Context,
};

const CONTACTS: u64 = 5_000;
const KEY: &str = "demo";
/// The pace of a real account, for saying what the same would take there.
const REAL_PACE: f64 = 4.0;

/// Changes made in the account between the two runs: collection, changed, created, deleted.
const CHANGES: &[(&str, u64, u64, u64)] = &[("contacts", 12, 3, 0), ("deals", 4, 1, 0), ("tags", 0, 1, 0)];

/// Plays the demo.
pub async fn run(context: &Context) -> Result<(), Failure> {
    let interrupt = Interrupt::listen(context.output);
    let account = Account::start().await?;
    let file = context.home.demo_file();
    remove_old(&file)?;
    let output = &context.output;
    output.say(&format!(
        "Pretend account ready at {}: {} contacts, a few deliberate problems.\n",
        account.url,
        count(CONTACTS)
    ));
    test_connection(context, &account).await?;
    let ends = account.ends(&file);

    let ready = replication::of_ends(context, &ends, &Overrides::default()).await?;
    let preview = ready.hub.preview(&ready.replication, &ready.source, &*ready.target).await?;
    show_plan(context, &preview);
    let first = one_run(context, &ready, interrupt.stop(), |_| true).await?;
    if let Some(class) = first.class() {
        return Err(ended(context, &interrupt, class));
    }
    account.change()?;
    output.say(&format!("\nChanged in the account meanwhile: {}. Running again.\n", changes()));
    let second = one_run(context, &ready, interrupt.stop(), |stream| stream.mode == "incremental").await?;
    ready.store.close().await;
    drop(ready);
    let met = account.problems_met();
    account.stop().await?;
    if let Some(class) = second.class() {
        return Err(ended(context, &interrupt, class));
    }
    report(context, &file, &[first, second], met)
}

fn ended(context: &Context, interrupt: &Interrupt, class: achub_core::code::Class) -> Failure {
    match class {
        achub_core::code::Class::Interrupted => {
            context.output.say("Stopped; start the demo again at any time.");
            Failure::Said(interrupt.exit_code())
        }
        class => Failure::Said(exit_code(class)),
    }
}

/// The simulator on a free port of this machine.
struct Account {
    url: String,
    control: Control,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<Result<(), achub_sim::Error>>,
}

impl Account {
    async fn start() -> Result<Account, Error> {
        let broken = |what: &'static str| move |error| Error::new(Code::Bug, what).with_source(error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(broken("cannot listen on 127.0.0.1"))?;
        let address = listener.local_addr().map_err(broken("the listener has no address"))?;
        let settings = Settings {
            contacts: CONTACTS,
            rate: Rate::Off,
            key: KEY.to_owned(),
            faults: problems()?,
            start: Timestamp::now(),
            ..Settings::default()
        };
        let sim = Sim::new(settings).map_err(|error| Error::new(Code::Bug, error.to_string()))?;
        let control = sim.control();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(sim.serve(listener, async {
            // Both the message and the end of its sender mean the demo is over.
            let _ = stopped.await;
        }));
        Ok(Account { url: format!("http://{address}"), control, stop, serving })
    }

    fn connection(&self) -> ActiveCampaign {
        ActiveCampaign {
            base_url: self.url.clone(),
            api_key: Secret::new(KEY),
            anchor: None,
            rate: Pace::Off,
            allow_private_address: true,
            reading: Reading::default(),
            backoff: Backoff::default(),
            rules: Vec::new(),
        }
    }

    fn ends(&self, file: &Path) -> Ends {
        let target = Connection::Sqlite(Sqlite { path: file.to_owned() });
        Ends {
            source: ("DEMO".to_owned(), Connection::ActiveCampaign(self.connection())),
            target: ("DEMO_DB".to_owned(), target),
        }
    }

    fn change(&self) -> Result<(), Error> {
        for (collection, change, create, delete) in CHANGES {
            let wish = json!({"collection": collection, "change": change, "create": create, "delete": delete, "seed": 7});
            self.control.mutate(&wish).map_err(|error| Error::new(Code::Bug, error.to_string()))?;
        }
        Ok(())
    }

    /// How often a deliberate problem was met.
    fn problems_met(&self) -> u64 {
        let faults = self.control.faults();
        faults.as_array().into_iter().flatten().filter_map(|rule| rule["hits"].as_u64()).sum()
    }

    async fn stop(self) -> Result<(), Error> {
        // The server may have ended already; then there is nobody to tell.
        let _ = self.stop.send(());
        let failed = |what: String| Error::new(Code::Bug, what);
        let served = self.serving.await.map_err(|error| failed(error.to_string()))?;
        served.map_err(|error| failed(error.to_string()))
    }
}

/// A burst of refusals, an answer that is cut off, a server error, an empty answer.
fn problems() -> Result<Vec<FaultRule>, Error> {
    let rules = json!([
        {"match": {"path": "/api/3/contacts", "nth": [9, 10, 11]}, "fault": {"rate_limited": {"retry_after": "1"}}},
        {"match": {"path": "/api/3/contacts", "nth": [20]}, "fault": {"cut_at": "half"}},
        {"match": {"path": "/api/3/deals", "nth": [3]}, "fault": {"status": 503, "body": "html"}},
        {"match": {"path": "/api/3/notes", "nth": [2]}, "fault": {"empty_body": true}},
    ]);
    FaultRule::read(&rules).map_err(|error| Error::new(Code::Bug, error.to_string()))
}

fn changes() -> String {
    let words = CHANGES.iter().map(|(collection, change, create, delete)| {
        let parts = [(change, "changed"), (create, "new"), (delete, "deleted")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| **number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        format!("{collection} {}", parts.join(", "))
    });
    words.collect::<Vec<_>>().join("; ")
}

/// The demo always starts from nothing: the account on the other side is new each time too.
fn remove_old(file: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let what = format!("cannot remove {}, left by an earlier demo", Path::new(&path).display());
                return Err(Error::new(Code::StoreBroken, what).with_source(error));
            }
            _ => {}
        }
    }
    Ok(())
}

async fn test_connection(context: &Context, account: &Account) -> Result<(), Failure> {
    let store = context.open_store().await?;
    let client = context.client("DEMO", &account.connection(), &store, Arc::new(Silent))?;
    let checks = conns::checked(&context.output, &client).await;
    store.close().await;
    conns::conclude(checks)
}

fn show_plan(context: &Context, preview: &Preview) {
    context.output.say(&format!("\n{}", plan::table(preview).words()));
    context.output.say(&format!("\n{}", plan::sum(preview)));
    let real = plan::requests_of_run(preview) as f64 / REAL_PACE;
    context.output.say(&format!(
        "The pretend account has no limit; a real one allows about {REAL_PACE} requests/s, there it takes about {}.\n",
        duration(real)
    ));
}

/// Runs `ready` and tells about the streams that are `worth_telling`.
async fn one_run(
    context: &Context,
    ready: &Ready,
    stop: &Stop,
    worth_telling: impl Fn(&StreamSummary) -> bool,
) -> Result<Summary, Error> {
    let summary = replication::start(ready, stop).await?;
    let silent = replication::tell_streams(&context.output, &ready.watch, &summary, worth_telling);
    if silent > 0 {
        let others = format!("and {silent} streams that cannot be asked for changes, read as a whole");
        context.output.say(&others);
    }
    summary.notes.iter().for_each(|note| context.output.warn(note));
    context.output.say(&closing_line(&summary));
    Ok(summary)
}

fn report(context: &Context, file: &Path, runs: &[Summary; 2], met: u64) -> Result<(), Failure> {
    let [first, second] = runs;
    if context.output.is_json {
        let value = json!({"file": file, "runs": runs, "problems_met": met});
        return context.output.json("demo", value);
    }
    let rows: u64 = second.streams.iter().map(|stream| stream.rows).sum();
    let touched: u64 = second.streams.iter().map(touched).sum();
    let mut text = format!(
        "\nLanded   {} rows of {} streams in {}\nCost     {} requests and {} for everything, {} requests and {} for the changes\n\
         Changes  {} rows added, changed or removed by the second run\nProblems {met} met on purpose and overcome\n\nTry\n",
        count(rows),
        second.streams.len(),
        file.display(),
        count(first.requests),
        duration(first.seconds),
        count(second.requests),
        duration(second.seconds),
        count(touched),
    );
    for query in QUERIES {
        text.push_str(&format!("  sqlite3 {} \"{query}\"\n", file.display()));
    }
    context.output.data(&text)?;
    context.output.next("achub conns add shop");
    Ok(())
}

/// Rows the second run touched where it could ask for changes; tables that are made anew count as touched as a whole
/// and say nothing.
fn touched(stream: &StreamSummary) -> u64 {
    match stream.mode.as_str() {
        "incremental" => stream.outcomes.added + stream.outcomes.changed + stream.outcomes.removed,
        _ => 0,
    }
}

/// Queries worth trying, and run by the demo's own test.
const QUERIES: &[&str] = &[
    "select t.tag, count(*) from contact_tags ct join tags t on t.id = ct.tag group by 1 order by 2 desc limit 5",
    "select s.title, count(*), sum(d.value) / 100.0 from deals d join deal_stages s on s.id = d.stage group by 1",
    "select * from contacts_wide limit 3",
];
