//! Custom fields of contacts as columns of `contacts_wide`.

use std::sync::{Arc, OnceLock};

use achub_api::streams;
use achub_client::Client;
use achub_core::{Batch, Error, StreamName, Value, port::source::Wide};

use crate::activecampaign::{
    pages::{Fetched, Pages},
    whole,
};

/// The names of all custom fields, set by whoever meets them first.
pub(super) type FieldNames = Arc<OnceLock<Vec<(i64, String)>>>;

/// Id and personalisation tag of every custom field, read from the account: one request per hundred fields.
pub(super) async fn names(client: &Client) -> Result<Vec<(i64, String)>, Error> {
    let stream = streams::find("custom_fields").expect("the stream table has custom_fields");
    let pages = Pages::new(client, vec![stream], Vec::new());
    let mut names: Vec<(i64, String)> =
        whole::read(&pages).await?.iter().flat_map(|page| named(page.main())).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The names on a page that holds all custom fields; `None` where there are more.
pub(super) fn all_on(page: &Fetched) -> Option<Vec<(i64, String)>> {
    let complete = page.decoded.total.is_some_and(|total| total <= page.main().len() as u64);
    complete.then(|| named(page.main()))
}

/// How field values are laid out as columns.
pub(super) fn wide(fields: Vec<(i64, String)>) -> Wide {
    let mut taken = std::collections::HashSet::new();
    let fields = fields
        .into_iter()
        .map(|(id, name)| {
            let name = if taken.insert(name.clone()) { name } else { format!("{name}_{id}") };
            (id, name)
        })
        .collect();
    Wide {
        name: "contacts_wide".to_owned(),
        base: (StreamName::new("contacts"), "id".to_owned()),
        values: StreamName::new("field_values"),
        parent_field: "contact".to_owned(),
        id_field: "field".to_owned(),
        value_field: "value".to_owned(),
        fields,
    }
}

/// The personalisation tag is unique and does not change with the title; a field without one is called by its id.
fn named(batch: &Batch) -> Vec<(i64, String)> {
    let schema = batch.schema();
    let (Some(id), tag) = (schema.index_of("id"), schema.index_of("perstag")) else { return Vec::new() };
    batch
        .rows()
        .filter_map(|(values, _)| {
            let Value::Integer(id) = values[id] else { return None };
            let tag = tag.map(|tag| values[tag].display()).unwrap_or_default();
            Some((id, column_name(&tag).unwrap_or_else(|| format!("field_{id}"))))
        })
        .collect()
}

fn column_name(tag: &str) -> Option<String> {
    let name: String = tag
        .trim()
        .to_lowercase()
        .chars()
        .map(|character| if character.is_alphanumeric() { character } else { '_' })
        .take(50)
        .collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{column_name, wide};

    #[test]
    fn tags_become_distinct_column_names() {
        assert_eq!(column_name("FAVOURITE COLOUR-2"), Some("favourite_colour_2".to_owned()));
        assert_eq!(column_name(" "), None);

        let view = wide(vec![(4, "colour".to_owned()), (9, "colour".to_owned())]);

        assert_eq!(view.fields, [(4, "colour".to_owned()), (9, "colour_9".to_owned())]);
    }
}
