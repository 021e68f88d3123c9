//! `achub serve`: what the project file schedules happens by itself.

use std::{net::Ipv4Addr, sync::Arc};

use achub_core::{
    Code, Error, JobName, ReplicationName,
    code::Class,
    port::{
        clock::{Clock as _, SystemClock},
        progress::Silent,
        state::{RunRecord, RunStatus},
    },
};
use achub_engine::{Stop, import::ImportTicket};
use achub_server::{Daemon, Ended, Runner, Settings, Task, http};
use async_trait::async_trait;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    args,
    command::{context, importing::Importing, interrupt::Interrupt, replicate},
    config::{project::Project, replication_file::Overrides},
    output::{Failure, Output},
    wiring::{self, Context, Places, Store},
};

/// Works until it is interrupted.
///
/// Errors: no project file, a port that is taken, a store that cannot be opened.
pub async fn run(output: Output, places: &Places, flags: &args::Serve) -> Result<(), Failure> {
    let context = context(output, places)?;
    let Some(project) = &context.project else {
        return Err(Error::new(
            Code::BadFile,
            "there is no project file here or above, so there is nothing to do",
        )
        .with_hint("`achub init` writes one")
        .into());
    };
    let schedules =
        project.schedules.iter().map(|one| (JobName::new(&one.run), one.schedule.clone())).collect();
    let store = context.open_store().await?;
    let listener = listen(flags.port).await?;
    let settings = Settings { workers: flags.workers.into(), ..Settings::new(wiring::holder()) };
    let interrupt = Interrupt::listen(output);
    say(&context, project, &store, &listener)?;

    let clock = Arc::new(SystemClock);
    let doer = Arc::new(Doer(Arc::new(Desk { context, store: store.clone() })));
    let daemon = Daemon::new(store.clone(), doer, clock.clone(), schedules, settings);
    let served = http::serve(listener, daemon.health(), clock, interrupt.stop());
    let (worked, served) = tokio::join!(daemon.run(interrupt.stop()), served);
    store.close().await;
    worked?;
    served?;
    Err(Failure::Said(interrupt.exit_code()))
}

async fn listen(port: u16) -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|cause| {
        Error::new(Code::BadArgument, format!("--port: cannot listen on port {port} of 127.0.0.1"))
            .with_hint("take another port, or 0 for a free one; or another `achub serve` is at work here")
            .with_source(cause)
    })
}

fn say(context: &Context, project: &Project, store: &Store, listener: &TcpListener) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(|cause| {
        Failure::from(Error::new(Code::Bug, "the listener has no address").with_source(cause))
    })?;
    let url = format!("http://{address}");
    let output = &context.output;
    if output.is_json {
        return output.json("serve", json!({ "url": url, "store": store.place() }));
    }
    output.say(&format!(
        "Serving {} with {}; {url}/readyz tells how it is.",
        project.path.display(),
        store.place()
    ));
    let now = SystemClock.now();
    for one in &project.schedules {
        let next = one.schedule.next(now).map_or_else(|| "never".to_owned(), |next| next.to_string());
        output.say(&format!("  {}  {one}, next {next}", one.name));
    }
    output.say("Ctrl-C ends it at a safe point. Next  `achub runs list` in another window");
    Ok(())
}

/// Carries out what the project file names.
struct Doer(Arc<Desk>);

struct Desk {
    context: Context,
    store: Store,
}

impl Desk {
    fn project(&self) -> Result<&Project, Error> {
        self.context.project.as_ref().ok_or_else(|| Error::new(Code::Bug, "the project file is gone"))
    }

    async fn replicate(&self, name: &str, task: &Task, stop: &Stop) -> Result<Option<Class>, Error> {
        let ready = replicate::of_project(&self.context, name, Overrides::default()).await?;
        let summary =
            ready.hub.start_as(&task.run, &ready.replication, &ready.source, &*ready.target, stop).await;
        ready.store.close().await;
        Ok(summary?.class())
    }

    async fn import(&self, name: &str, task: &Task, stop: &Stop) -> Result<Option<Class>, Error> {
        let wanted = self.project()?.import(name)?;
        let importing = Importing::of_project(&self.context, wanted, &self.store, Arc::new(Silent))?;
        let ticket = ImportTicket { run: Some(task.run.clone()), fence: Some(task.fence) };
        Ok(importing.start(&ticket, stop).await?.class())
    }

    async fn work(&self, task: &Task, stop: &Stop) -> Result<Option<Class>, Error> {
        match task.job.as_str().split_once('.') {
            Some(("replications", name)) => self.replicate(name, task, stop).await,
            Some(("imports", name)) => self.import(name, task, stop).await,
            _ => Err(Error::new(Code::BadFile, format!("nothing here is called {}", task.job))),
        }
    }
}

#[async_trait]
impl Runner for Doer {
    async fn run(&self, task: &Task, stop: &Stop) -> Ended {
        let (desk, task, stop) = (self.0.clone(), task.clone(), stop.clone());
        let runtime = tokio::runtime::Handle::current();
        // What a run holds while it waits cannot be shown to be fit for any thread: it gets one of its own.
        let working = tokio::task::spawn_blocking(move || runtime.block_on(desk.work(&task, &stop)));
        let worked = working.await.unwrap_or_else(|panic| {
            Err(Error::new(Code::Bug, "the run ended in a panic").with_source(panic))
        });
        match worked {
            Ok(Some(Class::Interrupted)) => Ended::Stopped,
            // What failed in parts, was refused or held by a guard is in the run's own record, and would not be mended
            // by trying again before it is due.
            Ok(_) => Ended::Done,
            Err(error) => Ended::Failed(error),
        }
    }

    async fn give_up(&self, task: &Task, reason: &Error) -> Result<(), Error> {
        let now = SystemClock.now();
        let code = reason.code().id();
        let record = RunRecord {
            id: task.run.clone(),
            replication: ReplicationName::new(task.job.as_str()),
            started_at: now,
            finished_at: Some(now),
            status: RunStatus::Failed,
            summary: json!({ "error": [code, reason.to_string()] }),
        };
        self.0.store.put_run(&record).await
    }
}
