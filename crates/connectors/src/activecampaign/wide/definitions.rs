//! The custom fields of contacts as the account defines them.

use std::collections::BTreeMap;

use achub_api::{
    custom_field::{Kind, Options},
    stream::Stream,
    streams,
};
use achub_client::Client;
use achub_core::{Batch, Error, Value};

use crate::activecampaign::{
    pages::{Fetched, Pages},
    whole,
};

/// One custom field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::activecampaign) struct Definition {
    /// Its personalisation tag as a name, see [`super::names`].
    pub(super) tag: String,
    pub(super) kind: Kind,
    pub(super) options: Options,
}

/// All custom fields by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::activecampaign) struct Definitions(pub(super) BTreeMap<i64, Definition>);

impl Definitions {
    /// Reads fields and options: one request per hundred fields.
    pub(in crate::activecampaign) async fn read(client: &Client) -> Result<Definitions, Error> {
        let pages = Pages::new(client, vec![stream("custom_fields"), stream("field_options")], Vec::new());
        let mut definitions = Definitions::default();
        let fetched = whole::read(&pages).await?;
        for page in &fetched {
            definitions.add_fields(page.main());
        }
        // An option may be on another page than its field.
        for part in fetched.iter().flat_map(|page| page.decoded.parts.iter().skip(1)) {
            definitions.add_options(&part.batch);
        }
        Ok(definitions)
    }

    /// Id and name of each field, by id.
    pub(in crate::activecampaign) fn tags(&self) -> Vec<(i64, String)> {
        self.0.iter().map(|(id, field)| (*id, field.tag.clone())).collect()
    }

    fn add_fields(&mut self, batch: &Batch) {
        let kind = batch.schema().index_of("type");
        for (id, tag, values) in tagged(batch) {
            let kind = kind.map(|kind| values[kind].display()).unwrap_or_default();
            self.0.insert(id, Definition { tag, kind: Kind::of(&kind), options: Options::default() });
        }
    }

    fn add_options(&mut self, batch: &Batch) {
        let column = |name: &str| batch.schema().index_of(name);
        let (Some(field), Some(value), Some(label)) = (column("field"), column("value"), column("label"))
        else {
            return;
        };
        for (values, _) in batch.rows() {
            if let Value::Integer(field) = values[field]
                && let Some(definition) = self.0.get_mut(&field)
            {
                definition.options.add(&values[value].display(), &values[label].display());
            }
        }
    }
}

/// Id and name of each field on a page that holds all of them; `None` where there are more.
pub(in crate::activecampaign) fn all_on(page: &Fetched) -> Option<Vec<(i64, String)>> {
    let complete = page.decoded.total.is_some_and(|total| total <= page.main().len() as u64);
    let mut tags: Vec<(i64, String)> = tagged(page.main()).map(|(id, tag, _)| (id, tag)).collect();
    tags.sort();
    complete.then_some(tags)
}

/// Id, name and values of each field. One without a tag is called by its id.
fn tagged(batch: &Batch) -> impl Iterator<Item = (i64, String, &[Value])> {
    let (id, tag) = (batch.schema().index_of("id"), batch.schema().index_of("perstag"));
    batch.rows().filter_map(move |(values, _)| {
        let Value::Integer(id) = values[id?] else { return None };
        let tag = tag.map(|tag| values[tag].display()).unwrap_or_default();
        Some((id, super::names::of_tag(&tag).unwrap_or_else(|| format!("field_{id}")), values))
    })
}

fn stream(name: &str) -> &'static Stream {
    streams::find(name).expect("the stream table has custom fields and their options")
}
