//! Tables that are made without reading anything.

use std::collections::HashMap;

use achub_core::{
    Error, StreamName, WalkName,
    port::{
        source::{Price, Walk, WalkReport, WalkStream},
        target::{Closing, TableReport},
    },
};

use crate::{context::Context, feed::Fed, moments::End, prepare::Placed, walks::Ended};

/// Makes the table of `placed`, without rows.
pub(crate) async fn make(placed: &Placed<'_>, context: &Context<'_>) -> Ended {
    let stream = &placed.task.stream;
    let mut ended = Ended { fed: Vec::new(), failed: Vec::new(), skipped: Vec::new() };
    if context.ending.is_near() {
        ended.failed.push((stream.clone(), context.ending.error()));
        return ended;
    }
    let begun = match context.moments.begin(stream).await {
        Ok(Some(begun)) => begun,
        Ok(None) => {
            ended.skipped.push(stream.clone());
            return ended;
        }
        Err(error) => {
            ended.failed.push((stream.clone(), error));
            return ended;
        }
    };
    let made = table(placed, context).await;
    let told = match &made {
        Ok(tables) => {
            let outcomes = tables.first().map(|table| table.outcomes).unwrap_or_default();
            context.moments.end(&begun, End::Landed(outcomes)).await
        }
        Err(error) => context.moments.end(&begun, End::Failed(error)).await,
    };
    match (made, told) {
        (Ok(tables), Ok(())) => ended.fed.push(fed(placed, tables, context)),
        (Err(error), _) | (_, Err(error)) => ended.failed.push((stream.clone(), error)),
    }
    ended
}

async fn table(placed: &Placed<'_>, context: &Context<'_>) -> Result<Vec<TableReport>, Error> {
    let spec = context.spec(name(&placed.task.stream), vec![placed.placement.load.clone()], false);
    context.target.load(spec).await?.finish(&Closing::default()).await
}

fn name(stream: &StreamName) -> WalkName {
    WalkName::new(format!("{stream}:definition"))
}

fn fed(placed: &Placed<'_>, tables: Vec<TableReport>, context: &Context<'_>) -> Fed {
    let stream = WalkStream {
        name: placed.task.stream.clone(),
        schema: placed.given().clone(),
        rows: None,
        left_out: None,
    };
    let walk = Walk {
        name: name(&placed.task.stream),
        streams: vec![stream],
        how: "not read".to_owned(),
        price: Price::default(),
        resumed: false,
        as_of: context.started_at,
    };
    Fed {
        walk,
        report: WalkReport::default(),
        tables,
        taken: HashMap::new(),
        quarantined: Vec::new(),
        closing: Closing::default(),
        failed: HashMap::new(),
    }
}
