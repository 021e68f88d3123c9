//! `achub streams sample`: what the values of a stream look like, without showing whose they are.

use achub_core::{Batch, Error, StreamName, Value as Cell};
use serde_json::{Value, json};

use crate::{
    args::Sample,
    command::asking::Asking,
    config::known_stream,
    output::{Failure, Table},
    wiring::Context,
};

/// Values shown of each field at the most.
const SHOWN: usize = 3;

/// Reads a few records of a stream and shows for each field how often it is filled and what is in it, masked.
pub async fn run(context: &Context, flags: &Sample) -> Result<(), Failure> {
    let known = known_stream::all();
    let name = known_stream::normal(&flags.stream);
    if !known.iter().any(|stream| stream.name == name) {
        return Err(known_stream::unknown(&known, &flags.stream).into());
    }
    let asking = Asking::open(context, &flags.from).await?;
    let sampled = asking.source.sample(&StreamName::new(&name), flags.count.max(1)).await;
    let requests = asking.close().await;
    let batch = sampled?;
    let table = table(&batch)?;
    context.output.table("streams sample", &table)?;
    context.output.say(&format!("{} records of {name}, {requests} requests; values are masked", batch.len()));
    Ok(())
}

/// One row per field.
fn table(batch: &Batch) -> Result<Table, Error> {
    let mut table = Table::new(&["field", "type", "filled", "samples"]);
    for (index, field) in batch.schema().fields.iter().enumerate() {
        let values: Vec<&Cell> = batch.rows().map(|(row, _)| &row[index]).collect();
        let filled: Vec<&Cell> = values.iter().copied().filter(|value| is_filled(value)).collect();
        let share = match values.len() {
            0 => Value::Null,
            of => json!(format!("{} %", filled.len() * 100 / of)),
        };
        let mut samples: Vec<String> = Vec::new();
        for value in filled {
            let masked = masked(value);
            if !samples.contains(&masked) && samples.len() < SHOWN {
                samples.push(masked);
            }
        }
        table.push([json!(field.name), json!(field.ty.name()), share, json!(samples.join(" | "))]);
    }
    Ok(table)
}

fn is_filled(value: &Cell) -> bool {
    match value {
        Cell::Null => false,
        Cell::Text(text) => !text.is_empty(),
        _ => true,
    }
}

/// A value with what could tell a person left out. Numbers, times and truth values stay; documents are shown by their
/// size.
fn masked(value: &Cell) -> String {
    match value {
        Cell::Text(text) => masked_text(text),
        Cell::Json(text) => format!("{{… {} characters}}", text.chars().count()),
        other => other.display(),
    }
}

/// `mia@example.com` → `m…@example.com`, `Mia Müller` → `M… M…`, `+49 30 1234567` → `…67`.
fn masked_text(text: &str) -> String {
    if let Some((local, domain)) = text.split_once('@') {
        let first: String = local.chars().take(1).collect();
        return format!("{first}…@{domain}");
    }
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    let others = text.chars().filter(|character| character.is_alphabetic()).count();
    if digits.len() >= 5 && others == 0 {
        let last: String = digits[digits.len() - 2..].iter().collect();
        return format!("…{last}");
    }
    let word = |word: &str| match word.chars().count() {
        0..=1 => word.to_owned(),
        _ => format!("{}…", word.chars().take(1).collect::<String>()),
    };
    const WORDS: usize = 4;
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown: Vec<String> = words.iter().take(WORDS).map(|text| word(text)).collect();
    let more = if words.len() > WORDS { " …" } else { "" };
    shown.join(" ") + more
}

#[cfg(test)]
mod tests {
    use super::masked_text;

    #[test]
    fn nobody_is_known_by_a_sample() {
        for (text, masked) in [
            ("mia@example.com", "m…@example.com"),
            ("Mia Müller", "M… M…"),
            ("+49 30 1234567", "…67"),
            ("10.0.0.17", "…17"),
            ("a", "a"),
            ("a long text about somebody", "a l… t… a… …"),
            ("1234", "1…"),
        ] {
            assert_eq!(masked_text(text), masked);
        }
    }
}
