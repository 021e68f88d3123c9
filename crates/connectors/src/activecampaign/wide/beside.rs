//! Which records have custom fields, and which streams hold their values.

use achub_api::{decode, stream::Stream, streams};
use achub_client::Client;
use achub_core::{Batch, Code, Error, StreamName, Value, port::source::Wide};

use super::names::{self, Names, REST};
use crate::activecampaign::{facts::Facts, pages::Pages, whole};

/// One kind of records, and how its custom fields are laid out beside them.
#[derive(Debug)]
pub(in crate::activecampaign) struct Beside {
    /// The view's name.
    view: &'static str,
    /// The stream of the records.
    base: &'static str,
    /// The stream of the values, and its fields with the record's key, the custom field's id and the value.
    values: &'static str,
    parent_field: &'static str,
    id_field: &'static str,
    value_field: &'static str,
    /// The stream of the definitions.
    definitions: &'static str,
    /// The fact under which the names of columns are kept.
    pub(super) fact: &'static str,
}

/// Contacts. Their values come along with them.
pub(in crate::activecampaign) const CONTACTS: Beside = Beside {
    view: super::NAME,
    base: "contacts",
    values: super::VALUES,
    parent_field: "contact",
    id_field: "field",
    value_field: "value",
    definitions: "custom_fields",
    fact: "columns of custom fields of contacts",
};

/// Records whose values are streams of their own: deals and companies. Neither listing is known to include them.
const OWN_STREAMS: [Beside; 2] = [
    Beside {
        view: "deals_wide",
        base: "deals",
        values: "deal_custom_field_data",
        parent_field: "dealId",
        id_field: "customFieldId",
        value_field: "fieldValue",
        definitions: "deal_custom_field_meta",
        fact: "columns of custom fields of deals",
    },
    Beside {
        view: "accounts_wide",
        base: "accounts",
        values: "account_custom_field_data",
        parent_field: "accountId",
        id_field: "customFieldId",
        value_field: "fieldValue",
        definitions: "account_custom_field_meta",
        fact: "columns of custom fields of companies",
    },
];

/// How the records of `stream`, which are values of custom fields, are laid out; `None` for every other stream.
pub(in crate::activecampaign) fn of_values(stream: &str) -> Option<&'static Beside> {
    OWN_STREAMS.iter().find(|beside| beside.values == stream)
}

impl Beside {
    /// The shape of the records that the values belong to.
    pub(super) fn base(&self) -> achub_core::SharedSchema {
        decode::schema(stream(self.base))
    }

    /// How the values are laid out as a view, by the definitions as they are now; or why they cannot be, where the account
    /// does not show them. One request for a hundred fields.
    pub(in crate::activecampaign) async fn asked_for(
        &self,
        client: &Client,
        facts: &Facts,
    ) -> Result<Result<Wide, String>, Error> {
        let pages = Pages::new(client, vec![stream(self.definitions)], Vec::new());
        let fetched = match whole::read(&pages).await {
            Ok(fetched) => fetched,
            Err(error) if is_not_to_be_had(&error) => {
                let (view, code) = (self.view, error.code().id());
                return Ok(Err(format!("the view {view} is not made: {code} {error}")));
            }
            Err(error) => return Err(error),
        };
        let mut fields: Vec<(i64, String)> = fetched.iter().flat_map(|page| tagged(page.main())).collect();
        fields.sort();
        fields.dedup_by_key(|(id, _)| *id);
        Ok(Ok(Names::given(self, facts, &fields).await?.view(self, &fields)))
    }

    /// A view of these columns; `rest` where other fields have none of their own.
    pub(super) fn view(&self, fields: Vec<(i64, String)>, rest: bool) -> Wide {
        Wide {
            name: self.view.to_owned(),
            base: (StreamName::new(self.base), "id".to_owned()),
            values: StreamName::new(self.values),
            parent_field: self.parent_field.to_owned(),
            id_field: self.id_field.to_owned(),
            value_field: self.value_field.to_owned(),
            fields,
            rest: rest.then(|| REST.to_owned()),
        }
    }
}

/// The values land all the same: only their view is missing.
fn is_not_to_be_had(error: &Error) -> bool {
    matches!(error.code(), Code::NotAllowed | Code::RequestRefused | Code::PassedOver)
}

/// Id and name of each field: its personalisation tag, else its label, else its id.
fn tagged(batch: &Batch) -> Vec<(i64, String)> {
    let column = |name: &str| batch.schema().index_of(name);
    let (id, tag, label) = (column("id"), column("personalization"), column("fieldLabel"));
    let named = |values: &[Value], column: Option<usize>| match &values[column?] {
        Value::Text(text) => names::of_tag(text),
        _ => None,
    };
    let fields = batch.rows().filter_map(|(values, _)| {
        let Value::Integer(id) = values[id?] else { return None };
        let name = named(values, tag).or_else(|| named(values, label));
        Some((id, name.unwrap_or_else(|| format!("field_{id}"))))
    });
    fields.collect()
}

fn stream(name: &str) -> &'static Stream {
    streams::find(name).expect("the stream table has all records with custom fields, values and definitions")
}
