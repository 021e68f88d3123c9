//! A schedule in one line.

use crate::schedule::form::{Days, Form};

const FORMS: &str = "every 2 hours, daily at 06:10, weekly on monday at 06:10, or cron 10 6 * * *";

/// The keys that a line stands for.
pub(super) fn form(line: &str) -> Result<Form, String> {
    let (line, missed) = match line.rsplit_once(',') {
        Some((rest, last)) if last.trim_start().to_ascii_lowercase().starts_with("missed") => {
            (rest, Some(missed(last)?))
        }
        _ => (line, None),
    };
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let form = match first.to_ascii_lowercase().as_str() {
        "every" => every(rest),
        "daily" => calendar(rest, None),
        "weekly" => weekly(rest)?,
        "cron" => cron(rest),
        _ if first.starts_with('@') => cron(line),
        _ => return Err(format!("it begins with {first:?}; write {FORMS}")),
    };
    Ok(Form { missed, ..form })
}

/// The line of keys that were read.
pub(super) fn line(form: &Form) -> String {
    let zone = form.zone.as_ref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    let start = match (&form.every, &form.at, &form.cron) {
        (Some(every), ..) => {
            let from = form.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
            format!("every {every}{from}")
        }
        (_, Some(at), _) => match &form.on {
            Some(on) => format!("weekly on {} at {at}{zone}", on.words().join(", ")),
            None => format!("daily at {at}{zone}"),
        },
        (.., cron) => format!("cron {}{zone}", cron.as_deref().unwrap_or_default()),
    };
    match &form.missed {
        Some(missed) => format!("{start}, missed: {missed}"),
        None => start,
    }
}

/// `missed: skip`, `missed skip`.
fn missed(text: &str) -> Result<String, String> {
    let text = text.trim();
    let word = text["missed".len()..].trim_start().trim_start_matches(':').trim();
    match word {
        "" => Err("missed is once or skip, nothing is there".to_owned()),
        word => Ok(word.to_ascii_lowercase()),
    }
}

/// The text before the last such word that stands alone, and what is behind it.
fn split<'t>(text: &'t str, word: &str) -> (&'t str, Option<&'t str>) {
    let lower = text.to_ascii_lowercase();
    match lower.rfind(&format!(" {word} ")) {
        Some(at) => (text[..at].trim(), Some(text[at + word.len() + 2..].trim())),
        None => (text, None),
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn every(rest: &str) -> Form {
    let (every, from) = split(rest, "from");
    Form { every: owned(Some(every)), from: owned(from), ..Form::default() }
}

fn cron(rest: &str) -> Form {
    let (cron, zone) = split(rest, "in");
    Form { cron: owned(Some(cron)), zone: owned(zone), ..Form::default() }
}

/// `at 06:10 in Europe/Berlin`; the `at` may be left out.
fn calendar(rest: &str, on: Option<Days>) -> Form {
    let (at, zone) = split(rest, "in");
    let at = at.strip_prefix("at ").unwrap_or(at).trim();
    Form { at: owned(Some(at)), on, zone: owned(zone), ..Form::default() }
}

fn weekly(rest: &str) -> Result<Form, String> {
    let (days, at) = split(rest, "at");
    let at = at.ok_or_else(|| "weekly needs a time: weekly on monday at 06:10".to_owned())?;
    let days = days.strip_prefix("on ").unwrap_or(days);
    let days: Vec<String> = days
        .split([',', ' '])
        .filter(|day| !day.is_empty() && !day.eq_ignore_ascii_case("and"))
        .map(str::to_owned)
        .collect();
    Ok(calendar(at, Some(Days::Several(days))))
}
