//! Pages that are asked for before it is their turn, so that a series uses the budget in spite of its latency.
//!
//! Where a page is taken from does not matter to the series: pages are joined in their order by the records they share,
//! and a page that does not join is asked for again (see `series`). So a wrong guess costs a request and nothing else.

use achub_core::Error;
use futures_util::{
    future::BoxFuture,
    stream::{FuturesOrdered, StreamExt},
};

use crate::activecampaign::left::Reply;

/// Which page: of which parent, from which offset on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) parent: usize,
    pub(super) offset: u64,
}

/// Pages under way, in the order of their turns.
#[derive(Default)]
pub(super) struct Ahead {
    under_way: FuturesOrdered<BoxFuture<'static, Result<Reply, Error>>>,
    turns: std::collections::VecDeque<Turn>,
}

impl Ahead {
    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// The next turn.
    pub(super) fn first(&self) -> Option<Turn> {
        self.turns.front().copied()
    }

    /// The last turn.
    pub(super) fn last(&self) -> Option<Turn> {
        self.turns.back().copied()
    }

    /// Adds a page whose turn comes after all others.
    pub(super) fn push(&mut self, turn: Turn, page: BoxFuture<'static, Result<Reply, Error>>) {
        self.turns.push_back(turn);
        self.under_way.push_back(page);
    }

    /// Waits for the next page.
    pub(super) async fn pop(&mut self) -> Option<Result<Reply, Error>> {
        self.turns.pop_front()?;
        self.under_way.next().await
    }

    /// Gives up all of them.
    pub(super) fn clear(&mut self) {
        *self = Ahead::default();
    }
}
