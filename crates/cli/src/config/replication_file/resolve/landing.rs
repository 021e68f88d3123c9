//! How all tables of a file are made, and how the run goes about its work.

use achub_core::port::target::Origin;
use achub_engine::replication::{Landing, Working};

use super::{Setting, Style};
use crate::config::replication_file::target_options::TargetOptions;

/// The column that tells when a row was found to be gone.
pub(super) const DELETED_AT: &str = "_sling_deleted_at";

/// How the tables are made.
pub(super) fn landing(setting: &Setting<'_>) -> Landing {
    let switches = &setting.switches;
    let mut landing = match setting.style {
        Style::Sling => Landing::sling(None),
        Style::Ours => Landing::ours(),
    };
    let wanted = [
        (switches.exec_id, Origin::RunId, "_sling_exec_id"),
        (switches.row_id, Origin::RowId, "_sling_row_id"),
        (switches.row_number, Origin::RowNumber, "_sling_row_num"),
        (switches.synced_at, Origin::SyncedAt, "_sling_synced_at"),
        (switches.synced_at, Origin::SyncedOp, "_sling_synced_op"),
    ];
    for (_, origin, name) in wanted.into_iter().filter(|(is_wanted, _, _)| *is_wanted) {
        landing.system.push((origin, name.to_owned()));
    }
    // The last column of all, where the file's own landing says where it goes.
    if let (Style::Sling, Some(Some(loaded_at))) = (setting.style, &switches.loaded_at) {
        let origin = if loaded_at.unix { Origin::LoadedAtUnix } else { Origin::LoadedAt };
        landing.system.push((origin, loaded_at.column.clone()));
    }
    if let Some(allowed) = switches.allow_empty {
        landing.empty_tables = allowed;
    }
    landing
}

/// How the run works. What options ask of single streams about commits holds for all: of several the smallest.
pub(super) fn working<'a>(
    setting: &Setting<'_>,
    options: impl Iterator<Item = &'a TargetOptions>,
) -> Working {
    let switches = &setting.switches;
    let ours = Working::default();
    Working {
        walks_at_a_time: switches.threads.unwrap_or(ours.walks_at_a_time),
        tries: switches.retries.map_or(ours.tries, |retries| retries.saturating_add(1)),
        try_delay: switches.retry_delay.unwrap_or(ours.try_delay),
        time_limit: switches.time_limit,
        commit_rows: options.filter_map(|options| options.batch_rows).min(),
    }
}
