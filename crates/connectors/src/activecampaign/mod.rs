//! ActiveCampaign as a source: which requests read which streams, at the lowest price.

mod ahead;
mod columns;
mod contacts;
mod facts;
mod group;
mod intake;
mod mark;
mod numbered;
mod offset;
mod open;
mod pages;
mod probe;
mod ranges;
mod reading;
mod rights;
mod segments;
mod series;
mod span;
mod told;
mod whole;

use std::{collections::HashMap, sync::Arc};

use achub_api::{decode, stream::Stream, streams};
use achub_client::Client;
use achub_core::{
    Code, Error, StreamName, WalkName,
    port::{
        clock::Clock,
        source::{Opened, Position, Source, StreamInfo, Wanted},
        state::StateStore,
    },
};
use async_trait::async_trait;
use facts::Facts;

/// This connector in the list of all.
pub const CONNECTOR: crate::Connector =
    crate::Connector { name: "activecampaign", role: crate::Role::Source };

pub use probe::Probe;
pub use reading::Reading;

/// Streams whose records come along with contacts at no extra request.
pub(crate) const SATELLITES: [&str; 3] = ["contact_tags", "contact_lists", "field_values"];

/// An ActiveCampaign account, read through one client.
pub struct ActiveCampaignSource {
    client: Client,
    state: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    reading: Reading,
}

impl ActiveCampaignSource {
    /// Reads through `client`; what is found out about the account is remembered in `state`. `clock` stands in where an
    /// answer carries no date. Reads the documented way until [`ActiveCampaignSource::with_reading`] says otherwise.
    pub fn new(client: Client, state: Arc<dyn StateStore>, clock: Arc<dyn Clock>) -> ActiveCampaignSource {
        ActiveCampaignSource { client, state, clock, reading: Reading::Documented }
    }

    /// The same source, reading in this way.
    pub fn with_reading(self, reading: Reading) -> ActiveCampaignSource {
        ActiveCampaignSource { reading, ..self }
    }

    fn facts(&self) -> Facts {
        Facts::new(self.state.clone(), self.clock.clone(), self.client.account().clone())
    }
}

#[async_trait]
impl Source for ActiveCampaignSource {
    fn streams(&self) -> Vec<StreamInfo> {
        streams::all().map(info).collect()
    }

    fn requests_sent(&self) -> u64 {
        self.client.requests_sent()
    }

    async fn open(
        &self,
        wanted: &[Wanted],
        positions: &HashMap<WalkName, Position>,
    ) -> Result<Opened, Error> {
        open::Opening::new(&self.client, self.facts(), &*self.clock, self.reading, positions)
            .all(wanted)
            .await
    }
}

/// The stream called `name`.
fn find(name: &StreamName) -> Result<&'static Stream, Error> {
    streams::find(name.as_str())
        .ok_or_else(|| Error::new(Code::UnknownStream, format!("ActiveCampaign has no stream {name}")))
}

fn info(stream: &'static Stream) -> StreamInfo {
    let parent = stream.parent;
    StreamInfo {
        name: StreamName::new(stream.name),
        schema: decode::schema(stream),
        cursor: stream.cursor.filter(|cursor| cursor.filter.is_some()).map(|cursor| cursor.field.to_owned()),
        follows: parent
            .filter(|_| SATELLITES.contains(&stream.name))
            .map(|parent| (StreamName::new(parent.stream), parent.field.to_owned())),
        parent: parent.map(|parent| StreamName::new(parent.stream)),
    }
}
