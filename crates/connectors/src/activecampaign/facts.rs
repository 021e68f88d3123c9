//! What was found out about an account by asking it, and how long that is believed.

use std::sync::Arc;

use achub_core::{
    AccountName, Error,
    port::{
        clock::Clock,
        state::{Fact, StateStore},
    },
};
use jiff::SignedDuration;

/// How long something found out about an account is believed.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The fact that `/dealStages` shows the stages of all pipelines at once.
pub(super) const STAGES_FLAT: &str = "deal_stages are complete without asking per pipeline";

/// The fact that `ids[]` brings every contact of a block, however many.
pub(super) const BLOCKS: &str = "contacts come in blocks of ids";

/// The fact that all records of `stream` come along with contacts.
pub(super) fn rides(stream: &str) -> String {
    format!("{stream} come along with contacts in full")
}

/// The facts about one account.
#[derive(Clone)]
pub(super) struct Facts {
    state: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    account: AccountName,
}

impl Facts {
    pub(super) fn new(state: Arc<dyn StateStore>, clock: Arc<dyn Clock>, account: AccountName) -> Facts {
        Facts { state, clock, account }
    }

    /// What is known, where that is not too old.
    pub(super) async fn known(&self, name: &str) -> Result<Option<bool>, Error> {
        let fact = self.state.fact(&self.account, name).await?;
        Ok(fact
            .filter(|fact| self.clock.now().duration_since(fact.found_at) < AGE_MAX)
            .and_then(|fact| fact.value.as_bool()))
    }

    /// What was noted under a name, however long ago.
    pub(super) async fn noted(&self, name: &str) -> Result<Option<serde_json::Value>, Error> {
        Ok(self.state.fact(&self.account, name).await?.map(|fact| fact.value))
    }

    /// Notes something for good.
    pub(super) async fn note(&self, name: &str, value: serde_json::Value) -> Result<(), Error> {
        let fact = Fact { value, found_at: self.clock.now() };
        self.state.put_fact(&self.account, name, &fact).await
    }

    /// Remembers what was found just now.
    pub(super) async fn remember(&self, name: &str, found: bool) -> Result<(), Error> {
        let fact = Fact { value: found.into(), found_at: self.clock.now() };
        self.state.put_fact(&self.account, name, &fact).await
    }
}
