//! A schedule as the keys of a project file.

use jiff::{
    Timestamp,
    civil::{Time, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use crate::schedule::{Missed, Schedule, When, cron::Cron};

/// The longest interval: what is rarer is a matter of the calendar.
const EVERY_HOURS_MAX: i64 = 366 * 24;

/// A schedule in keys. Exactly one of `every`, `at` and `cron` is there.
///
/// ```yaml
/// { every: 2 hours }
/// { at: "06:10", zone: Europe/Berlin }
/// { at: "06:10", on: [monday, friday], zone: Europe/Berlin, missed: skip }
/// { cron: "10 6 * * 1-5", zone: Europe/Berlin }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// An interval of whole minutes or hours: `15 minutes`, `2 hours`, `hour`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// A moment that the interval is counted from; 1970 without one, so that hours begin at the full hour in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// A time of day: `06:10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Days of the week for `at`; every day without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Days>,
    /// A cron expression of five fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The zone of `at` and `cron` by its name in the time zone database; UTC without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// What becomes of missed times: `once` (without it) or `skip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
}

/// One day of the week, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Days {
    /// `monday`.
    One(String),
    /// `[monday, friday]`.
    Several(Vec<String>),
}

impl Days {
    /// The days as they were written.
    pub fn words(&self) -> &[String] {
        match self {
            Days::One(day) => std::slice::from_ref(day),
            Days::Several(days) => days,
        }
    }
}

/// Reads a form. Errors: which key is wrong, and why.
pub(super) fn read(form: &Form) -> Result<Schedule, String> {
    let missed = missed(form.missed.as_deref())?;
    let (when, written) = match (&form.every, &form.at, &form.cron) {
        (Some(every), None, None) => interval(form, every)?,
        (None, Some(at), None) => time_of_day(form, at)?,
        (None, None, Some(cron)) => cron_expression(form, cron)?,
        (None, None, None) => return Err("one of every, at and cron is missing".to_owned()),
        _ => return Err("only one of every, at and cron may be there".to_owned()),
    };
    let missed_word = (missed != Missed::default()).then(|| missed.word().to_owned());
    Ok(Schedule { when, missed, form: Form { missed: missed_word, ..written } })
}

fn missed(word: Option<&str>) -> Result<Missed, String> {
    match word.map(str::trim) {
        None | Some("once") => Ok(Missed::Once),
        Some("skip") => Ok(Missed::Skip),
        Some(other) => Err(format!("missed is once or skip, got {other:?}")),
    }
}

fn refuse<T>(key: &str, value: Option<&T>, beside: &str) -> Result<(), String> {
    match value {
        None => Ok(()),
        Some(_) => Err(format!("{key} does not go with {beside}")),
    }
}

fn interval(form: &Form, every: &str) -> Result<(When, Form), String> {
    refuse("on", form.on.as_ref(), "every")?;
    refuse("zone", form.zone.as_ref(), "every: an interval is the same everywhere")?;
    let (count, unit) = count_and_unit(every)?;
    let (minutes, word) = match unit.trim_end_matches('s') {
        "minute" | "min" => (1, "minute"),
        "hour" => (60, "hour"),
        "day" => {
            return Err(
                "an interval is in minutes or hours; for days write `at` or \"daily at 06:10\"".to_owned()
            );
        }
        other => return Err(format!("every: an interval is in minutes or hours, got {other:?}")),
    };
    if count == 0 {
        return Err("every: an interval of nothing would never start anything".to_owned());
    }
    if count > EVERY_HOURS_MAX * 60 / minutes {
        return Err(format!("every: {every} is longer than a year"));
    }
    let from = match &form.from {
        None => Timestamp::UNIX_EPOCH,
        Some(from) => from
            .trim()
            .parse()
            .map_err(|_| format!("from: {from:?} is not a moment such as 2026-01-01T00:10:00Z"))?,
    };
    let plural = if count == 1 { "" } else { "s" };
    let written = Form {
        every: Some(format!("{count} {word}{plural}")),
        from: form.from.as_ref().map(|_| from.to_string()),
        ..Form::default()
    };
    Ok((When::Every { seconds: count * minutes * 60, from }, written))
}

/// `15 minutes`, `15min`, `hour`.
fn count_and_unit(every: &str) -> Result<(i64, String), String> {
    let every = every.trim().to_ascii_lowercase();
    let unit = every.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &every[..every.len() - unit.len()];
    let count = match digits {
        "" => 1,
        digits => digits.parse().map_err(|_| format!("every: {digits} is too large"))?,
    };
    match unit.trim() {
        "" => Err(format!("every: minutes or hours are missing behind {every:?}")),
        unit => Ok((count, unit.to_owned())),
    }
}

fn time_of_day(form: &Form, at: &str) -> Result<(When, Form), String> {
    refuse("from", form.from.as_ref(), "at")?;
    let time = time(at)?;
    let (zone, zone_name) = zone(form.zone.as_deref())?;
    let days = match &form.on {
        None => Vec::new(),
        Some(on) if on.words().is_empty() => return Err("on: no day of the week is named".to_owned()),
        Some(on) => on.words().iter().map(|word| weekday(word)).collect::<Result<Vec<Weekday>, String>>()?,
    };
    let cron = Cron::at(time.hour(), time.minute(), &days);
    let mut sorted = days;
    sorted.sort_by_key(|day| day.to_monday_zero_offset());
    sorted.dedup();
    let words: Vec<String> = sorted.into_iter().map(|day| word(day).to_owned()).collect();
    let written = Form {
        at: Some(time.strftime("%H:%M").to_string()),
        on: (!words.is_empty()).then_some(Days::Several(words)),
        zone: Some(zone_name),
        ..Form::default()
    };
    Ok((When::Calendar { cron, zone }, written))
}

fn cron_expression(form: &Form, text: &str) -> Result<(When, Form), String> {
    refuse("from", form.from.as_ref(), "cron")?;
    refuse("on", form.on.as_ref(), "cron: its fifth field names the days")?;
    let cron = Cron::parse(text).map_err(|why| format!("cron: {why}"))?;
    let (zone, zone_name) = zone(form.zone.as_deref())?;
    let text: Vec<&str> = text.split_whitespace().collect();
    let written = Form { cron: Some(text.join(" ")), zone: Some(zone_name), ..Form::default() };
    Ok((When::Calendar { cron, zone }, written))
}

fn time(at: &str) -> Result<Time, String> {
    let fault = || format!("at: {at:?} is not a time of day such as 06:10");
    let (hour, minute) = at.trim().split_once(':').ok_or_else(fault)?;
    let number = |text: &str| match text.len() {
        1 | 2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<i8>().map_err(|_| fault()),
        _ => Err(fault()),
    };
    if minute.len() != 2 {
        return Err(fault());
    }
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| fault())
}

fn zone(name: Option<&str>) -> Result<(TimeZone, String), String> {
    let Some(name) = name.map(str::trim) else { return Ok((TimeZone::UTC, "UTC".to_owned())) };
    let zone = TimeZone::get(name).map_err(|_| match jiff::tz::db().is_definitively_empty() {
        true => format!("zone: this machine has no time zone database to find {name:?} in; install `tzdata`"),
        false => format!("zone: there is no time zone {name:?}; write it like Europe/Berlin"),
    })?;
    let official = zone.iana_name().unwrap_or(name).to_owned();
    Ok((zone, official))
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// A day of the week by its name, or at least three letters of it.
fn weekday(typed: &str) -> Result<Weekday, String> {
    let lower = typed.trim().to_ascii_lowercase();
    let found = WEEKDAYS.iter().find(|(word, _)| lower.len() >= 3 && word.starts_with(&lower));
    found.map(|(_, day)| *day).ok_or_else(|| format!("on: {typed:?} is not a day of the week such as monday"))
}

fn word(day: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, known)| *known == day).map_or("", |(word, _)| word)
}
