//! Who is in an audience: counted, previewed, filled and read, whatever it is made from.

use std::vec;

use achub_core::{
    AudienceName, Code, Error,
    condition::{Condition, Facts},
    person::{Person, PersonId},
    port::{
        audiences::{
            Audience, AudienceKind, AudienceStatus, AudienceStore, Definition, PeopleSql, QueryLimits,
        },
        people::{PageMark, PeopleOrder, PeopleQuery, PeopleStore, Suppression},
    },
};
use jiff::Timestamp;

use crate::audience::{Case, Explanation, Names, explain, parse};

/// How many people a preview shows.
pub const SAMPLE: u32 = 20;
/// The most characters of a name.
pub const NAME_MAX: usize = 100;
/// How many people are read, or put in, at once.
const PAGE: u32 = 1_000;

/// What audiences are computed from.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The people.
    pub people: &'a dyn PeopleStore,
    /// SQL over them.
    pub sql: &'a dyn PeopleSql,
    /// The audiences.
    pub audiences: &'a dyn AudienceStore,
    /// What SQL may take.
    pub limits: QueryLimits,
}

/// Who would be in an audience, before anybody is put in.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// How many.
    pub count: u64,
    /// The first [`SAMPLE`] of them, as they came into the store.
    pub sample: Vec<Person>,
}

/// A new audience that has not been saved, its name and definition checked.
///
/// A condition is read, SQL is only looked at when it is run ([`preview`]).
/// Errors: `CF-106` where the name is empty, longer than [`NAME_MAX`] characters or not printable, or a dynamic audience has
/// nothing it could be computed from; `CF-108` where its condition cannot be read.
pub fn draft(
    name: &str,
    kind: AudienceKind,
    definition: Definition,
    names: &Names,
    now: Timestamp,
) -> Result<Audience, Error> {
    let name = name.trim();
    let refuse = |why: &str| Err(Error::new(Code::BadArgument, format!("cannot make an audience: {why}")));
    if name.is_empty() || name.chars().any(char::is_control) {
        return refuse("its name has to be printable text");
    }
    if name.chars().count() > NAME_MAX {
        return refuse(&format!("its name is longer than {NAME_MAX} characters"));
    }
    match &definition {
        Definition::Condition(text) => drop(parse(text, names, now)?),
        Definition::Hand if kind == AudienceKind::Dynamic => {
            return refuse("a dynamic one needs a condition or SQL");
        }
        Definition::Sql(_) | Definition::Hand => {}
    }
    Ok(Audience {
        name: AudienceName::new(name),
        kind,
        definition,
        status: AudienceStatus::Draft,
        member_count: None,
        created_at: now,
        updated_at: now,
    })
}

/// Counts and samples the people of a definition. Writes nothing.
///
/// Errors: `CF-108`, `CF-110`, `RN-112`. A definition by hand has nobody.
pub async fn preview(ports: &Ports<'_>, definition: &Definition, now: Timestamp) -> Result<Selected, Error> {
    match definition {
        Definition::Condition(text) => {
            let condition = read(ports, text, now).await?;
            let count = ports.people.count(&condition).await?;
            let (sample, _) = ports.people.people(&page(condition, None, SAMPLE)).await?;
            Ok(Selected { count, sample })
        }
        Definition::Sql(sql) => {
            let ids = ports.sql.people_by_sql(sql, &ports.limits).await?;
            let mut sample = Vec::new();
            for id in ids.iter().take(SAMPLE as usize) {
                sample.extend(ports.people.person(*id).await?);
            }
            Ok(Selected { count: ids.len() as u64, sample })
        }
        Definition::Hand => Ok(Selected { count: 0, sample: Vec::new() }),
    }
}

/// How many people an audience has now. Of a static one it is those who were put in.
pub async fn count(ports: &Ports<'_>, audience: &Audience, now: Timestamp) -> Result<u64, Error> {
    match audience.kind {
        AudienceKind::Static => Ok(audience.member_count.unwrap_or(0)),
        AudienceKind::Dynamic => match &audience.definition {
            Definition::Condition(text) => {
                let condition = read(ports, text, now).await?;
                ports.people.count(&condition).await
            }
            definition => Ok(preview(ports, definition, now).await?.count),
        },
    }
}

/// Computes an audience and leaves it [`AudienceStatus::Done`]: a static one gets everybody of whom its definition is
/// true now, beside those it has; of a dynamic one the count is remembered.
///
/// Doing it again after an interruption ends the same. Where it fails the audience is as far as it was before.
pub async fn fill(ports: &Ports<'_>, name: &AudienceName, now: Timestamp) -> Result<Audience, Error> {
    let before = known(ports, name).await?;
    let processing = Audience { status: AudienceStatus::Processing, ..before.clone() };
    ports.audiences.put_audience(&processing).await?;
    let counted = match before.kind {
        AudienceKind::Static => put_in(ports, &before, now).await.map(|()| None),
        AudienceKind::Dynamic => count(ports, &before, now).await.map(Some),
    };
    let member_count = match counted {
        Ok(count) => count,
        Err(error) => {
            // Whoever died in the middle left `Processing` behind; that is no place to go back to.
            let status = match before.status {
                AudienceStatus::Processing => AudienceStatus::Draft,
                status => status,
            };
            ports.audiences.put_audience(&Audience { status, ..known(ports, name).await? }).await?;
            return Err(error);
        }
    };
    let filled = known(ports, name).await?;
    // Of a static one the store counts; where nobody was put in, that is nobody.
    let member_count = member_count.or(filled.member_count).or(Some(0));
    let done = Audience { status: AudienceStatus::Done, member_count, updated_at: now, ..filled };
    ports.audiences.put_audience(&done).await?;
    known(ports, name).await
}

async fn known(ports: &Ports<'_>, name: &AudienceName) -> Result<Audience, Error> {
    ports
        .audiences
        .audience(name)
        .await?
        .ok_or_else(|| Error::new(Code::UnknownAudience, format!("there is no audience {:?}", name.as_str())))
}

async fn put_in(ports: &Ports<'_>, audience: &Audience, now: Timestamp) -> Result<(), Error> {
    let mut people = computed(ports, &audience.definition, now).await?;
    while let Some(page) = people.next().await? {
        ports.audiences.add_members(&audience.name, &page, now).await?;
    }
    Ok(())
}

/// Why somebody is in the selection of a condition, or left out; `None` where there is no such person.
///
/// `suppression` is what the store holds against her address, which only whoever has the key of its hashes can find.
pub async fn why(
    people: &dyn PeopleStore,
    person: PersonId,
    condition: &Condition,
    suppression: Option<&Suppression>,
) -> Result<Option<Explanation>, Error> {
    let Some(person) = people.person(person).await? else { return Ok(None) };
    let companies = people.companies_of(&person.companies).await?;
    let names = Names::load(people).await?;
    let facts = Facts { person: &person, companies: &companies, is_suppressed: suppression.is_some() };
    let suppression = suppression.map(|held| (held.reason, held.since));
    Ok(Some(explain(condition, &Case { facts, suppression }, &names)))
}

/// The people of an audience, page by page, by id: of a static one who was put in, of a dynamic one of whom its
/// definition is true.
pub async fn members<'a>(
    ports: &'a Ports<'a>,
    audience: &Audience,
    now: Timestamp,
) -> Result<Members<'a>, Error> {
    match audience.kind {
        AudienceKind::Static => {
            Ok(Members { ports, rest: Rest::PutIn { name: audience.name.clone(), after: None } })
        }
        AudienceKind::Dynamic => computed(ports, &audience.definition, now).await,
    }
}

async fn computed<'a>(
    ports: &'a Ports<'a>,
    definition: &Definition,
    now: Timestamp,
) -> Result<Members<'a>, Error> {
    let rest = match definition {
        Definition::Condition(text) => {
            Rest::Selected { condition: read(ports, text, now).await?, after: None }
        }
        Definition::Sql(sql) => Rest::Listed(ports.sql.people_by_sql(sql, &ports.limits).await?.into_iter()),
        Definition::Hand => Rest::Nobody,
    };
    Ok(Members { ports, rest })
}

async fn read(ports: &Ports<'_>, text: &str, now: Timestamp) -> Result<Condition, Error> {
    parse(text, &Names::load(ports.people).await?, now)
}

fn page(condition: Condition, after: Option<PageMark>, limit: u32) -> PeopleQuery {
    PeopleQuery { condition, search: None, order: PeopleOrder::Id, after, limit }
}

/// The people of an audience, on the way.
pub struct Members<'a> {
    ports: &'a Ports<'a>,
    rest: Rest,
}

/// What has not been given out.
enum Rest {
    Nobody,
    PutIn { name: AudienceName, after: Option<PersonId> },
    Selected { condition: Condition, after: Option<PageMark> },
    Listed(vec::IntoIter<PersonId>),
}

impl Members<'_> {
    /// The next up to 1,000 people, never none; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<PersonId>>, Error> {
        let (people, rest) = match std::mem::replace(&mut self.rest, Rest::Nobody) {
            Rest::Nobody => return Ok(None),
            Rest::PutIn { name, after } => {
                let people = self.ports.audiences.members(&name, after, PAGE).await?;
                let after = people.last().copied();
                (people, Rest::PutIn { name, after })
            }
            Rest::Selected { condition, after } => {
                let query = page(condition, after, PAGE);
                let (people, after) = self.ports.people.people(&query).await?;
                let rest = match after {
                    Some(_) => Rest::Selected { condition: query.condition, after },
                    None => Rest::Nobody,
                };
                (people.into_iter().map(|person| person.id).collect(), rest)
            }
            Rest::Listed(mut ids) => {
                let people: Vec<PersonId> = ids.by_ref().take(PAGE as usize).collect();
                (people, Rest::Listed(ids))
            }
        };
        if people.is_empty() {
            return Ok(None);
        }
        self.rest = rest;
        Ok(Some(people))
    }
}
