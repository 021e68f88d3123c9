//! Counts that lists and tags tell about other streams, to be held against what landed.
//!
//! Source: `active_subscribers` of `/lists` and `subscriber_count` of `/tags` in recorded answers
//! (activecampaign-api.md §7.5, §8.1).

use std::collections::HashMap;

use achub_core::{Batch, StreamName, Value, port::source::Told};

/// A field with a count, and what it counts.
struct Counter {
    stream: &'static str,
    field: &'static str,
    counted: &'static str,
    by: &'static str,
    equals: Option<(&'static str, i64)>,
}

const COUNTERS: &[Counter] = &[
    // Status 1 is an active membership.
    Counter {
        stream: "lists",
        field: "active_subscribers",
        counted: "contact_lists",
        by: "list",
        equals: Some(("status", 1)),
    },
    Counter { stream: "tags", field: "subscriber_count", counted: "contact_tags", by: "tag", equals: None },
];

/// Counts met so far, by the stream that tells them.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<&'static str, HashMap<i64, u64>>);

impl Counts {
    /// Takes the counts of a batch of `stream`; a record met again counts with its last value.
    pub(super) fn take(&mut self, stream: &str, batch: &Batch) {
        let Some(counter) = COUNTERS.iter().find(|counter| counter.stream == stream) else { return };
        let schema = batch.schema();
        let (Some(id), Some(count)) = (schema.index_of("id"), schema.index_of(counter.field)) else { return };
        let counts = self.0.entry(counter.stream).or_default();
        for (values, _) in batch.rows() {
            if let (Value::Integer(id), Value::Integer(count)) = (&values[id], &values[count])
                && let Ok(count) = u64::try_from(*count)
            {
                counts.insert(*id, count);
            }
        }
    }

    /// What was told.
    pub(super) fn told(mut self) -> Vec<Told> {
        let told = COUNTERS.iter().filter_map(|counter| {
            let counts = self.0.remove(counter.stream).filter(|counts| !counts.is_empty())?;
            Some(Told {
                stream: StreamName::new(counter.counted),
                equals: counter.equals.map(|(field, value)| (field.to_owned(), value)),
                by: counter.by.to_owned(),
                counts,
                whence: format!("{}.{}", counter.stream, counter.field),
            })
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use achub_api::streams;

    use super::COUNTERS;

    #[test]
    fn counters_name_fields_there_are() {
        for counter in COUNTERS {
            let field = |stream: &str, field: &str| {
                streams::find(stream).and_then(|stream| stream.field(field)).is_some()
            };
            assert!(field(counter.stream, counter.field) && field(counter.counted, counter.by));
            assert!(counter.equals.is_none_or(|(name, _)| field(counter.counted, name)));
        }
    }
}
