//! All rows of a collection as its list answers show them, for judging a copy.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    answer::{
        include::Sideloads,
        list::add_always,
        row::{Rower, View},
    },
    serve::Shared,
};

/// How many rows are made while the account is held.
const CHUNK: u64 = 500;

/// The rows of a collection, a chunk at a time.
#[derive(Debug)]
pub(super) struct Rows {
    shared: Arc<Shared>,
    envelope: &'static str,
    /// The last id given out.
    after: u64,
    ready: VecDeque<String>,
}

impl Rows {
    pub(super) fn new(shared: Arc<Shared>, envelope: &'static str) -> Rows {
        Rows { shared, envelope, after: 0, ready: VecDeque::new() }
    }

    fn refill(&mut self) {
        let account = self.shared.account();
        let table = account.table(self.envelope);
        let rower = Rower { account: &account, base: "http://127.0.0.1", count_deals: false };
        let ids = table.ids.page(table.ids.rank(self.after), CHUNK);
        let mut sideloads = Sideloads::default();
        add_always(&mut sideloads, &account, table, &ids);
        for id in ids {
            let mut out = Vec::new();
            rower.push(&mut out, table, id, View::List, &sideloads.in_rows.of(id));
            self.ready.push_back(String::from_utf8(out).expect("rows are written as UTF-8"));
            self.after = id;
        }
    }
}

impl Iterator for Rows {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.ready.is_empty() {
            self.refill();
        }
        self.ready.pop_front()
    }
}
