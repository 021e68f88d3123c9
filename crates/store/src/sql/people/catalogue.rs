//! Lists, tags and custom fields.

use std::collections::HashMap;

use achub_core::{
    ConnectionName,
    email::fold,
    person::{CustomField, FieldId, Link, List, ListId, Tag, TagId},
    port::{incoming::Catalogue, people::Adopted},
};

use super::{counter::Counters, load::field_type};
use crate::{
    people::adoption::{self, Numbers},
    sql::{
        rows::{Rows, execute_in},
        session::{Fault, Row, Session},
    },
};

const LIST: &str = "INSERT INTO list (id, name, connection, key) VALUES";

const LIST_AGAIN: &str = "ON CONFLICT (id) DO UPDATE SET name = excluded.name";

const FIELD: &str = "INSERT INTO custom_field (id, name, name_key, field_type, connection, key, tag) VALUES";

const FIELD_AGAIN: &str = "ON CONFLICT (id) DO UPDATE SET tag = excluded.tag";

/// See `PeopleStore::adopt`.
pub(crate) async fn adopt(
    session: &mut dyn Session,
    connection: &ConnectionName,
    catalogue: &Catalogue,
) -> Result<Adopted, Fault> {
    let mut counters = Counters::take(session).await?;
    let (lists, fields) = (lists(session).await?, fields(session).await?);
    let numbers = Numbers::Behind(counters.list, counters.field);
    let adoption = adoption::adopt(&lists, &fields, connection, catalogue, numbers);
    let mut rows = Rows::new(LIST, 4, LIST_AGAIN);
    for list in &adoption.lists {
        let (connection, key) = link_texts(list.link.as_ref());
        rows.push([list.id.0.into(), list.name.as_str().into(), connection.into(), key.into()]);
    }
    rows.write(session).await?;
    put_fields(session, &adoption.fields).await?;
    (counters.list, counters.field) = (adoption.last_list, adoption.last_field);
    counters.put(session).await?;
    Ok(adoption.adopted)
}

/// See `PeopleStore::would_adopt`.
pub(crate) async fn would_adopt(
    session: &mut dyn Session,
    connection: &ConnectionName,
    catalogue: &Catalogue,
) -> Result<Adopted, Fault> {
    let (lists, fields) = (lists(session).await?, fields(session).await?);
    Ok(adoption::adopt(&lists, &fields, connection, catalogue, Numbers::BelowZero).adopted)
}

async fn put_fields(session: &mut dyn Session, fields: &[CustomField]) -> Result<(), Fault> {
    let mut rows = Rows::new(FIELD, 7, FIELD_AGAIN);
    let mut options = Rows::new("INSERT INTO field_option (field, position, name) VALUES", 3, "");
    for field in fields {
        let (connection, key) = link_texts(field.link.as_ref());
        rows.push([
            field.id.0.into(),
            field.name.as_str().into(),
            fold(&field.name).into(),
            field.field_type.name().into(),
            connection.into(),
            key.into(),
            field.tag.as_deref().into(),
        ]);
        for (position, option) in (1_i64..).zip(&field.options) {
            options.push([field.id.0.into(), position.into(), option.as_str().into()]);
        }
    }
    rows.write(session).await?;
    let ids: Vec<i64> = fields.iter().map(|field| field.id.0).collect();
    execute_in(session, "DELETE FROM field_option WHERE field IN", &ids).await?;
    options.write(session).await
}

fn link_texts(link: Option<&Link>) -> (Option<&str>, Option<&str>) {
    (link.map(|link| link.connection.as_str()), link.map(|link| link.key.as_str()))
}

fn read_link(row: &mut Row) -> Result<Option<Link>, Fault> {
    let (connection, key) = (row.maybe_text()?, row.maybe_text()?);
    Ok(connection.zip(key).map(|(connection, key)| Link { connection: ConnectionName::new(connection), key }))
}

/// All lists, by name.
pub(crate) async fn lists(session: &mut dyn Session) -> Result<Vec<List>, Fault> {
    let sql = "SELECT id, name, connection, key FROM list ORDER BY name, id";
    let rows = session.fetch(sql.to_owned(), Vec::new()).await?;
    let list =
        |mut row: Row| Ok(List { id: ListId(row.integer()?), name: row.text()?, link: read_link(&mut row)? });
    rows.into_iter().map(list).collect()
}

/// All tags, by name.
pub(crate) async fn tags(session: &mut dyn Session) -> Result<Vec<Tag>, Fault> {
    let rows = session.fetch("SELECT id, name FROM tag ORDER BY name, id".to_owned(), Vec::new()).await?;
    rows.into_iter().map(|mut row| Ok(Tag { id: TagId(row.integer()?), name: row.text()? })).collect()
}

/// All custom fields, by name.
pub(crate) async fn fields(session: &mut dyn Session) -> Result<Vec<CustomField>, Fault> {
    let mut options: HashMap<i64, Vec<String>> = HashMap::new();
    let sql = "SELECT field, name FROM field_option ORDER BY field, position";
    for mut row in session.fetch(sql.to_owned(), Vec::new()).await? {
        options.entry(row.integer()?).or_default().push(row.text()?);
    }
    let sql = "SELECT id, name, field_type, connection, key, tag FROM custom_field ORDER BY name, id";
    let rows = session.fetch(sql.to_owned(), Vec::new()).await?;
    let field = |mut row: Row| {
        let id = row.integer()?;
        Ok(CustomField {
            id: FieldId(id),
            name: row.text()?,
            field_type: field_type(&row.text()?)?,
            link: read_link(&mut row)?,
            tag: row.maybe_text()?,
            options: options.remove(&id).unwrap_or_default(),
        })
    };
    rows.into_iter().map(field).collect()
}

/// See `PeopleStore::tag`.
pub(crate) async fn tag(session: &mut dyn Session, name: &str) -> Result<Tag, Fault> {
    let mut counters = Counters::take(session).await?;
    let find = "SELECT id, name FROM tag WHERE name_key = $1";
    let found = session.fetch(find.to_owned(), vec![fold(name).into()]).await?;
    if let Some(mut row) = found.into_iter().next() {
        return Ok(Tag { id: TagId(row.integer()?), name: row.text()? });
    }
    counters.tag += 1;
    let add = "INSERT INTO tag (id, name, name_key) VALUES ($1, $2, $3)";
    session.execute(add.to_owned(), vec![counters.tag.into(), name.into(), fold(name).into()]).await?;
    counters.put(session).await?;
    Ok(Tag { id: TagId(counters.tag), name: name.to_owned() })
}
