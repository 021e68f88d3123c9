//! What an import would do, found out by doing all of it but writing (AB-87).

use std::collections::HashSet;

use achub_core::{
    ConnectionName, Error, JobName, Outcome, Outcomes,
    person::TagId,
    port::{
        activity::ValueChange,
        incoming::Incoming,
        people::{Adopted, RefusedPerson},
        source::Price,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    hub::Hub,
    import::{
        catalogue::Names,
        deciding::{Decided, in_words},
        definition::{Import, ImportEnds},
        desk::{Desk, Round, Tally},
        shown::Shown,
        start::Start,
        summary::of_unknown_lists,
    },
    once::Once,
};

/// People whose changes are shown one by one.
const SAMPLES: usize = 20;

/// Refused people who are shown one by one.
const REFUSED_SHOWN: usize = 100;

/// What an import would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportPreview {
    /// Which import.
    pub job: JobName,
    /// Through which connection people come.
    pub connection: ConnectionName,
    /// Whether no import of this job has come to its end before.
    pub is_first: bool,
    /// Whether the run would read everybody.
    pub is_full: bool,
    /// How people are read, for people.
    pub how: String,
    /// People the source says there are, where it says so.
    pub people: Option<u64>,
    /// What a run would take from its beginning: requests, and seconds at the budget known now.
    pub price: Price,
    /// What would become of the people who were looked at. The counts sum to those.
    pub outcomes: Outcomes,
    /// Whether everybody was looked at; otherwise the counts stand for the first ones only.
    pub is_complete: bool,
    /// Memberships that would stay as they are, because nothing shows that she wanted more.
    pub permissions_kept: u64,
    /// Values that do not fit their field and would be left out.
    pub values_left_out: u64,
    /// Names of lists that would be made.
    pub lists_made: Vec<String>,
    /// Names of custom fields that would be made.
    pub fields_made: Vec<String>,
    /// The first people who would be added or changed, 20 at the most, with what changes.
    pub samples: Vec<ImportSample>,
    /// The first people who would be refused, 100 at the most.
    pub refused: Vec<RefusedPerson>,
    /// Things to tell the user, one sentence each.
    pub notes: Vec<String>,
}

/// Somebody who would be added or changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportSample {
    /// Her key over there.
    pub key: String,
    /// Her address; empty where she has none.
    pub email: String,
    /// What would become of her.
    pub outcome: Outcome,
    /// What would change, in words.
    pub changes: Vec<ValueChange>,
}

/// Looks at up to `limit` people.
pub(super) async fn of(
    hub: &Hub,
    import: &Import,
    ends: &ImportEnds<'_>,
    limit: Option<u64>,
) -> Result<ImportPreview, Error> {
    let progress = ends.people.import_progress(&import.job).await?;
    let start = Start::of(import, &progress, hub.clock.now());
    let sent_before = ends.source.requests_sent();
    let mut open = ends.source.open(&start.wanted, None).await?;
    let sent_to_open = ends.source.requests_sent() - sent_before;
    let plan = open.plan().clone();
    let adopted = ends.people.would_adopt(&import.connection, &plan.catalogue).await?;
    let mut look = Look {
        desk: Desk {
            import,
            people: ends.people,
            names: Names::new(&plan.catalogue, &adopted),
            tag: tag_of(import, ends).await?,
            seen: Once::default(),
        },
        tally: Tally::default(),
        samples: Vec::new(),
        refused: Vec::new(),
        new: HashSet::new(),
        at: hub.clock.now(),
    };
    let mut room = limit.unwrap_or(u64::MAX);
    let mut is_complete = import.limit.is_none();
    while let Some(page) = open.next().await? {
        let count = page.people.len() as u64;
        let people: Vec<Incoming> =
            page.people.into_iter().take(usize::try_from(room).unwrap_or(usize::MAX)).collect();
        look.at_people(people).await?;
        is_complete &= count <= room;
        room = room.saturating_sub(count);
        if room == 0 {
            is_complete &= open_is_over(&plan.people, &look);
            break;
        }
    }
    let Price { requests, seconds } = plan.price;
    let price = Price { requests: sent_to_open + requests, seconds };
    let (lists_made, fields_made) = made(&adopted);
    let mut notes = [plan.notes, adopted.notes].concat();
    notes.extend(of_unknown_lists(&look.tally));
    Ok(ImportPreview {
        job: import.job.clone(),
        connection: import.connection.clone(),
        is_first: start.is_first,
        is_full: start.is_full(),
        how: plan.how,
        people: plan.people,
        price,
        outcomes: look.tally.outcomes,
        is_complete,
        permissions_kept: look.tally.kept,
        values_left_out: look.tally.left_out,
        lists_made,
        fields_made,
        samples: look.samples,
        refused: look.refused,
        notes,
    })
}

/// Whether there was nobody behind the last one looked at.
fn open_is_over(people: &Option<u64>, look: &Look<'_>) -> bool {
    people.is_some_and(|people| people <= look.tally.outcomes.total())
}

/// What has no id of the store yet.
fn made(adopted: &Adopted) -> (Vec<String>, Vec<String>) {
    let lists = adopted.lists.iter().filter(|list| list.id.0 < 0).map(|list| list.name.clone());
    let fields = adopted.fields.iter().filter(|field| field.id.0 < 0).map(|field| field.name.clone());
    (lists.collect(), fields.collect())
}

/// The tag everybody would get; below zero where there is none of its name yet.
async fn tag_of(import: &Import, ends: &ImportEnds<'_>) -> Result<Option<TagId>, Error> {
    let Some(name) = &import.tag else { return Ok(None) };
    let tags = ends.people.tags().await?;
    let known = tags.iter().find(|tag| tag.name.to_lowercase() == name.to_lowercase());
    Ok(Some(known.map_or(TagId(-1), |tag| tag.id)))
}

/// What was seen so far.
struct Look<'a> {
    desk: Desk<'a>,
    tally: Tally,
    samples: Vec<ImportSample>,
    refused: Vec<RefusedPerson>,
    /// Addresses of people who would be new: whoever comes later with one of them would meet her.
    new: HashSet<String>,
    at: jiff::Timestamp,
}

impl Look<'_> {
    async fn at_people(&mut self, people: Vec<Incoming>) -> Result<(), Error> {
        let (mut waiting, refused) = self.desk.take(people);
        self.tally.refuse(refused.len());
        let room = REFUSED_SHOWN.saturating_sub(self.refused.len());
        self.refused.extend(refused.into_iter().take(room));
        while !waiting.is_empty() {
            let mut round = self.desk.round(waiting).await?;
            waiting = std::mem::take(&mut round.later);
            self.at_round(&round);
        }
        Ok(())
    }

    fn at_round(&mut self, round: &Round) {
        // Companies are not made for a look: whoever would join one is known by the company's name.
        let all = self.desk.decide(round, &[], self.at);
        for ((shown, _), mut decided) in round.now.iter().zip(all) {
            self.as_if_stored(shown, &mut decided);
            self.tally.add(shown, &decided);
            if self.samples.len() < SAMPLES
                && matches!(decided.outcome, Outcome::Added | Outcome::Changed)
                && shown.counts
            {
                self.samples.push(self.sample(shown, &decided));
            }
        }
    }

    /// Whoever would be new with the address of somebody who would be new before her, would change that one, if she has
    /// anything to bring. What exactly is seen in the run only.
    fn as_if_stored(&mut self, shown: &Shown, decided: &mut Decided) {
        let Some(email) = shown.email.as_ref().filter(|_| decided.outcome == Outcome::Added) else { return };
        if !self.new.insert(email.key().to_owned()) {
            let brings = !shown.fields.is_empty() || !shown.incoming.memberships.is_empty();
            decided.outcome = if brings { Outcome::Changed } else { Outcome::Same };
        }
    }

    fn sample(&self, shown: &Shown, decided: &Decided) -> ImportSample {
        let tag = self.desk.import.tag.as_deref();
        let changes = decided.change.as_ref().map(|change| in_words(change, &self.desk.names, tag));
        ImportSample {
            key: shown.incoming.key.clone(),
            email: shown.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default(),
            outcome: decided.outcome,
            changes: changes.unwrap_or_default(),
        }
    }
}
