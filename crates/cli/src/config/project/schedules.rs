//! When something of a project file starts by itself.

use std::fmt;

use achub_core::{Code, Error};
use achub_engine::schedule::{Days, Form, Schedule};

use crate::config::{
    keys::{Keys, Origin},
    nearest::advice,
    project::jobs::texts,
    yaml::{Entry, Kind},
};

/// An entry of `schedules`.
#[derive(Debug)]
pub struct Scheduled {
    /// Its name.
    pub name: String,
    /// What it starts: `replications.NAME` or `imports.NAME`.
    pub run: String,
    /// When.
    pub schedule: Schedule,
}

const ENTRY: &[&str] = &["run", "every", "from", "at", "on", "cron", "zone", "missed"];

impl Scheduled {
    /// Reads an entry. `jobs` are the names it may start.
    ///
    /// Errors: `CF-104` for keys and names, `CF-109` for a schedule that cannot be, each with the place.
    pub fn read(origin: &Origin, entry: &Entry, jobs: &[String]) -> Result<Scheduled, Error> {
        let what = format!("schedules.{}", entry.key);
        let keys = Keys::of(origin, Code::BadFile, what.clone(), &entry.value, ENTRY)?;
        let run = keys.needed("run")?;
        if !jobs.iter().any(|job| job == run) {
            return Err(keys
                .error_at("run", format!("names {run:?}, which the file does not have"))
                .with_hint(advice(run, jobs.iter().map(String::as_str))));
        }
        let text = |key| Ok::<_, Error>(keys.text(key)?.map(|text| text.trim().to_owned()));
        let on = match keys.get("on").map(|node| &node.kind) {
            None => None,
            Some(Kind::List(_)) => Some(Days::Several(texts(&keys, "on")?)),
            Some(_) => text("on")?.map(Days::One),
        };
        let form = Form {
            every: text("every")?,
            from: text("from")?,
            at: text("at")?,
            on,
            cron: text("cron")?,
            zone: text("zone")?,
            missed: text("missed")?,
        };
        let place = format!("{}:{}: {what}", origin.name(), entry.place);
        let schedule = Schedule::from_form(&form).map_err(|error| error.context(place))?;
        Ok(Scheduled { name: entry.key.clone(), run: run.to_owned(), schedule })
    }
}

impl fmt::Display for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.run, self.schedule)
    }
}
