//! `contacts_wide`: contacts with a column for each custom field; and the views of deals and companies like it.
//!
//! It is read with contacts and their field values, so it takes no request but those for the definitions of the fields.
//! Which column a field has is decided once, by its id (see [`names`]), and which type it has by its kind.

mod beside;
mod definitions;
mod names;
mod rows;

use std::sync::{Arc, Mutex};

use achub_api::{decode, stream::Stream, streams};
use achub_client::Client;
use achub_core::{Code, Error, SharedSchema, StreamName};

pub(super) use beside::{Beside, CONTACTS, of_values};
pub(super) use definitions::{Definitions, all_on};
pub(super) use names::Names;
pub(super) use rows::Layout;

use crate::activecampaign::facts::Facts;

/// The stream's name.
pub(super) const NAME: &str = "contacts_wide";

/// The stream whose records hold the values.
pub(super) const VALUES: &str = "field_values";

/// The stream with its fixed fields.
fn stream() -> &'static Stream {
    streams::derived().find(|stream| stream.name == NAME).expect("the stream table has contacts_wide")
}

/// Whether `name` is that of the stream.
pub(super) fn is_wide(name: &StreamName) -> bool {
    name.as_str() == NAME
}

/// The columns as the account defines them: asked for when a run describes the stream, and kept so that what is read
/// afterwards has the shape that was told.
#[derive(Debug, Default)]
pub(super) struct Described(Mutex<Option<Arc<Layout>>>);

impl Described {
    /// Asks the account anew.
    ///
    /// Errors: `AC-106` where the key may not read custom fields, and the others of reading.
    pub(super) async fn renew(&self, client: &Client, facts: &Facts) -> Result<Arc<Layout>, Error> {
        let definitions = Definitions::read(client).await?;
        let names = Names::given(&CONTACTS, facts, &definitions.tags()).await?;
        let contacts = streams::find("contacts").expect("the stream table has contacts");
        let layout = Arc::new(Layout::new(&decode::schema(contacts), definitions, &names));
        *self.0.lock().expect("nothing panics while it holds the lock") = Some(layout.clone());
        Ok(layout)
    }

    /// What was told last; asks the account where nothing was.
    pub(super) async fn last(&self, client: &Client, facts: &Facts) -> Result<Arc<Layout>, Error> {
        let told = self.0.lock().expect("nothing panics while it holds the lock").clone();
        match told {
            Some(layout) => Ok(layout),
            None => self.renew(client, facts).await,
        }
    }
}

/// The shape to show of a stream whose fields could not be asked for: a run goes on with its other streams, and is told
/// when this one is opened.
pub(super) fn schema_or_fixed(layout: Result<Arc<Layout>, Error>) -> Result<SharedSchema, Error> {
    match layout {
        Ok(layout) => Ok(layout.schema().clone()),
        Err(error) if matches!(error.code(), Code::NotAllowed | Code::PassedOver) => {
            Ok(decode::schema(stream()))
        }
        Err(error) => Err(error),
    }
}

/// The failure that an account does not send field values along with contacts.
pub(super) fn without_values() -> Error {
    let message =
        format!("the account does not send field values along with contacts, {NAME} cannot be made");
    Error::new(Code::RequestRefused, message)
        .with_hint("replicate contacts and field_values: a database lays them out as the view contacts_wide")
}
