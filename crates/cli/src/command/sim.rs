//! `achub sim`.

use std::{net::Ipv4Addr, time::Duration};

use achub_core::{Code, Error};
use achub_sim::{FaultRule, Latency, Rate, Settings, Sim};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    args,
    command::interrupt::Signals,
    output::{Failure, Output},
};

/// Serves a pretend account until it is interrupted.
pub async fn run(output: &Output, flags: &args::Sim) -> Result<(), Failure> {
    let settings = settings(flags)?;
    let key = settings.key.clone();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, flags.port)).await.map_err(|error| {
        Error::new(Code::BadArgument, format!("--port: cannot listen on port {} of 127.0.0.1", flags.port))
            .with_hint("take another port, or 0 for a free one")
            .with_source(error)
    })?;
    let address = listener.local_addr().map_err(|error| bug("the listener has no address", error))?;
    let sim = Sim::new(settings).map_err(|error| failure(&error))?;
    let url = format!("http://{address}");
    match output.is_json {
        true => output.json("sim", json!({ "url": url, "key": key }))?,
        false => output.data(&format!("{url} key {key}\n"))?,
    }
    output.say("A pretend account; its connection needs `allow_private_address: true`. Ctrl-C ends it.");
    let mut signals = Signals::register();
    sim.serve(listener, async move {
        signals.next().await;
    })
    .await
    .map_err(|error| failure(&error))?;
    // Being interrupted is the only way a server ends: that is success.
    Ok(())
}

fn settings(flags: &args::Sim) -> Result<Settings, Error> {
    Ok(Settings {
        contacts: flags.contacts,
        seed: flags.seed,
        rate: rate(&flags.rate)?,
        latency: latency(&flags.latency)?,
        key: flags.key.clone(),
        faults: faults(flags)?,
        data: flags.data.clone(),
        // Its clock is ours, so that a cursor kept here means the same there. The history ends before today: all starts
        // of a day show the same records.
        start: Timestamp::now(),
        ..Settings::default()
    })
}

fn rate(text: &str) -> Result<Rate, Error> {
    match text.parse::<u32>() {
        _ if text.eq_ignore_ascii_case("off") => Ok(Rate::Off),
        Ok(rate) if rate > 0 => Ok(Rate::PerSecond(rate)),
        _ => Err(argument(format!("--rate: must be a whole number of 1 or more, or off, got {text:?}"))),
    }
}

fn latency(text: &str) -> Result<Latency, Error> {
    let wrong = || argument(format!("--latency: must be MS or MS+MS_PER_ROW, such as 300+0.5, got {text:?}"));
    let span = |text: &str| {
        let ms = text.trim().parse::<f64>().map_err(|_| wrong())?;
        Duration::try_from_secs_f64(ms / 1000.0).map_err(|_| wrong())
    };
    let (base, per_row) = text.split_once('+').unwrap_or((text, "0"));
    Ok(Latency { base: span(base)?, per_row: span(per_row)? })
}

fn faults(flags: &args::Sim) -> Result<Vec<FaultRule>, Error> {
    let Some(path) = &flags.faults else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| argument(format!("--faults: cannot read {}", path.display())).with_source(error))?;
    FaultRule::read_text(&text)
        .map_err(|error| Error::new(Code::BadFile, format!("{}: {error}", path.display())))
}

fn argument(what: String) -> Error {
    Error::new(Code::BadArgument, what)
}

fn failure(error: &achub_sim::Error) -> Error {
    let code = match error {
        achub_sim::Error::Serve(_) => Code::Bug,
        _ => Code::BadArgument,
    };
    let text = error.to_string();
    let cause = std::error::Error::source(error).map(ToString::to_string);
    match cause {
        Some(cause) => Error::new(code, text).with_detail("cause", cause),
        None => Error::new(code, text),
    }
}

fn bug(what: &str, error: std::io::Error) -> Error {
    Error::new(Code::Bug, what).with_source(error)
}
