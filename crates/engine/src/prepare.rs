//! A replication held against what the source offers and the target remembers.

use std::collections::{BTreeMap, HashMap};

use achub_core::{
    Error, SharedSchema, StreamName,
    port::{
        clock::Clock,
        source::{Source, StreamInfo, Wanted},
        state::StateStore,
        target::{Checkpoints, TableLoad, Target},
    },
};

use crate::{
    checking::{self, Due, Family},
    reading::{self, Ground, Reading, Window},
    recall::Recall,
    replication::{Mode, Replication, StreamTask},
    shape::Shaper,
    tables::{self, Placement},
};

/// A replication, ready to be opened.
pub(crate) struct Prepared<'a> {
    pub(crate) replication: &'a Replication,
    pub(crate) placed: HashMap<StreamName, Placed<'a>>,
    /// What is asked of the source, in the order of the replication; the first window of a backfill.
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) recall: Recall,
}

/// A stream with everything that was decided about it.
pub(crate) struct Placed<'a> {
    pub(crate) task: &'a StreamTask,
    pub(crate) info: StreamInfo,
    pub(crate) placement: Placement,
    pub(crate) reading: Reading,
    /// Whether its family is read as a whole.
    pub(crate) due: Due,
}

impl Placed<'_> {
    /// The shape of the records as the source shows them.
    pub(crate) fn given(&self) -> &SharedSchema {
        &self.info.schema
    }

    /// The fields that tell its records apart, where the target has no key to do so.
    pub(crate) fn repeats_by(&self) -> Option<&[usize]> {
        let key = &self.info.schema.key;
        (self.placement.load.table.key.is_empty() && !key.is_empty()).then_some(key)
    }

    /// Whether it is read as a whole because its full check is due.
    pub(crate) fn is_check(&self) -> bool {
        matches!(self.reading, Reading::Compared { due_since: Some(_) } | Reading::KnownRows)
    }

    /// Why the mode was taken, and how the stream is read therefore.
    pub(crate) fn reason(&self) -> String {
        let how = match &self.reading {
            Reading::Compared { due_since: Some(_) } => "full check: read as a whole and compared",
            Reading::KnownRows => "full check: rows that are there are compared",
            Reading::Compared { due_since: None } => "read as a whole and compared",
            Reading::LeftAlone => "the table is there and left alone",
            _ => return self.task.mode_reason.clone(),
        };
        format!("{}; {how}", self.task.mode_reason)
    }
}

impl Prepared<'_> {
    /// The stream whose records say when those of `stream` changed; itself where nothing else does.
    pub(crate) fn family(&self, stream: &StreamName) -> &StreamName {
        reading::family(&self.placed[stream].info)
    }

    /// How often the source is asked: once for everything, and once more for each further window of a backfill.
    ///
    /// Windows are asked for apart from everything else: what belongs to them must not widen the walks of others.
    pub(crate) fn rounds(&self) -> usize {
        let windows = self.placed.values().map(|placed| match &placed.reading {
            Reading::Windows(windows) => windows.len(),
            _ => 0,
        });
        1 + windows.max().unwrap_or(0)
    }

    /// What is asked in `round`: 0 is everything but windows, `n` is the n-th window of each backfill.
    pub(crate) fn wanted_in(&self, round: usize) -> Vec<Wanted> {
        let wanted = self.wanted.iter();
        wanted
            .filter_map(|wanted| match (&self.placed[&wanted.stream].reading, round) {
                (Reading::Windows(_), 0) => None,
                (Reading::Windows(windows), _) => {
                    windows.get(round - 1).map(|window| within(wanted, *window))
                }
                (_, 0) => Some(wanted.clone()),
                (_, _) => None,
            })
            .collect()
    }

    /// The streams read in `round`.
    pub(crate) fn streams_of(&self, round: usize) -> Vec<&StreamName> {
        let names = self.wanted.iter().map(|wanted| &wanted.stream);
        names
            .filter(|name| match &self.placed[*name].reading {
                Reading::Windows(windows) => round > 0 && round <= windows.len(),
                _ => round == 0,
            })
            .collect()
    }

    /// The loads of all streams that are read or made, in the order of the replication.
    pub(crate) fn loads(&self) -> Vec<TableLoad> {
        let placed = self.replication.streams.iter().map(|task| &self.placed[&task.stream]);
        let loaded = placed.filter(|placed| placed.reading != Reading::LeftAlone);
        loaded.map(|placed| placed.placement.load.clone()).collect()
    }

    /// Tables that are made without reading anything.
    pub(crate) fn definitions(&self) -> Vec<&Placed<'_>> {
        let tasks = self.replication.streams.iter().map(|task| &self.placed[&task.stream]);
        tasks.filter(|placed| placed.reading == Reading::DefinitionOnly).collect()
    }
}

fn within(wanted: &Wanted, (since, until): Window) -> Wanted {
    Wanted { since, until, ..wanted.clone() }
}

/// Decides what is read and where it lands. Sends nothing but what the shape of a stream needs, writes nothing.
pub(crate) async fn prepare<'a>(
    replication: &'a Replication,
    source: &dyn Source,
    target: &dyn Target,
    clock: &dyn Clock,
    state: &dyn StateStore,
) -> Result<Prepared<'a>, Error> {
    tables::refuse_shared_tables(replication)?;
    let mut found = place(replication, source).await?;
    let checkpoints = target.checkpoints(replication.state_schema.as_deref(), &replication.name).await?;
    let ground = Ground { replication, checkpoints: &checkpoints, target, now: clock.now() };
    let recall = Recall::of(replication, &target.info(), state).await?;
    let dues = dues(&ground, &found, &recall);
    let (mut placed, mut all_wanted) = (HashMap::new(), Vec::new());
    for task in &replication.streams {
        let (info, mut placement) = found.remove(&task.stream).expect("every task was placed above");
        let due = dues.get(reading::family(&info)).copied().unwrap_or(checking::NEVER);
        let decision = ground.decide(task, &info, &placement, &due).await?;
        let update_field = task.update_key.as_deref().or(info.cursor.as_deref());
        reading::settle(&mut placement, task, update_field, replication, &decision.reading);
        all_wanted.extend(decision.wanted);
        let due = if reading::is_tracked(&info, replication) { due } else { checking::NEVER };
        placed.insert(task.stream.clone(), Placed { task, info, placement, reading: decision.reading, due });
    }
    Ok(Prepared { replication, placed, wanted: all_wanted, checkpoints, recall })
}

/// Under which name cursors are kept, for a replication and the tables it would make.
pub(crate) async fn place(
    replication: &Replication,
    source: &dyn Source,
) -> Result<HashMap<StreamName, (StreamInfo, Placement)>, Error> {
    let names: Vec<StreamName> = replication.streams.iter().map(|task| task.stream.clone()).collect();
    let mut infos: HashMap<StreamName, StreamInfo> =
        source.describe(&names).await?.into_iter().map(|info| (info.name.clone(), info)).collect();
    let mut placed = HashMap::new();
    for task in &replication.streams {
        let info = infos.remove(&task.stream).ok_or_else(|| {
            Error::new(
                achub_core::Code::UnknownStream,
                format!("the source offers no stream {}", task.stream),
            )
        })?;
        let schema = Shaper::new(task, &info.schema)?.schema().clone();
        let load = tables::table_load(task, &schema, &replication.landing)?;
        placed.insert(task.stream.clone(), (info, Placement { load, schema }));
    }
    Ok(placed)
}

/// For each family: whether it is read as a whole. Judged by those members that can be asked for changes.
fn dues(
    ground: &Ground<'_>,
    found: &HashMap<StreamName, (StreamInfo, Placement)>,
    recall: &Recall,
) -> BTreeMap<StreamName, Due> {
    let mut members: BTreeMap<StreamName, Vec<&StreamTask>> = BTreeMap::new();
    for task in &ground.replication.streams {
        let (info, _) = &found[&task.stream];
        if task.mode == Mode::Incremental && reading::is_tracked(info, ground.replication) {
            members.entry(reading::family(info).clone()).or_default().push(task);
        }
    }
    members
        .into_iter()
        .map(|(root, members)| {
            let is_waiting = members.iter().any(|task| recall.is_waiting(&task.stream));
            let family = Family { root: &root, members: &members, is_waiting };
            let due = checking::due(ground.replication, ground.checkpoints, &family, ground.now);
            (root, due)
        })
        .collect()
}
