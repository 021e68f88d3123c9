//! Stages of deals: in one go, where a control query shows that this is the same as asking pipeline by pipeline.

use achub_core::{Error, StreamName, Value, port::source::Wanted};

use super::{OpenedWalk, Opening, one};
use crate::activecampaign::{
    facts::STAGES_FLAT,
    find,
    group::Group,
    offset::{self, Place},
    pages::Fetched,
};

impl Opening<'_> {
    /// Stages in one go where that shows the same as asking per pipeline; otherwise pipeline by pipeline.
    pub(super) async fn stages(&self, group: &Group) -> Result<Vec<OpenedWalk>, Error> {
        let parent = group.main.parent.expect("deal_stages belong to deal_pipelines");
        let Some(filter) = parent.filter else {
            return self.offset(group, Vec::new(), Place::Nowhere).await.map(one);
        };
        let is_flat = match self.facts.known(STAGES_FLAT).await? {
            Some(known) => known,
            None if self.position::<offset::Mark>(group).is_none() => {
                return self.stages_tried(group, parent.stream, filter).await.map(one);
            }
            None => false,
        };
        if is_flat {
            self.offset(group, Vec::new(), Place::Nowhere).await.map(one)
        } else {
            self.per_parent(group, parent.stream, Place::Filter(filter)).await.map(one)
        }
    }

    /// The control query: pipelines list the ids of their stages, and the flat listing must have as many. Its first page
    /// is the walk's first page.
    async fn stages_tried(
        &self,
        group: &Group,
        pipelines: &str,
        filter: &'static str,
    ) -> Result<OpenedWalk, Error> {
        let pipelines = Wanted::all(StreamName::new(pipelines));
        let pipelines = Group { main: find(&pipelines.stream)?, wanted: vec![pipelines], riders: Vec::new() };
        let (listed, flat) =
            futures_util::future::try_join(self.first_page(&pipelines), self.first_page(group)).await?;
        let total = flat.decoded.total;
        let is_flat = total.is_some() && total == listed_stages(&listed);
        self.facts.remember(STAGES_FLAT, is_flat).await?;
        if is_flat {
            self.offset_opened(group, Vec::new(), Place::Nowhere, Some(flat)).await
        } else {
            self.per_parent(group, pipelines.main.name, Place::Filter(filter)).await
        }
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
