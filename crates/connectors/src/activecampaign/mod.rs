//! ActiveCampaign as a source: which requests read which streams, at the lowest price.

mod ahead;
mod contacts;
mod facts;
mod group;
mod intake;
mod left;
mod mark;
mod numbered;
mod offset;
mod open;
mod pages;
mod people;
mod probe;
mod ranges;
mod reading;
mod rights;
mod segments;
mod series;
mod span;
mod told;
mod whole;
mod wide;

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

pub use people::{ActiveCampaignPeople, TAG};
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
    wide: wide::Described,
}

impl ActiveCampaignSource {
    /// Reads through `client`; what is found out about the account is remembered in `state`. `clock` stands in where an
    /// answer carries no date. Reads the documented way until [`ActiveCampaignSource::with_reading`] says otherwise.
    pub fn new(client: Client, state: Arc<dyn StateStore>, clock: Arc<dyn Clock>) -> ActiveCampaignSource {
        let wide = wide::Described::default();
        ActiveCampaignSource { client, state, clock, reading: Reading::Documented, wide }
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
        streams::all().chain(streams::derived()).map(info).collect()
    }

    async fn describe(&self, names: &[StreamName]) -> Result<Vec<StreamInfo>, Error> {
        let mut infos = names.iter().map(|name| find(name).map(info)).collect::<Result<Vec<_>, _>>()?;
        if let Some(info) = infos.iter_mut().find(|info| wide::is_wide(&info.name)) {
            let layout = self.wide.renew(&self.client, &self.facts()).await;
            info.schema = wide::schema_or_fixed(layout)?;
        }
        Ok(infos)
    }

    fn requests_sent(&self) -> u64 {
        self.client.requests_sent()
    }

    fn parts(&self, wanted: &[Wanted]) -> Vec<Vec<Wanted>> {
        group::parts(wanted)
    }

    async fn open(
        &self,
        wanted: &[Wanted],
        positions: &HashMap<WalkName, Position>,
    ) -> Result<Opened, Error> {
        let mut opening =
            open::Opening::new(&self.client, self.facts(), &*self.clock, self.reading, positions);
        if wanted.iter().any(|wanted| wide::is_wide(&wanted.stream)) {
            opening = opening.with_wide(self.wide.last(&self.client, &self.facts()).await);
        }
        opening.all(wanted).await
    }
}

/// The stream called `name`.
fn find(name: &StreamName) -> Result<&'static Stream, Error> {
    let derived = || streams::derived().find(|stream| stream.name.eq_ignore_ascii_case(name.as_str()));
    streams::find(name.as_str())
        .or_else(derived)
        .ok_or_else(|| Error::new(Code::UnknownStream, format!("ActiveCampaign has no stream {name}")))
}

fn info(stream: &'static Stream) -> StreamInfo {
    let parent = stream.parent;
    StreamInfo {
        name: StreamName::new(stream.name),
        schema: decode::schema(stream),
        cursor: stream.cursor.filter(|cursor| cursor.filter.is_some()).map(|cursor| cursor.field.to_owned()),
        follows: follows(stream),
        parent: parent.map(|parent| StreamName::new(parent.stream)),
    }
}

/// The stream whose records tell when those of `stream` changed, and the field with its key.
fn follows(stream: &Stream) -> Option<(StreamName, String)> {
    if stream.name == wide::NAME {
        return Some((StreamName::new("contacts"), "id".to_owned()));
    }
    let parent = stream.parent.filter(|_| SATELLITES.contains(&stream.name))?;
    Some((StreamName::new(parent.stream), parent.field.to_owned()))
}
