//! The view with one column for each custom field.

use achub_core::{Code, Error, port::target::WideView};

use crate::sql::{Fault, Session, TableName, quoted};

/// What marks a view as ours: it may be replaced, and gives way to a table of its name.
pub(crate) const MARK: &str = "made by achub: one column per custom field";

/// Makes the view inside the transaction of `session`, in place of the one we made before.
///
/// Errors: `DB-104` where a table, or a view of somebody else, has its name.
pub(crate) async fn make<S: Session>(session: &mut S, view: &WideView) -> Result<(), Fault> {
    let name = session.own_place(view.base.schema.as_deref(), &view.name);
    if session.shape(&name).await?.is_some() && !session.is_own_view(&name).await? {
        return Err(in_the_way(&name).into());
    }
    let query = query::<S>(view, &session.place(&view.base), &session.place(&view.values));
    session.put_view(&name, &query).await
}

/// Drops the view of this name where it is ours, so that a table can take its place. Tells whether it was.
pub(crate) async fn give_way<S: Session>(session: &mut S, view: &TableName) -> Result<bool, Fault> {
    let is_ours = session.is_own_view(view).await?;
    if is_ours {
        session.execute(&format!("DROP VIEW {}", view.sql()), &[]).await?;
    }
    Ok(is_ours)
}

/// The query of a wide view: every column of the base table, and one column for each custom field.
///
/// The values are grouped once for all fields. Where a record has several values of one field, the largest is shown.
fn query<S: Session>(view: &WideView, base: &TableName, values: &TableName) -> String {
    let base_columns = view.base.columns.iter().map(|column| format!("b.{}", quoted(&column.name)));
    let named = view.columns.iter().map(|(_, name)| name).chain(&view.rest);
    let field_columns = named.map(|name| format!("v.{}", quoted(name)));
    let select: Vec<String> = base_columns.chain(field_columns).collect();
    if view.columns.is_empty() && view.rest.is_none() {
        return format!("SELECT {} FROM {} AS b", select.join(", "), base.sql());
    }
    let parent = quoted(&view.parent);
    let (field, value) = (quoted(&view.field), quoted(&view.value));
    let pick = |(id, name): &(i64, String)| {
        let (id, name) = (id_constant(view, *id), quoted(name));
        format!("max(f.{value}) FILTER (WHERE f.{field} = {id}) AS {name}")
    };
    let rest = view.rest.iter().map(|name| {
        let ids: Vec<String> = view.columns.iter().map(|(id, _)| id_constant(view, *id)).collect();
        let others = if ids.is_empty() {
            String::new()
        } else {
            format!(" AND f.{field} NOT IN ({})", ids.join(", "))
        };
        let (key, field_value) = (format!("CAST(f.{field} AS text)"), format!("f.{value}"));
        let condition = format!("f.{field} IS NOT NULL AND f.{value} IS NOT NULL{others}");
        format!("{} AS {}", S::object_of(&key, &field_value, &condition), quoted(name))
    });
    let picks: Vec<String> = view.columns.iter().map(pick).chain(rest).collect();
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

fn in_the_way(name: &TableName) -> Error {
    let message = format!("cannot make the view {name}: a table, or a view of somebody else, has that name");
    Error::new(Code::TableChanged, message).with_hint("rename what has the name")
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
