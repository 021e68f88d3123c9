//! An account that is asked about its streams without a run.

use std::sync::Arc;

use achub_client::Client;
use achub_connectors::activecampaign::{ActiveCampaignSource, Probe};
use achub_core::{Error, StreamName, code::Class, port::progress::Silent};
use serde_json::{Value, json};

use crate::wiring::{self, Context, Store};

/// An open account.
pub struct Asking {
    pub source: ActiveCampaignSource,
    pub client: Client,
    store: Store,
}

impl Asking {
    /// Opens the account of the connection called `name`. Nothing is sent.
    pub async fn open(context: &Context, name: &str) -> Result<Asking, Error> {
        let found = context.connections.get(name)?;
        let connection = found.read()?;
        let account = wiring::account(&found.name, &connection)?;
        let store = context.open_store().await?;
        let client = context.client(&found.name, account, &store, Arc::new(Silent))?;
        let source = wiring::source(client.clone(), &store).with_reading(account.reading);
        Ok(Asking { source, client, store })
    }

    /// Ends with the number of requests it took.
    pub async fn close(self) -> u64 {
        let requests = self.client.requests_sent();
        self.store.close().await;
        requests
    }

    /// Asks for one record of each stream. What concerns the whole connection is an error, what concerns one stream is
    /// told beside it.
    pub async fn probe(
        &self,
        streams: &[StreamName],
    ) -> Result<Vec<(StreamName, Result<Probe, Error>)>, Error> {
        let mut probes = self.source.probe(streams).await;
        let ends_all = |error: &Error| {
            let of_all = matches!(error.class(), Class::Unreachable | Class::Credentials);
            of_all && error.code() != achub_core::Code::NotAllowed
        };
        let is_fatal = |(_, probed): &(_, Result<Probe, Error>)| probed.as_ref().is_err_and(ends_all);
        if probes.iter().all(is_fatal)
            && let Some((_, Err(error))) = probes.pop()
        {
            return Err(error);
        }
        Ok(probes)
    }
}

/// A failure in a cell: code and message.
pub fn problem(probed: &Result<Probe, Error>) -> Value {
    match probed {
        Ok(_) => Value::Null,
        Err(error) => json!(format!("{} {}", error.code().id(), error.message())),
    }
}
