//! What becomes of decoded records on their way to the engine: passed on, or left out by start date or row limit.

use std::collections::{HashMap, HashSet};

use achub_api::{
    decode::{Decoded, DecodedPart},
    stream::Stream,
};
use achub_core::{
    Batch, StreamName, Value,
    port::source::{Part, Scope, WalkReport},
};
use jiff::Timestamp;

use crate::activecampaign::pages::key_hashes;

/// A stream a walk feeds, and what of it is wanted.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) stream: &'static Stream,
    /// Records whose cursor field is older are left out.
    pub(super) since: Option<Timestamp>,
    /// Records that may still be passed on.
    pub(super) room: Option<u64>,
    /// Hashes of the keys that were passed on, where there is a limit: a record met again does not count twice.
    pub(super) met: HashSet<u64>,
    /// The field that holds the key of the record it came with, for streams that are sideloaded.
    pub(super) parent_field: Option<&'static str>,
}

/// The streams of one walk.
#[derive(Debug)]
pub(super) struct Intake {
    feeds: Vec<Feed>,
    drift: HashMap<(StreamName, String), u64>,
    left_out: HashMap<StreamName, u64>,
}

impl Intake {
    pub(super) fn new(feeds: Vec<Feed>) -> Intake {
        Intake { feeds, drift: HashMap::new(), left_out: HashMap::new() }
    }

    pub(super) fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    /// Passes on what is wanted of a page. `parents` are the keys of the page's main records.
    pub(super) fn take(&mut self, decoded: Decoded, parents: &[i64]) -> Vec<Part> {
        let mut parts = Vec::new();
        for part in decoded.parts {
            let Some(feed) = self.feeds.iter_mut().find(|feed| feed.stream.name == part.stream.name) else {
                continue;
            };
            let name = StreamName::new(feed.stream.name);
            for (field, count) in &part.type_drift {
                *self.drift.entry((name.clone(), (*field).to_owned())).or_default() += count;
            }
            let mut batch = part.batch;
            let left_out = feed.leave_out_old(&mut batch);
            if left_out > 0 {
                *self.left_out.entry(name.clone()).or_default() += left_out;
            }
            let cut = feed.cut_to_room(&mut batch);
            // A page that was cut does not hold all children of its parents.
            let scope = feed
                .parent_field
                .filter(|_| !cut && !parents.is_empty())
                .map(|field| Scope { field: field.to_owned(), parents: parents.to_vec() });
            if !batch.is_empty() || scope.is_some() {
                parts.push(Part { stream: name, batch, scope });
            }
        }
        parts
    }

    /// Whether every stream has all the records that were asked for.
    pub(super) fn is_full(&self) -> bool {
        self.feeds.iter().all(|feed| feed.room == Some(0))
    }

    /// Whether a row limit was set at all.
    pub(super) fn is_limited(&self) -> bool {
        self.feeds.iter().any(|feed| feed.room.is_some())
    }

    /// Puts the counts into the walk's report.
    pub(super) fn report(self, report: &mut WalkReport) {
        report.limited = self.is_limited();
        report.type_drift = self.drift;
        for (name, count) in self.left_out {
            report.left_out.entry(name).or_insert(count);
        }
    }
}

impl Feed {
    /// Records without a value in the cursor field stay: nothing says that they are old.
    fn leave_out_old(&self, batch: &mut Batch) -> u64 {
        let (Some(since), Some(cursor)) = (self.since, self.stream.cursor) else { return 0 };
        let Some(index) = batch.schema().index_of(cursor.field) else { return 0 };
        let before = batch.len();
        batch.retain(|values| !matches!(values[index], Value::Timestamp(time) if time < since));
        (before - batch.len()) as u64
    }

    fn cut_to_room(&mut self, batch: &mut Batch) -> bool {
        let Some(room) = &mut self.room else { return false };
        let mut keys = key_hashes(batch).into_iter();
        let before = batch.len();
        batch.retain(|_| {
            let is_new = keys.next().is_some_and(|key| *room > 0 && self.met.insert(key));
            *room -= u64::from(is_new);
            is_new
        });
        batch.len() < before
    }
}

/// The integer keys of a batch; records without one are passed over.
pub(super) fn ids(batch: &Batch) -> Vec<i64> {
    (0..batch.len())
        .filter_map(|row| match batch.key(row).next() {
            Some(Value::Integer(id)) => Some(*id),
            _ => None,
        })
        .collect()
}

/// Keeps of a page only the main records with these ids, and what belongs to them.
pub(super) fn keep_only(decoded: &mut Decoded, feeds: &[Feed], ids: &HashSet<i64>) {
    for (index, part) in decoded.parts.iter_mut().enumerate() {
        let field = if index == 0 { part.stream.key.first().copied() } else { parent_field(part, feeds) };
        let Some(column) = field.and_then(|field| part.batch.schema().index_of(field)) else { continue };
        part.batch.retain(|values| matches!(values[column], Value::Integer(id) if ids.contains(&id)));
    }
}

fn parent_field(part: &DecodedPart, feeds: &[Feed]) -> Option<&'static str> {
    feeds.iter().find(|feed| feed.stream.name == part.stream.name)?.parent_field
}
