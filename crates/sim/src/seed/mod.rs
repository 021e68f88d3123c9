//! The rows an account starts with: made from seed, collection and id whenever they are asked for, never stored.

pub(crate) mod cell;
pub(crate) mod column;
mod contacts;
mod crm;
mod generic;
pub(crate) mod keys;
mod links;
mod marketing;
mod people;
pub(crate) mod rows;

pub(crate) use cell::Cell;
pub(crate) use column::{Column, columns};
pub(crate) use contacts::{FIELD_COUNT, LIST_COUNT, TAG_COUNT, contact_of_email};
pub(crate) use rows::Rows;

use crate::chance::{mix, salt};

/// Makes the value of one field of a seeded row.
pub(crate) type Make = fn(&Scope, u64) -> Cell;

/// The length of the history an account starts with, in seconds.
const HISTORY: i64 = 3 * 365 * 86_400;

/// What every seeded value is made from.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// The seed of the settings.
    pub(crate) seed: u64,
    /// The moment at which the history ends, seconds since 1970.
    pub(crate) anchor: i64,
    /// How many contacts there were at the start.
    pub(crate) contacts: u64,
}

impl Scope {
    /// A number of its own for `id` under `name`.
    pub(crate) fn mix(&self, name: u64, id: u64) -> u64 {
        mix(self.seed, name, id)
    }

    /// An id from 1 to `count`.
    pub(crate) fn pick(&self, name: u64, id: u64, count: u64) -> u64 {
        self.mix(name, id) % count.max(1) + 1
    }

    /// One of `words`.
    pub(crate) fn word(&self, name: u64, id: u64, words: &[&'static str]) -> &'static str {
        words[(self.mix(name, id) % words.len() as u64) as usize]
    }

    /// Whether `id` is among about one in `share`.
    pub(crate) fn one_in(&self, name: u64, id: u64, share: u64) -> bool {
        self.mix(name, id).is_multiple_of(share)
    }

    /// When row `id` of `count` rows was made: spread evenly over the history, in the order of ids.
    pub(crate) fn made(&self, name: u64, id: u64, count: u64) -> i64 {
        let step = HISTORY / (count.max(1) as i64 + 1);
        let jitter = if step > 1 { (self.mix(name, id) % step as u64) as i64 } else { 0 };
        let position =
            (i128::from(id.min(count)) * i128::from(HISTORY) / (i128::from(count.max(1)) + 1)) as i64;
        (self.anchor - HISTORY + position + jitter).min(self.anchor)
    }

    /// A moment between `from` and the end of the history; most are soon after `from`.
    pub(crate) fn later(&self, name: u64, id: u64, from: i64) -> i64 {
        let number = self.mix(name, id);
        let span = (self.anchor - from).max(0) as u64 + 1;
        let reach = if number % 5 < 3 { span / 8 + 1 } else { span };
        from + ((number >> 8) % reach) as i64
    }

    /// When contact `id` was made.
    pub(crate) fn contact_made(&self, id: u64) -> i64 {
        self.made(const { salt("contacts.cdate") }, id, self.contacts)
    }

    /// When contact `id` was changed last.
    pub(crate) fn contact_changed(&self, id: u64) -> i64 {
        self.later(const { salt("contacts.udate") }, id, self.contact_made(id))
    }
}
