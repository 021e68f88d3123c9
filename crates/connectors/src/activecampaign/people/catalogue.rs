//! Lists and fields of an account as they are now.

use std::collections::BTreeMap;

use achub_api::{
    custom_field::{self, Kind, Options},
    streams,
};
use achub_client::Client;
use achub_core::{
    Batch, Error, Value,
    port::incoming::{Catalogue, ShownField, ShownList},
};
use futures_util::future::try_join;

use crate::activecampaign::{
    pages::{Fetched, Pages},
    people::attributes::ATTRIBUTES,
    whole, wide,
};

/// Lists and fields, and how values of fields are read.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What is shown of them.
    pub(super) catalogue: Catalogue,
    fields: BTreeMap<i64, Definition>,
    tags: Option<Vec<(i64, String)>>,
}

/// A custom field.
#[derive(Debug)]
struct Definition {
    title: String,
    tag: String,
    kind: Kind,
    /// Choices by their place.
    choices: BTreeMap<(i64, i64), String>,
    options: Options,
}

impl Known {
    /// Reads lists, fields and options: one request per hundred of each.
    pub(super) async fn read(client: &Client) -> Result<Known, Error> {
        let stream = |name| streams::find(name).expect("the stream table has it");
        let lists = Pages::new(client, vec![stream("lists")], Vec::new());
        let fields = Pages::new(client, vec![stream("custom_fields"), stream("field_options")], Vec::new());
        let (lists, pages) = try_join(whole::read(&lists), whole::read(&fields)).await?;
        let mut fields = BTreeMap::new();
        pages.iter().for_each(|page| add_fields(&mut fields, page.main()));
        // An option may be on another page than its field.
        for part in pages.iter().flat_map(|page| page.decoded.parts.iter().skip(1)) {
            add_options(&mut fields, &part.batch);
        }
        let catalogue = Catalogue { lists: shown_lists(&lists), fields: shown_fields(&fields) };
        let tags = pages.first().and_then(wide::all_on);
        Ok(Known { catalogue, fields, tags })
    }

    /// Id and name of each custom field, where one request told all of them: the walk would ask for them once more.
    pub(super) fn tags(&self) -> Option<&[(i64, String)]> {
        self.tags.as_deref()
    }

    /// The value of a field with the key it is shown by. A value that does not fit comes as text. `None` for the value of
    /// a field that was made after they were read: writing it moved its contact's time.
    pub(super) fn value(&self, field: i64, text: &str) -> Option<(String, Value)> {
        let definition = self.fields.get(&field)?;
        let value = custom_field::value(definition.kind, &definition.options, text);
        Some((field.to_string(), value.unwrap_or_else(|| Value::text(text))))
    }
}

fn shown_lists(pages: &[Fetched]) -> Vec<ShownList> {
    let mut lists = BTreeMap::new();
    for batch in pages.iter().map(Fetched::main) {
        let column = |name: &str| batch.schema().index_of(name);
        let (Some(id), Some(name), Some(active)) =
            (column("id"), column("name"), column("active_subscribers"))
        else {
            continue;
        };
        for (values, _) in batch.rows() {
            let Value::Integer(id) = values[id] else { continue };
            let active = match values[active] {
                Value::Integer(count) => u64::try_from(count).ok(),
                _ => None,
            };
            lists.insert(id, ShownList { key: id.to_string(), name: values[name].display(), active });
        }
    }
    lists.into_values().collect()
}

fn shown_fields(fields: &BTreeMap<i64, Definition>) -> Vec<ShownField> {
    let attributes = ATTRIBUTES.iter().map(|attribute| ShownField {
        key: attribute.column.to_owned(),
        name: attribute.title.to_owned(),
        field_type: attribute.field_type,
        options: Vec::new(),
        tag: None,
    });
    let custom = fields.iter().map(|(id, field)| ShownField {
        key: id.to_string(),
        name: field.title.clone(),
        field_type: field.kind.field_type(),
        options: field.choices.values().cloned().collect(),
        tag: Some(field.tag.clone()).filter(|tag| !tag.is_empty()),
    });
    attributes.chain(custom).collect()
}

fn add_fields(fields: &mut BTreeMap<i64, Definition>, batch: &Batch) {
    let column = |name: &str| batch.schema().index_of(name);
    let (Some(id), Some(title), Some(kind), Some(tag)) =
        (column("id"), column("title"), column("type"), column("perstag"))
    else {
        return;
    };
    for (values, _) in batch.rows() {
        let Value::Integer(id) = values[id] else { continue };
        let title = Some(values[title].display()).filter(|title| !title.trim().is_empty());
        let definition = Definition {
            title: title.unwrap_or_else(|| format!("Field {id}")),
            tag: values[tag].display().trim_matches('%').to_owned(),
            kind: Kind::of(&values[kind].display()),
            choices: BTreeMap::new(),
            options: Options::default(),
        };
        fields.insert(id, definition);
    }
}

fn add_options(fields: &mut BTreeMap<i64, Definition>, batch: &Batch) {
    let column = |name: &str| batch.schema().index_of(name);
    let (Some(id), Some(field), Some(place), Some(value), Some(label)) =
        (column("id"), column("field"), column("orderid"), column("value"), column("label"))
    else {
        return;
    };
    for (values, _) in batch.rows() {
        let Value::Integer(field) = values[field] else { continue };
        let Some(definition) = fields.get_mut(&field) else { continue };
        let (value, label) = (values[value].display(), values[label].display());
        definition.options.add(&value, &label);
        let number = |column: usize| match values[column] {
            Value::Integer(number) => number,
            _ => 0,
        };
        let shown = if label.is_empty() { value } else { label };
        definition.choices.insert((number(place), number(id)), shown);
    }
}
