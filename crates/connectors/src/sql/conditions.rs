//! Conditions on the rows of a table (`t`) and its staging table (`s`) that several statements share.

use achub_core::port::target::MergeStrategy;

use crate::{
    landing::{CellSource, operation},
    sql::{
        PlannedColumn, Session, TablePlan,
        quote::{quoted, quoted_list},
    },
};

impl TablePlan {
    /// The columns of the key, each behind `prefix`.
    pub(crate) fn key_list(&self, prefix: &str) -> String {
        quoted_list(prefix, self.key().map(|column| column.name.as_str()))
    }

    /// A row of the table and a staged one have the same key.
    pub(crate) fn same_key(&self) -> String {
        let parts: Vec<String> =
            self.key().map(|column| format!("t.{} = {}", quoted(&column.name), column.moved("s"))).collect();
        parts.join(" AND ")
    }

    /// Rows without a key never get into a staging table, so a null key means that the join found nothing.
    pub(crate) fn not_there(&self) -> String {
        let first = self.key().next().expect("only keyed tables are merged");
        format!("t.{} IS NULL", quoted(&first.name))
    }

    /// The key of the row `alias` as text, parts joined by `,`, like that of a row that is put aside.
    pub(crate) fn key_text(&self, alias: &str) -> String {
        join_texts(self.key().map(|column| format!("{alias}.{}", quoted(&column.name))))
    }

    /// The key of a staged row as text, spelled as the table would.
    pub(crate) fn staged_key_text(&self) -> String {
        join_texts(self.key().map(|column| column.moved("s")))
    }

    /// The row `alias` is marked as gone; `None` where no column takes a mark. Never null.
    pub(crate) fn marked(&self, alias: &str) -> Option<String> {
        let name = |column: &PlannedColumn| format!("{alias}.{}", quoted(&column.name));
        if let Some(column) = self.column_of(&CellSource::DeletedAt) {
            return Some(format!("{} IS NOT NULL", name(column)));
        }
        let column = self.column_of(&CellSource::SyncedOp)?;
        let gone = column.constant(operation::GONE);
        Some(format!("({0} IS NOT NULL AND {0} = {gone})", name(column)))
    }

    /// The row `alias` is not marked as gone.
    pub(crate) fn live(&self, alias: &str) -> String {
        self.marked(alias).map_or_else(|| "1 = 1".to_owned(), |marked| format!("NOT ({marked})"))
    }

    /// The column that tells when a row was written.
    pub(crate) fn written_at(&self) -> Option<&PlannedColumn> {
        self.column_of(&CellSource::LoadedAt).or_else(|| self.column_of(&CellSource::LoadedAtUnix))
    }

    /// A staged row should have been landed by an earlier run, `None` where all were due only now.
    pub(crate) fn was_due<S: Session>(&self) -> Option<String> {
        let (index, since) = self.load.due_since?;
        let name = &self.load.table.columns[index].name;
        let column = self.columns.iter().find(|column| column.name == *name)?;
        let (value, since) = (column.moved("s"), column.instant::<S>(since));
        Some(format!("({value} IS NULL OR {value} < {since})"))
    }

    /// Live records of the table, each key once, as a query with one number.
    pub(crate) fn live_records(&self) -> String {
        let (table, live) = (self.table.sql(), self.live("t"));
        if self.load.merge == MergeStrategy::History || !self.has_unique_key() {
            let keys = self.key_list("t.");
            return format!(
                "SELECT CAST(count(*) AS text) FROM (SELECT DISTINCT {keys} FROM {table} AS t WHERE {live}) AS x"
            );
        }
        format!("SELECT CAST(count(*) AS text) FROM {table} AS t WHERE {live}")
    }
}

fn join_texts(parts: impl Iterator<Item = String>) -> String {
    parts.map(|part| format!("CAST({part} AS text)")).collect::<Vec<_>>().join(" || ',' || ")
}
