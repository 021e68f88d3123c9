//! An import with everything it needs, for whoever starts one: the command line, or the daemon.

use std::sync::Arc;

use achub_connectors::activecampaign::{ActiveCampaignPeople, TAG};
use achub_core::{ConnectionName, Error, JobName, port::progress::Progress};
use achub_engine::{
    Hub, Stop,
    import::{Import, ImportEnds, ImportPreview, ImportSummary, ImportTicket},
};

use crate::{
    config::{keys::Origin, project},
    wiring::{self, Context, Store},
};

/// An import, ready to be previewed or started.
pub struct Importing {
    pub import: Import,
    hub: Hub,
    source: ActiveCampaignPeople,
    store: Store,
}

impl Importing {
    /// The import `wanted` of the project file, into `store`. Nothing is sent.
    ///
    /// Errors: those of finding its account.
    pub fn of_project(
        context: &Context,
        wanted: &project::Import,
        store: &Store,
        progress: Arc<dyn Progress>,
    ) -> Result<Importing, Error> {
        let job = JobName::new(format!("imports.{}", wanted.name));
        let place = Origin::new(format!("{job}.from"));
        let (name, connection) = context.connections.resolve(&wanted.from, &place)?;
        let account = wiring::account(&name, &connection)?;
        let client = context.client(&name, account, store, progress.clone())?;
        let source = wiring::source(client, store).with_reading(account.reading);
        let import = Import {
            selection: wanted.selection.clone(),
            merge: wanted.merge,
            tag: Some(TAG.to_owned()),
            ..Import::everybody(job, ConnectionName::new(name.to_lowercase()))
        };
        Ok(Importing {
            import,
            hub: wiring::hub(store, progress.clone()),
            source: ActiveCampaignPeople::new(source, progress),
            store: store.clone(),
        })
    }

    /// What it would do to up to `limit` people, see [`Hub::preview_import`].
    pub async fn preview(&self, limit: Option<u64>) -> Result<ImportPreview, Error> {
        let ends = ImportEnds { source: &self.source, people: &*self.store, activity: &*self.store };
        self.hub.preview_import(&self.import, &ends, limit).await
    }

    /// Carries it out, see [`Hub::import`].
    pub async fn start(&self, ticket: &ImportTicket, stop: &Stop) -> Result<ImportSummary, Error> {
        let ends = ImportEnds { source: &self.source, people: &*self.store, activity: &*self.store };
        self.hub.import(&self.import, &ends, ticket, stop).await
    }
}
