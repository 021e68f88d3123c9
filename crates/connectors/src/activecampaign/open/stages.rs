//! Stages of deals: in one go, where a control query shows that this is the same as asking pipeline by pipeline.

use achub_api::stream::Stream;
use achub_core::{Error, StreamName, Value, port::state::Fact};
use jiff::SignedDuration;

use super::{OpenedWalk, Opening, one};
use crate::activecampaign::{
    find,
    group::Group,
    offset::Place,
    pages::{Fetched, Pages, Query},
};

/// How long something found out about an account is believed.
const FACT_AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The fact that `/dealStages` shows the stages of all pipelines at once.
const STAGES_FLAT: &str = "deal_stages are complete without asking per pipeline";

impl Opening<'_> {
    /// Stages in one go where that shows the same as asking per pipeline; otherwise pipeline by pipeline.
    pub(super) async fn stages(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
        let parent = group.main.parent.expect("deal_stages belong to deal_pipelines");
        let is_flat = match self.fact(STAGES_FLAT).await? {
            Some(known) => known,
            None => {
                let found = self.stages_are_flat(group.main, parent.stream).await?;
                self.remember(STAGES_FLAT, found).await?;
                found
            }
        };
        match (is_flat, parent.filter) {
            (false, Some(filter)) => {
                self.per_parent(group, parent.stream, Place::Filter(filter)).await.map(one)
            }
            _ => self.offset(group, Vec::new(), Place::Nowhere).await.map(one),
        }
    }

    /// The control query: pipelines list the ids of their stages; the flat listing must have as many.
    async fn stages_are_flat(&self, stages: &'static Stream, pipelines: &str) -> Result<bool, Error> {
        let pipelines = Pages::new(self.client, vec![find(&StreamName::new(pipelines))?], Vec::new());
        let limit: Query = vec![("limit".to_owned(), pipelines.main().page_size.to_string())];
        let listed = pipelines.get(pipelines.main().path, limit.clone(), |_| Ok(())).await?;
        let flat = Pages::new(self.client, vec![stages], Vec::new());
        let total = flat.get(stages.path, limit, |_| Ok(())).await?.decoded.total;
        Ok(total.is_some() && total == listed_stages(&listed))
    }

    async fn fact(&self, name: &str) -> Result<Option<bool>, Error> {
        let fact = self.state.fact(self.client.account(), name).await?;
        Ok(fact
            .filter(|fact| self.clock.now().duration_since(fact.found_at) < FACT_AGE_MAX)
            .and_then(|fact| fact.value.as_bool()))
    }

    async fn remember(&self, name: &str, found: bool) -> Result<(), Error> {
        let fact = Fact { value: found.into(), found_at: self.clock.now() };
        self.state.put_fact(self.client.account(), name, &fact).await
    }
}

fn listed_stages(pipelines: &Fetched) -> Option<u64> {
    let stages = pipelines.main().schema().index_of("stages")?;
    let complete = pipelines.decoded.total.is_some_and(|total| total <= pipelines.main().len() as u64);
    if !complete {
        return None;
    }
    pipelines.main().rows().try_fold(0, |sum, (values, _)| match &values[stages] {
        Value::Json(ids) => {
            let ids: Vec<serde_json::Value> = serde_json::from_str(ids).ok()?;
            Some(sum + ids.len() as u64)
        }
        Value::Null => Some(sum),
        _ => None,
    })
}
