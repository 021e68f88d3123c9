//! Logs of runs and notes about their records.

use achub_core::{
    Error, RunId,
    port::journal::{JournalStore, LogLine, RowFilter, RowNote},
};
use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;

#[async_trait]
impl JournalStore for MemoryStore {
    async fn append_log(&self, run: &RunId, lines: &[LogLine]) -> Result<(), Error> {
        self.state().logs.entry(run.clone()).or_default().extend_from_slice(lines);
        Ok(())
    }

    async fn log(&self, run: &RunId, count: u32) -> Result<Vec<LogLine>, Error> {
        let state = self.state();
        let lines = state.logs.get(run).map_or(&[][..], Vec::as_slice);
        let passed_over = lines.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(lines[passed_over..].to_vec())
    }

    async fn append_rows(&self, run: &RunId, rows: &[RowNote]) -> Result<(), Error> {
        self.state().rows.entry(run.clone()).or_default().extend_from_slice(rows);
        Ok(())
    }

    async fn rows(&self, run: &RunId, filter: &RowFilter, count: u32) -> Result<(Vec<RowNote>, u64), Error> {
        let state = self.state();
        let passes = |row: &&RowNote| {
            filter.stream.as_ref().is_none_or(|stream| row.stream == *stream)
                && filter.outcome.is_none_or(|outcome| row.outcome == outcome)
        };
        let mut rows: Vec<RowNote> =
            state.rows.get(run).into_iter().flatten().filter(passes).cloned().collect();
        let all = rows.len() as u64;
        rows.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok((rows, all))
    }

    async fn forget_before(&self, moment: Timestamp) -> Result<(), Error> {
        let mut state = self.state();
        let old: Vec<RunId> =
            state.runs.values().filter(|run| run.started_at < moment).map(|run| run.id.clone()).collect();
        for run in old {
            state.logs.remove(&run);
            state.rows.remove(&run);
        }
        Ok(())
    }
}
