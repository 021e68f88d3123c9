//! How the people of a selection are read (AB-82…85).
//!
//! Lists and tags are asked for by a filter, as far as a control query shows that the account honours it: some are known to
//! ignore `tagid` and to show everybody. Where it does not, everybody is read and picked here, which is always right.
//! Segments are computed by the account first; it then tells ids, ten thousand in a request.
//! Source: activecampaign-api.md §5.3, §13.

use std::{collections::HashSet, sync::Arc};

use achub_api::{stream::Stream, streams};
use achub_client::Client;
use achub_core::{
    Code, Error, StreamName, Value, WalkName,
    email::fold,
    port::{
        incoming::Selection,
        progress::{Event, Progress},
        source::{OpenWalk as _, Page, PageSink, Price, Walk, WalkStream},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::activecampaign::{
    intake::{Feed, Intake},
    left::LeftOut,
    pages::{Fetched, Pages, Query},
    people::{assembly::Pick, catalogue::Known},
    segments::{self, SegmentsWalk},
    span::Span,
    whole,
};

/// How much two counts of one thing may differ on an account that is being worked on: a hundredth, or five.
const COUNTS_APART: u64 = 100;

/// Names that are offered where one is not known.
const OFFERED: usize = 12;

/// One way of reading people after the other.
#[derive(Debug)]
pub(super) enum Stage {
    /// A walk over contacts.
    Walk {
        /// What narrows it down.
        also: Query,
        /// Who of those who come is meant.
        pick: Pick,
    },
    /// Contacts of known ids, in their order.
    Ids(Vec<i64>),
}

/// How a selection is read.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) stages: Vec<Stage>,
    /// Things to tell.
    pub(super) notes: Vec<String>,
}

impl Stage {
    /// Whether tags have to come along.
    pub(super) fn needs_tags(&self) -> bool {
        matches!(self, Stage::Walk { pick: Pick::Tagged(_), .. })
    }

    /// It in words; a position fits where the words are the same.
    pub(super) fn words(&self) -> String {
        match self {
            Stage::Walk { also, pick } => {
                let also: Vec<String> = also.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{}:{}", also.join("&"), pick.words())
            }
            Stage::Ids(_) => "ids".to_owned(),
        }
    }
}

impl Pick {
    fn words(&self) -> String {
        let (word, ids) = match self {
            Pick::All => return "all".to_owned(),
            Pick::OnLists(lists) => ("lists", lists),
            Pick::Tagged(tags) => ("tags", tags),
        };
        let mut ids: Vec<i64> = ids.iter().copied().collect();
        ids.sort_unstable();
        format!("{word}{ids:?}")
    }
}

/// What is asked to find out how a selection is read.
pub(super) struct Selecting<'a> {
    pub(super) client: &'a Client,
    pub(super) known: &'a Known,
    pub(super) progress: &'a Arc<dyn Progress>,
    pub(super) now: Timestamp,
}

impl Selecting<'_> {
    /// How `selection` is read.
    ///
    /// Errors: `CF-106` for a list, tag or segment that is not known or not the only one of its name, `RN-111` for a
    /// segment that does not become ready.
    pub(super) async fn selected(&self, selection: &Selection) -> Result<Selected, Error> {
        match selection {
            Selection::All => Ok(Selected { stages: vec![everybody(Pick::All)], notes: Vec::new() }),
            Selection::Lists(wanted) => self.lists(wanted).await,
            Selection::Tags(wanted) => self.tags(wanted).await,
            Selection::Segments(wanted) => self.segments(wanted).await,
        }
    }

    async fn lists(&self, wanted: &[String]) -> Result<Selected, Error> {
        let lists = self.known.catalogue.lists.iter();
        let known: Vec<Named> = lists
            .filter_map(|list| {
                Some(Named { id: list.key.parse().ok()?, name: list.name.clone(), count: list.active })
            })
            .collect();
        let chosen = resolved("list", wanted, &known)?;
        // The list tells how many are active on it.
        let active = [("status".to_owned(), "1".to_owned())];
        self.filtered(&chosen, "listid", &active, Pick::OnLists).await
    }

    async fn tags(&self, wanted: &[String]) -> Result<Selected, Error> {
        let known = self.named("tags", "tag", Some("subscriber_count")).await?;
        let chosen = resolved("tag", wanted, &known)?;
        self.filtered(&chosen, "tagid", &[], Pick::Tagged).await
    }

    /// Each of `chosen` by its own filter, or everybody where one cannot be trusted.
    async fn filtered(
        &self,
        chosen: &[&Named],
        parameter: &str,
        counted: &[(String, String)],
        pick: fn(HashSet<i64>) -> Pick,
    ) -> Result<Selected, Error> {
        let mut selected = Selected::default();
        for named in chosen {
            let also = vec![(parameter.to_owned(), named.id.to_string())];
            let query = [also.clone(), counted.to_vec()].concat();
            if !self.is_honoured(named, query).await? {
                let ids = chosen.iter().map(|named| named.id).collect();
                let note = format!(
                    "the filter {parameter} does not show whom the account counts for {:?}, so everybody is read and picked \
                     from",
                    named.name
                );
                return Ok(Selected { stages: vec![everybody(pick(ids))], notes: vec![note] });
            }
            selected.stages.push(Stage::Walk { also, pick: pick(HashSet::from([named.id])) });
        }
        Ok(selected)
    }

    /// The control query: what a filter finds must be as many as the account counts.
    async fn is_honoured(&self, named: &Named, query: Query) -> Result<bool, Error> {
        let found = self.total(query).await?;
        let (Some(found), Some(count)) = (found, named.count) else { return Ok(false) };
        if found == count {
            return Ok(true);
        }
        let is_near = found.abs_diff(count) <= (count / COUNTS_APART).max(5);
        Ok(is_near && self.total(Query::new()).await?.is_some_and(|everybody| found < everybody))
    }

    async fn total(&self, mut query: Query) -> Result<Option<u64>, Error> {
        query.push(("limit".to_owned(), "1".to_owned()));
        let contacts = stream("contacts");
        let pages = Pages::new(self.client, vec![contacts], Vec::new());
        Ok(pages.get(contacts.path, query, |_| Ok(())).await?.decoded.total)
    }

    async fn segments(&self, wanted: &[String]) -> Result<Selected, Error> {
        let known = self.named("segments", "name", None).await?;
        let mut ids = HashSet::new();
        for segment in resolved("segment", wanted, &known)? {
            ids.extend(self.members(segment).await?);
        }
        let mut ids: Vec<i64> = ids.into_iter().collect();
        ids.sort_unstable();
        Ok(Selected { stages: vec![Stage::Ids(ids)], notes: Vec::new() })
    }

    /// The contacts of a segment, once the account has computed it.
    async fn members(&self, segment: &Named) -> Result<Vec<i64>, Error> {
        let message = format!("waits until ActiveCampaign has computed the segment {:?}", segment.name);
        self.progress.event(Event::Warning { message });
        let stream = stream("segment_match_all");
        let mark = segments::Mark {
            signature: stream.name.to_owned(),
            as_of: self.now,
            left: vec![segment.id.to_string()],
            left_out: LeftOut::default(),
        };
        let walk = SegmentsWalk {
            walk: walk_over(stream, self.now),
            client: self.client.clone(),
            stream,
            intake: Intake::new(vec![everything_of(stream)]),
            mark,
        };
        let mut members = Members(Vec::new());
        let not_ready = |why: &str| {
            let message = format!("the segment {:?} was not computed: {why}", segment.name);
            Error::new(Code::SegmentNotReady, message)
        };
        let report = Box::new(walk).read(&mut members).await?;
        match report.notes.first() {
            Some(why) => Err(not_ready(why)),
            None if !report.passed_over.is_empty() => Err(not_ready("it was refused")),
            None => Ok(members.0),
        }
    }

    /// Everything that has a name in a stream, with a count where there is one.
    async fn named(&self, of: &str, name: &str, count: Option<&str>) -> Result<Vec<Named>, Error> {
        let pages = whole::read(&Pages::new(self.client, vec![stream(of)], Vec::new())).await?;
        let mut all: Vec<Named> = Vec::new();
        for batch in pages.iter().map(Fetched::main) {
            let column = |name: &str| batch.schema().index_of(name);
            let (Some(id), Some(name)) = (column("id"), column(name)) else { continue };
            let count = count.and_then(column);
            for (values, _) in batch.rows() {
                let Value::Integer(id) = values[id] else { continue };
                let count = count.and_then(|count| match values[count] {
                    Value::Integer(count) => u64::try_from(count).ok(),
                    _ => None,
                });
                // Pages overlap.
                if all.iter().all(|known| known.id != id) {
                    all.push(Named { id, name: values[name].display(), count });
                }
            }
        }
        Ok(all)
    }
}

/// A list, tag or segment.
#[derive(Debug, Clone, PartialEq)]
struct Named {
    id: i64,
    name: String,
    /// Contacts it counts.
    count: Option<u64>,
}

/// Those that are named by key or by name, each once.
fn resolved<'a>(what: &str, wanted: &[String], known: &'a [Named]) -> Result<Vec<&'a Named>, Error> {
    let mut chosen: Vec<&Named> = Vec::new();
    for word in wanted {
        let by_id = known.iter().find(|named| named.id.to_string() == word.trim());
        let by_name: Vec<&Named> =
            known.iter().filter(|named| fold(named.name.trim()) == fold(word.trim())).collect();
        let named = match (by_id, by_name.as_slice()) {
            (_, [named]) => named,
            (Some(named), []) => named,
            (_, []) => return Err(unknown(what, word, known)),
            (_, several) => {
                let ids: Vec<String> = several.iter().map(|named| named.id.to_string()).collect();
                let message = format!("{} {what}s are called {word:?}", several.len());
                return Err(Error::new(Code::BadArgument, message)
                    .with_hint(format!("name one by its id: {}", ids.join(", "))));
            }
        };
        if !chosen.contains(&named) {
            chosen.push(named);
        }
    }
    if chosen.is_empty() {
        return Err(Error::new(Code::BadArgument, format!("no {what} is named")));
    }
    Ok(chosen)
}

fn unknown(what: &str, word: &str, known: &[Named]) -> Error {
    let error = Error::new(Code::BadArgument, format!("the account has no {what} {word:?}"));
    let mut names: Vec<String> =
        known.iter().take(OFFERED).map(|named| format!("{:?} ({})", named.name, named.id)).collect();
    if known.len() > OFFERED {
        names.push(format!("and {} more", known.len() - OFFERED));
    }
    if names.is_empty() { error } else { error.with_hint(format!("it has {}", names.join(", "))) }
}

fn everybody(pick: Pick) -> Stage {
    Stage::Walk { also: Query::new(), pick }
}

fn stream(name: &str) -> &'static Stream {
    streams::find(name).expect("the stream table has it")
}

fn walk_over(stream: &'static Stream, as_of: Timestamp) -> Walk {
    let fed = WalkStream {
        name: StreamName::new(stream.name),
        schema: achub_api::decode::schema(stream),
        rows: None,
        left_out: None,
    };
    Walk {
        name: WalkName::new(stream.name),
        streams: vec![fed],
        how: "evaluated".to_owned(),
        price: Price::default(),
        resumed: false,
        as_of,
    }
}

fn everything_of(stream: &'static Stream) -> Feed {
    Feed {
        stream,
        span: Span::default(),
        skip: 0,
        is_skipping: false,
        room: None,
        met: HashSet::new(),
        parent_field: None,
    }
}

/// Collects the contacts of a segment.
struct Members(Vec<i64>);

#[async_trait]
impl PageSink for Members {
    async fn page(&mut self, page: Page) -> Result<(), Error> {
        for part in &page.parts {
            let Some(contact) = part.batch.schema().index_of("contact_id") else { continue };
            self.0.extend(part.batch.rows().filter_map(|(values, _)| match values[contact] {
                Value::Integer(id) => Some(id),
                _ => None,
            }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, resolved};

    fn check(wanted: &[&str], expected: Result<&[i64], &str>) {
        let names = [(1, "News"), (2, "Trial users"), (3, "Twice"), (4, "twice"), (5, "2")];
        let known: Vec<Named> =
            names.iter().map(|(id, name)| Named { id: *id, name: name.to_string(), count: None }).collect();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let got = resolved("list", &wanted, &known);
        let got = got.map(|named| named.iter().map(|named| named.id).collect::<Vec<_>>());
        match (got, expected) {
            (Ok(ids), Ok(expected)) => assert_eq!(ids, expected, "{wanted:?}"),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (got, expected) => panic!("{wanted:?}: {got:?}, not {expected:?}"),
        }
    }

    #[test]
    fn names_and_keys_are_found() {
        check(&["news", "1"], Ok(&[1]));
        check(&["Trial Users", "3"], Ok(&[2, 3]));
        check(&["2"], Ok(&[5]));
        check(&["Nobody"], Err("no list \"Nobody\""));
        check(&["Twice"], Err("2 lists are called"));
        check(&[], Err("no list is named"));
    }
}
