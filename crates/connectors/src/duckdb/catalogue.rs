//! What DuckDB's catalogue says about a table.

use std::collections::BTreeMap;

use crate::{
    duckdb::session::{DuckdbSession, place_of},
    sql::{Fault, Session, Shape, TableName},
};

/// A table or view, `None` where there is none.
pub(super) async fn shape(session: &mut DuckdbSession, table: &TableName) -> Result<Option<Shape>, Fault> {
    let (database, schema) = place_of(table);
    let sql = "SELECT 'table', schema_name, table_name FROM duckdb_tables() \
               WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3) \
               UNION ALL SELECT 'view', schema_name, view_name FROM duckdb_views() \
               WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(view_name) = lower($3)";
    let found = session.texts(sql, &[Some(database), Some(schema), Some(&table.name)]).await?;
    // Names are the same where only the case of ASCII letters differs; `lower` knows more letters than that.
    let is_same = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let found = found.iter().find_map(|row| match row.as_slice() {
        [Some(kind), Some(in_schema), Some(name)]
            if is_same(in_schema, schema) && is_same(name, &table.name) =>
        {
            Some((kind, in_schema, name))
        }
        _ => None,
    });
    let Some((kind, schema, name)) = found else { return Ok(None) };
    let place = [Some(database), Some(schema.as_str()), Some(name.as_str())];
    let columns = columns(session, &place).await?;
    Ok(Some(Shape { is_table: kind == "table", columns, unique: unique(session, &place).await? }))
}

/// Names and types, in order. `place`: database, schema and table as the catalogue spells them.
async fn columns(
    session: &mut DuckdbSession,
    place: &[Option<&str>; 3],
) -> Result<Vec<(String, String)>, Fault> {
    let sql = "SELECT column_name, data_type FROM duckdb_columns() \
               WHERE database_name = $1 AND schema_name = $2 AND table_name = $3 ORDER BY column_index";
    Ok(session.texts(sql, place).await?.into_iter().filter_map(pair).collect())
}

/// The column sets that are unique by a constraint or an index over plain columns.
async fn unique(session: &mut DuckdbSession, place: &[Option<&str>; 3]) -> Result<Vec<Vec<String>>, Fault> {
    let sql = "SELECT 'constraint ' || CAST(constraint_index AS text), unnest(constraint_column_names) \
               FROM duckdb_constraints() WHERE database_name = $1 AND schema_name = $2 AND table_name = $3 \
               AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')";
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (set, column) in session.texts(sql, place).await?.into_iter().filter_map(pair) {
        sets.entry(set).or_default().push(column);
    }
    let sql = "SELECT 'index ' || index_name, unnest(CAST(expressions AS text[])) FROM duckdb_indexes() \
               WHERE database_name = $1 AND schema_name = $2 AND table_name = $3 AND is_unique";
    let mut indexes: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for (set, expression) in session.texts(sql, place).await?.into_iter().filter_map(pair) {
        let columns = indexes.entry(set).or_insert_with(|| Some(Vec::new()));
        match (columns.as_mut(), column_of(&expression)) {
            (Some(columns), Some(column)) => columns.push(column),
            _ => *columns = None,
        }
    }
    Ok(sets.into_values().chain(indexes.into_values().flatten()).collect())
}

/// The column an index names, `None` where it is over an expression, which stands in parentheses.
fn column_of(expression: &str) -> Option<String> {
    if expression.starts_with('(') {
        return None;
    }
    let quoted = expression.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(quoted.map_or_else(|| expression.to_owned(), |name| name.replace("\"\"", "\"")))
}

fn pair(row: Vec<Option<String>>) -> Option<(String, String)> {
    let mut texts = row.into_iter().flatten();
    texts.next().zip(texts.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_expressions_name_columns_or_nothing() {
        for (expression, column) in [
            ("id", Some("id")),
            ("\"from\"", Some("from")),
            ("\"a\"\"b\"", Some("a\"b")),
            ("(lower(label))", None),
        ] {
            assert_eq!(column_of(expression).as_deref(), column, "{expression}");
        }
    }
}
