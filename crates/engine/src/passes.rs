//! Under which names the positions of walks are kept, so that a walk is only continued by one of its own kind.

use std::collections::HashMap;

use achub_core::{
    StreamName, WalkName,
    port::{
        source::{Position, Walk},
        target::Checkpoints,
    },
};
use jiff::Timestamp;

use crate::prepare::Prepared;

/// What kind of a pass over its records a walk is. The order is that of precedence: a walk that feeds several streams is
/// of the last kind among theirs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pass {
    /// Changes, or everything for the first time.
    Plain,
    /// Everything, collected aside and compared with the table.
    Check,
    /// Changes of a window that begins here; `None` from the beginning.
    Window(Option<Timestamp>),
    /// A few records. It would stop in the middle of an unlimited one, so it stands for none and continues none.
    Limited,
    /// Its table has no key, so what tells repeated records apart is gone when it is interrupted. Continues none.
    OnceOnly,
}

impl Pass {
    /// The name under which the target keeps the position of `walk` on this pass.
    pub(crate) fn name(&self, walk: &WalkName) -> WalkName {
        match self {
            Pass::Plain => walk.clone(),
            Pass::Check => WalkName::new(format!("{walk}:check")),
            Pass::Window(Some(from)) => WalkName::new(format!("{walk}:from {from}")),
            Pass::Window(None) => WalkName::new(format!("{walk}:from the beginning")),
            Pass::Limited => WalkName::new(format!("{walk}:limited")),
            Pass::OnceOnly => WalkName::new(format!("{walk}:once")),
        }
    }

    fn continues(&self) -> bool {
        match self {
            Pass::Plain | Pass::Check | Pass::Window(_) => true,
            Pass::Limited | Pass::OnceOnly => false,
        }
    }
}

/// Whether a walk of this name was begun on `pass` and not finished.
pub(crate) fn is_unfinished(checkpoints: &Checkpoints, walk: &WalkName, pass: &Pass) -> bool {
    checkpoints.walks.contains_key(&pass.name(walk))
}

impl Prepared<'_> {
    /// The pass of a walk in `round`, by all streams it feeds.
    pub(crate) fn pass(&self, walk: &Walk, round: usize) -> Pass {
        let streams = walk.streams.iter().map(|stream| &stream.name);
        streams.map(|stream| self.pass_of(stream, round)).max().unwrap_or(Pass::Plain)
    }

    /// Those positions of `checkpoints` that a source may continue from in `round`, under the names it knows.
    pub(crate) fn positions(&self, checkpoints: &Checkpoints, round: usize) -> HashMap<WalkName, Position> {
        let mut passes: HashMap<WalkName, Pass> = HashMap::new();
        for stream in self.streams_of(round) {
            let pass = self.pass_of(stream, round);
            let walks = [WalkName::new(stream.as_str()), WalkName::new(self.family(stream).as_str())];
            for walk in walks {
                let known = passes.entry(walk).or_insert(Pass::Plain);
                *known = pass.clone().max(known.clone());
            }
        }
        let walks = passes.into_iter().filter(|(_, pass)| pass.continues());
        walks
            .filter_map(|(walk, pass)| {
                let position = checkpoints.walks.get(&pass.name(&walk))?;
                Some((walk, position.clone()))
            })
            .collect()
    }

    /// Whether a walk goes on from where a walk of another pass stood: its rows would be mixed with those of the other.
    pub(crate) fn is_mixed_up(&self, checkpoints: &Checkpoints, walk: &Walk, round: usize) -> bool {
        let pass = self.pass(walk, round);
        walk.resumed && !(pass.continues() && is_unfinished(checkpoints, &walk.name, &pass))
    }

    fn pass_of(&self, stream: &StreamName, round: usize) -> Pass {
        let placed = &self.placed[stream];
        let task = placed.task;
        if task.row_limit.is_some() || task.skip > 0 {
            return Pass::Limited;
        }
        if placed.repeats_by().is_some() {
            return Pass::OnceOnly;
        }
        placed.reading.pass(round.saturating_sub(1))
    }
}
