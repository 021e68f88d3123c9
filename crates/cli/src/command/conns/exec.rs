//! `achub conns exec`: SQL as a person wrote it, on a database connection.

use crate::{
    config::keys::Origin,
    hooks,
    output::{Failure, Output, Table, count},
    wiring::Context,
};

/// Runs `sql` and prints the rows of its last statement that gives any, `limit` at the most.
pub async fn run(
    context: &Context,
    output: &Output,
    name: &str,
    sql: &str,
    limit: usize,
) -> Result<(), Failure> {
    let (name, connection) = context.connections.resolve(name, &Origin::new("conns exec"))?;
    let answer = hooks::query::execute(&context.environment, &name, &connection, sql, limit).await?;
    if answer.columns.is_empty() {
        output.say(&format!("{} rows touched", count(answer.touched)));
        return Ok(());
    }
    let mut table = Table::of(answer.columns);
    answer.rows.into_iter().for_each(|row| table.push(row));
    output.table("conns exec", &table)?;
    if answer.left_out > 0 {
        output.say(&format!("and {} more rows; --limit shows more", count(answer.left_out)));
    }
    Ok(())
}
