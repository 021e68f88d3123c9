//! What happens to the records of one stream between the source and the target.

use std::collections::BTreeMap;

use achub_core::{
    Batch, Error, FieldType, Value,
    port::{journal::RowNote, source::Part},
};
use jiff::{SignedDuration, Timestamp};

use crate::{once::Once, prepare::Placed, shape::Shaper};

/// The source's clock and ours may be so far apart; a time further ahead is a plan of somebody's and no change.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

/// One stream of a walk.
pub(crate) struct Intake {
    shaper: Shaper,
    once: Option<(Once, Vec<usize>)>,
    times: Vec<usize>,
    as_of: Timestamp,
    tally: Taken,
}

/// What was met on the way.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Records left out by a rule.
    pub(crate) skipped: u64,
    /// For each field: values that broke a rule and landed all the same.
    pub(crate) warned: BTreeMap<String, u64>,
    /// For each field: values that have no form of the wanted kind.
    pub(crate) refused: BTreeMap<String, u64>,
    /// The newest time any record carries, plans for the future not counted: when something last happened.
    pub(crate) latest: Option<Timestamp>,
}

impl Taken {
    /// Whether something happened at or after `moment`, as far as records tell.
    pub(crate) fn moved_since(&self, moment: Timestamp) -> bool {
        self.latest.is_some_and(|latest| latest >= moment)
    }
}

impl Intake {
    /// The way of `placed` on a walk opened at `as_of`.
    pub(crate) fn new(placed: &Placed<'_>, as_of: Timestamp) -> Result<Intake, Error> {
        let fields = &placed.given().fields;
        Ok(Intake {
            shaper: Shaper::new(placed.task, placed.given())?,
            once: placed.repeats_by().map(|key| (Once::default(), key.to_vec())),
            times: (0..fields.len()).filter(|&index| fields[index].ty == FieldType::Timestamp).collect(),
            as_of,
            tally: Taken::default(),
        })
    }

    /// Makes of `part` what lands. Gives notes about records that do not land as they came.
    pub(crate) fn take(&mut self, part: Part, now: Timestamp) -> Result<(Part, Vec<RowNote>), Error> {
        let Part { stream, mut batch, scope } = part;
        self.tally.latest = self.tally.latest.max(self.latest(&batch, now));
        if let Some((once, key)) = &mut self.once {
            once.pass(&mut batch, key);
        }
        let shaped = self.shaper.shape(batch)?;
        self.tally.skipped += shaped.skipped;
        add(&mut self.tally.warned, shaped.warned);
        add(&mut self.tally.refused, shaped.refused);
        Ok((Part { stream, batch: shaped.batch, scope }, shaped.notes))
    }

    /// What was met so far.
    pub(crate) fn taken(self) -> Taken {
        self.tally
    }

    fn latest(&self, batch: &Batch, now: Timestamp) -> Option<Timestamp> {
        let plausible = now.max(self.as_of) + CLOCKS_APART;
        let times = batch.rows().flat_map(|(values, _)| {
            self.times.iter().filter_map(|&index| match &values[index] {
                Value::Timestamp(time) => Some(*time),
                _ => None,
            })
        });
        times.filter(|time| *time <= plausible).max()
    }
}

fn add(counts: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (field, count) in more {
        *counts.entry(field).or_default() += count;
    }
}
