//! What becomes of decoded records on their way to the engine: passed on, or left out by start date or row limit.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use achub_api::{
    decode::{Decoded, DecodedPart},
    stream::Stream,
};
use achub_core::{
    Batch, StreamName, Value,
    port::source::{Part, Scope, WalkReport},
};

use crate::activecampaign::{pages::key_hashes, span::Span, told::Counts, wide};

/// A stream a walk feeds, and what of it is wanted.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) stream: &'static Stream,
    /// Records whose cursor field lies outside are left out.
    pub(super) span: Span,
    /// Records that are still to be passed over.
    pub(super) skip: u64,
    /// Whether records were to be passed over at all.
    pub(super) is_skipping: bool,
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
    reduced: HashMap<StreamName, Reduced>,
    counts: Counts,
    /// How contacts are laid out with their custom fields, where that is wanted.
    layout: Option<Arc<wide::Layout>>,
}

impl Intake {
    pub(super) fn new(feeds: Vec<Feed>) -> Intake {
        Intake {
            feeds,
            drift: HashMap::new(),
            left_out: HashMap::new(),
            reduced: HashMap::new(),
            counts: Counts::default(),
            layout: None,
        }
    }

    /// The same intake, laying out contacts.
    pub(super) fn laying_out(self, layout: Option<Arc<wide::Layout>>) -> Intake {
        Intake { layout, ..self }
    }

    /// The streams that are fed.
    pub(super) fn streams(&self) -> Vec<StreamName> {
        self.feeds.iter().map(|feed| StreamName::new(feed.stream.name)).collect()
    }

    pub(super) fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    /// Passes on what is wanted of a page. `parents` are the keys of the page's main records.
    pub(super) fn take(&mut self, mut decoded: Decoded, parents: &[i64]) -> Vec<Part> {
        let mut parts = Vec::new();
        let laid_out = self.laid_out(&decoded);
        decoded.parts.extend(laid_out);
        for part in decoded.parts {
            let Some(feed) = self.feeds.iter_mut().find(|feed| feed.stream.name == part.stream.name) else {
                continue;
            };
            let name = StreamName::new(feed.stream.name);
            for (field, count) in &part.type_drift {
                *self.drift.entry((name.clone(), (*field).to_owned())).or_default() += count;
            }
            let mut batch = part.batch;
            self.counts.take(feed.stream.name, &batch);
            if let Some(reduced) = Reduced::rows_of(&batch) {
                self.reduced.entry(name.clone()).or_default().count(&batch, &reduced);
            }
            let left_out = feed.leave_out(&mut batch);
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

    /// The contacts of a page with their custom fields, where a feed wants them.
    fn laid_out(&mut self, decoded: &Decoded) -> Option<DecodedPart> {
        let layout = self.layout.as_ref()?;
        let feed = self.feeds.iter().find(|feed| feed.stream.name == wide::NAME)?;
        let contacts = decoded.parts.first().filter(|part| part.stream.name == "contacts")?;
        let values = decoded.parts.iter().find(|part| part.stream.name == wide::VALUES);
        let laid = layout.lay_out(&contacts.batch, values.map(|values| &values.batch));
        for (field, count) in laid.drift {
            *self.drift.entry((StreamName::new(wide::NAME), field)).or_default() += count;
        }
        Some(DecodedPart {
            stream: feed.stream,
            batch: laid.batch,
            present: true,
            type_drift: contacts.type_drift.clone(),
            sideload_ids: Vec::new(),
        })
    }

    /// Forgets which records came reduced, because all of them are read once more.
    pub(super) fn forget_reduced(&mut self) {
        self.reduced.clear();
    }

    /// The most records any stream may still be given; `None` where one has no limit.
    pub(super) fn room(&self) -> Option<u64> {
        let rooms: Option<Vec<u64>> =
            self.feeds.iter().map(|feed| feed.room.map(|room| room + feed.skip)).collect();
        rooms.and_then(|rooms| rooms.into_iter().max())
    }

    /// Whether every stream has all the records that were asked for.
    pub(super) fn is_full(&self) -> bool {
        self.feeds.iter().all(|feed| feed.room == Some(0))
    }

    /// Whether a row limit was set at all.
    pub(super) fn is_limited(&self) -> bool {
        self.feeds.iter().any(|feed| feed.room.is_some() || feed.is_skipping)
    }

    /// Puts the counts into the walk's report.
    pub(super) fn report(self, report: &mut WalkReport) {
        report.limited = self.is_limited();
        if let Some(layout) = &self.layout {
            report.notes.extend(layout.note());
            // What is true of contacts is true of what is made of them.
            let (contacts, wide) = (StreamName::new("contacts"), StreamName::new(wide::NAME));
            for counts in [&mut report.totals, &mut report.missing] {
                let count = counts.get(&contacts).copied();
                counts.extend(count.map(|count| (wide.clone(), count)));
            }
        }
        report.type_drift = self.drift;
        report.told = self.counts.told();
        for (name, count) in self.left_out {
            report.left_out.entry(name).or_insert(count);
        }
        report.reduced = self.reduced.into_iter().map(|(name, reduced)| (name, reduced.count)).collect();
    }
}

impl Feed {
    /// Leaves out records outside of the span; tells how many of them are older. Records without a value in the cursor
    /// field stay: nothing says where they belong.
    fn leave_out(&self, batch: &mut Batch) -> u64 {
        let Some(index) = self.stream.cursor.and_then(|cursor| batch.schema().index_of(cursor.field)) else {
            return 0;
        };
        let Span { since, until } = self.span;
        let mut older = 0;
        batch.retain(|values| {
            let Value::Timestamp(time) = values[index] else { return true };
            let is_older = since.is_some_and(|since| time < since);
            older += u64::from(is_older);
            !is_older && until.is_none_or(|until| time < until)
        });
        older
    }

    /// Passes over what is to be skipped and cuts to what there is room for. A record met again counts once.
    fn cut_to_room(&mut self, batch: &mut Batch) -> bool {
        if self.room.is_none() && !self.is_skipping {
            return false;
        }
        let mut keys = key_hashes(batch).into_iter();
        let before = batch.len();
        batch.retain(|_| keys.next().is_some_and(|key| self.admits(key)));
        batch.len() < before
    }

    fn admits(&mut self, key: u64) -> bool {
        if self.room == Some(0) || !self.met.insert(key) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some(room) = &mut self.room {
            *room -= 1;
        }
        true
    }
}

/// Records the key may only see the existence of: deals of a pipeline its user has no permission for.
/// Source: activecampaign-api.md §11.4.
#[derive(Debug, Default)]
struct Reduced {
    count: u64,
    /// Keys of those counted last: pages overlap.
    recent: VecDeque<u64>,
}

/// Keys of reduced records that are remembered, several pages' worth.
const RECENT_MAX: usize = 1_000;

impl Reduced {
    /// The rows that came reduced, where there are any.
    fn rows_of(batch: &Batch) -> Option<Vec<usize>> {
        let column = batch.schema().index_of("isDisabled")?;
        let rows: Vec<usize> =
            (0..batch.len()).filter(|&row| batch.row(row)[column] == Value::Boolean(true)).collect();
        (!rows.is_empty()).then_some(rows)
    }

    fn count(&mut self, batch: &Batch, rows: &[usize]) {
        let keys = key_hashes(batch);
        for key in rows.iter().map(|&row| keys[row]) {
            if self.recent.contains(&key) {
                continue;
            }
            self.count += 1;
            self.recent.push_back(key);
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
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
