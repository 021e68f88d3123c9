//! The view with one column for each custom field.

use achub_core::{Code, Error, port::target::WideView};

use crate::sql::{TableName, quoted};

/// The query of a wide view: every column of the base table, and one column for each custom field.
///
/// The values are grouped once for all fields. Where a record has several values of one field, the largest is shown.
pub(crate) fn query(view: &WideView, base: &TableName, values: &TableName) -> String {
    let base_columns = view.base.columns.iter().map(|column| format!("b.{}", quoted(&column.name)));
    let field_columns = view.columns.iter().map(|(_, name)| format!("v.{}", quoted(name)));
    let select: Vec<String> = base_columns.chain(field_columns).collect();
    if view.columns.is_empty() {
        return format!("SELECT {} FROM {} AS b", select.join(", "), base.sql());
    }
    let parent = quoted(&view.parent);
    let picks: Vec<String> = view
        .columns
        .iter()
        .map(|(id, name)| {
            format!(
                "max(f.{}) FILTER (WHERE f.{} = {}) AS {}",
                quoted(&view.value),
                quoted(&view.field),
                id_constant(view, *id),
                quoted(name)
            )
        })
        .collect();
    format!(
        "SELECT {} FROM {} AS b LEFT JOIN (SELECT f.{parent}, {} FROM {} AS f GROUP BY f.{parent}) AS v \
         ON v.{parent} = b.{}",
        select.join(", "),
        base.sql(),
        picks.join(", "),
        values.sql(),
        quoted(&view.base_key)
    )
}

/// A table that has the name of the view.
pub(crate) fn in_the_way(name: &TableName) -> Error {
    Error::new(Code::TableChanged, format!("cannot make the view {name}: a table has that name"))
        .with_hint("rename the table")
}

/// The id as the column of ids holds it.
fn id_constant(view: &WideView, id: i64) -> String {
    let is_text = view
        .values
        .columns
        .iter()
        .any(|column| column.name == view.field && column.ty == achub_core::FieldType::Text);
    if is_text { format!("'{id}'") } else { id.to_string() }
}
