//! Rows as an aligned table on a terminal, tab-separated when piped, objects as JSON.

use std::borrow::Cow;

use comfy_table::{ContentArrangement, presets};
use serde_json::{Map, Value};

use crate::output::{clean, number::count};

/// Characters of a cell that are shown at most: a wider table would be broken into lines.
const CELL_MAX: usize = 10_000;

/// Rows under named columns.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<Cow<'static, str>>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// An empty table. The names of columns are the members of JSON rows too.
    pub fn new(columns: &[&'static str]) -> Table {
        Table { columns: columns.iter().map(|&column| column.into()).collect(), rows: Vec::new() }
    }

    /// An empty table with columns that the program does not know beforehand.
    pub fn of(columns: Vec<String>) -> Table {
        Table { columns: columns.into_iter().map(Cow::Owned).collect(), rows: Vec::new() }
    }

    /// Appends a row, one value per column.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        let row: Vec<Value> = row.into_iter().collect();
        assert_eq!(row.len(), self.columns.len(), "a row has one value per column");
        self.rows.push(row);
    }

    /// The rows as objects.
    pub fn objects(&self) -> Vec<Value> {
        let object = |row: &Vec<Value>| -> Map<String, Value> {
            self.columns.iter().map(|column| column.to_string()).zip(row.iter().cloned()).collect()
        };
        self.rows.iter().map(|row| Value::Object(object(row))).collect()
    }

    /// Aligned to the terminal, long cells cut with `…`.
    pub fn aligned(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_truncation_indicator("…");
        table.set_header(self.columns.iter().map(|column| column.replace('_', " ")));
        for row in &self.rows {
            let mut cells = comfy_table::Row::from(row.iter().map(|value| clean::cell(&shown(value))));
            cells.max_height(1);
            table.add_row(cells);
        }
        trimmed(&table) + "\n"
    }

    /// Aligned to its own width, cells of more than [`CELL_MAX`] characters cut with `…`: for words on standard error.
    pub fn words(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().map(|column| column.replace('_', " ")));
        for row in &self.rows {
            table.add_row(row.iter().map(|value| clipped(clean::cell(&shown(value)))));
        }
        trimmed(&table)
    }

    /// A header line and one line per row, cells separated by tabs, nothing cut; tabs and line ends in a cell are
    /// written `\t` and `\n`.
    pub fn separated(&self) -> String {
        let mut text = self.columns.join("\t") + "\n";
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|value| escaped(&plain(value))).collect();
            text.push_str(&cells.join("\t"));
            text.push('\n');
        }
        text
    }

    /// Comma-separated values with a header line (RFC 4180, line ends as on Unix).
    pub fn comma_separated(&self) -> String {
        let mut text = self.columns.join(",") + "\n";
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|value| csv_cell(&plain(value))).collect();
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }
}

fn clipped(cell: String) -> String {
    match cell.char_indices().nth(CELL_MAX) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell,
    }
}

/// The lines without the padding at both ends.
fn trimmed(table: &comfy_table::Table) -> String {
    let lines = table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn csv_cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), count),
        other => plain(other),
    }
}

fn escaped(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Table;

    fn table() -> Table {
        let mut table = Table::new(&["name", "row_count"]);
        table.push([json!("a\tb"), json!(12345)]);
        table.push([json!("x".repeat(300)), json!(null)]);
        table
    }

    #[test]
    fn piped_rows_are_separated_and_whole() {
        let text = table().separated();
        assert_eq!(text, format!("name\trow_count\na\\tb\t12345\n{}\t\n", "x".repeat(300)));
    }

    #[test]
    fn commas_and_quotes_are_quoted() {
        let mut table = Table::new(&["a", "b"]);
        table.push([json!("x, \"y\""), json!(["1", "2"])]);
        assert_eq!(table.comma_separated(), "a,b\n\"x, \"\"y\"\"\",\"1, 2\"\n");
    }

    #[test]
    fn words_are_aligned_and_whole() {
        let words = table().words();
        assert!(words.contains("12,345"), "{words}");
        assert!(words.contains(&"x".repeat(300)));
        assert!(words.starts_with("name "), "{words}");
    }

    /// K of the fault tests, S-X4: whatever a cell holds, it steers no terminal and makes no row or column of its own.
    #[test]
    fn poisoned_cells_stay_in_their_place() {
        for value in achub_testkit::poison::values() {
            let mut table = Table::new(&["value", "after"]);
            table.push([json!(value), json!("end")]);

            for text in [table.aligned(), table.words()] {
                assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{value:?}: {text:?}");
                assert_eq!(text.trim_end_matches('\n').lines().count(), 2, "{:.80}", value);
            }
            let separated = table.separated();
            let row = separated.strip_prefix("value\tafter\n").expect("the header");
            assert_eq!(row.matches(['\n', '\t']).count(), 2, "{value:?}: {row:?}");
            assert_eq!(table.objects()[0]["value"], json!(value), "JSON is whole");
        }
    }

    #[test]
    fn json_rows_keep_their_types() {
        assert_eq!(table().objects()[0], json!({"name": "a\tb", "row_count": 12345}));
    }
}
