//! People as they are stored, many at once.

use std::collections::{HashMap, HashSet};

use achub_core::{
    ConnectionName, EmailAddress, FieldType,
    consent::{Cause, ListStatus, Permission},
    person::{
        CompanyId, FieldId, Link, ListId, Mark, Membership, Person, PersonId, PersonValue, Provenance, TagId,
    },
    port::people::{Found, Lookup},
};

use super::{author, moment, value};
use crate::{
    people::{change::Known, codec},
    sql::{
        rows::{fetch_in, fetch_pairs},
        session::{Arg, Fault, Row, Session},
    },
};

const PERSON: &str = "
    SELECT id, version, email, email_key, first_name, last_name, company, ip, source, source_page,
           lifetime_value, created_us, updated_us
      FROM person WHERE id IN";

const VALUES: &str = "
    SELECT v.person, v.field, f.field_type, v.value, a.run, a.connection, v.at_us
      FROM person_value v JOIN custom_field f ON f.id = v.field JOIN author a ON a.id = v.author
     WHERE v.person IN";

/// The people of these ids, in their order; those who are not there are left out.
pub(crate) async fn people(session: &mut dyn Session, ids: &[PersonId]) -> Result<Vec<Person>, Fault> {
    let mut found = by_id(session, ids).await?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The people of these ids.
pub(crate) async fn by_id(
    session: &mut dyn Session,
    ids: &[PersonId],
) -> Result<HashMap<PersonId, Person>, Fault> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let mut people = HashMap::new();
    for mut row in fetch_in(session, PERSON, &ids, "").await? {
        let person = person(&mut row)?;
        people.insert(person.id, person);
    }
    if people.is_empty() {
        return Ok(people);
    }
    memberships(session, &ids, &mut people).await?;
    marks(session, &ids, &mut people).await?;
    values(session, &ids, &mut people).await?;
    links(session, &ids, &mut people).await?;
    let tags = "SELECT person, tag FROM person_tag WHERE person IN";
    for mut row in fetch_in(session, tags, &ids, "ORDER BY person, tag").await? {
        with(&mut people, row.integer()?, |person| {
            person.tags.push(TagId(row.integer()?));
            Ok(())
        })?;
    }
    let companies = "SELECT person, company FROM person_company WHERE person IN";
    for mut row in fetch_in(session, companies, &ids, "ORDER BY person, company").await? {
        with(&mut people, row.integer()?, |person| {
            person.companies.push(CompanyId(row.integer()?));
            Ok(())
        })?;
    }
    Ok(people)
}

/// Changes the person of a row, who may have gone by a statement that saw less.
fn with(
    people: &mut HashMap<PersonId, Person>,
    id: i64,
    change: impl FnOnce(&mut Person) -> Result<(), Fault>,
) -> Result<(), Fault> {
    people.get_mut(&PersonId(id)).map_or(Ok(()), change)
}

fn person(row: &mut Row) -> Result<Person, Fault> {
    let (id, version) = (PersonId(row.integer()?), row.integer()?);
    let (original, key) = (row.maybe_text()?, row.maybe_text()?);
    Ok(Person {
        id,
        version,
        email: original.zip(key).map(|(original, key)| EmailAddress::from_parts(original, key)),
        first_name: row.maybe_text()?,
        last_name: row.maybe_text()?,
        company: row.maybe_text()?,
        ip: row
            .maybe_text()?
            .map(|ip| ip.parse().map_err(|_| Fault::unreadable("an IP address is none")))
            .transpose()?,
        source: row.maybe_text()?,
        source_page: row.maybe_text()?,
        lifetime_value: row.maybe_real()?,
        created_at: moment(row.integer()?)?,
        updated_at: moment(row.integer()?)?,
        companies: Vec::new(),
        marks: Vec::new(),
        memberships: Vec::new(),
        tags: Vec::new(),
        values: Vec::new(),
        links: Vec::new(),
    })
}

async fn memberships(
    session: &mut dyn Session,
    ids: &[i64],
    people: &mut HashMap<PersonId, Person>,
) -> Result<(), Fault> {
    let sql = "SELECT person, list, status, cause, since_us FROM membership WHERE person IN";
    for mut row in fetch_in(session, sql, ids, "ORDER BY person, list").await? {
        let (id, list) = (row.integer()?, ListId(row.integer()?));
        let permission = permission(&mut row)?;
        with(people, id, |person| {
            person.memberships.push(Membership { list, permission });
            Ok(())
        })?;
    }
    Ok(())
}

/// Status, cause and since from a row.
fn permission(row: &mut Row) -> Result<Permission, Fault> {
    let status = ListStatus::of_number(row.integer()?);
    let word = row.text()?;
    let cause =
        Cause::find(&word).ok_or_else(|| Fault::unreadable(format!("no cause is called {word:?}")))?;
    let since = row.maybe_integer()?.map(moment).transpose()?;
    Ok(Permission { status, cause, since })
}

async fn marks(
    session: &mut dyn Session,
    ids: &[i64],
    people: &mut HashMap<PersonId, Person>,
) -> Result<(), Fault> {
    let sql = "SELECT person, mark, since_us FROM person_mark WHERE person IN";
    for mut row in fetch_in(session, sql, ids, "").await? {
        let (id, word) = (row.integer()?, row.text()?);
        let mark =
            Mark::find(&word).ok_or_else(|| Fault::unreadable(format!("no mark is called {word:?}")))?;
        let since = moment(row.integer()?)?;
        with(people, id, |person| {
            person.marks.push((mark, since));
            Ok(())
        })?;
    }
    people.values_mut().for_each(|person| person.marks.sort_by_key(|(mark, _)| *mark));
    Ok(())
}

async fn values(
    session: &mut dyn Session,
    ids: &[i64],
    people: &mut HashMap<PersonId, Person>,
) -> Result<(), Fault> {
    for mut row in fetch_in(session, VALUES, ids, "ORDER BY v.person, v.field").await? {
        let (id, field, field_type, text) =
            (row.integer()?, FieldId(row.integer()?), row.text()?, row.text()?);
        let value = value::read(&field_type, &text)?;
        let (run, connection) = author::read(&mut row)?;
        let provenance = Provenance { connection, run, at: moment(row.integer()?)? };
        with(people, id, |person| {
            person.values.push(PersonValue { field, value, provenance });
            Ok(())
        })?;
    }
    Ok(())
}

async fn links(
    session: &mut dyn Session,
    ids: &[i64],
    people: &mut HashMap<PersonId, Person>,
) -> Result<(), Fault> {
    let sql = "SELECT person, connection, key FROM person_link WHERE person IN";
    for mut row in fetch_in(session, sql, ids, "ORDER BY person, connection, key").await? {
        let id = row.integer()?;
        let link = Link { connection: ConnectionName::new(row.text()?), key: row.text()? };
        with(people, id, |person| {
            person.links.push(link);
            Ok(())
        })?;
    }
    Ok(())
}

/// Who has these links.
pub(crate) async fn link_owners(
    session: &mut dyn Session,
    links: &[Link],
) -> Result<HashMap<Link, PersonId>, Fault> {
    let pairs: Vec<(Arg, Arg)> =
        links.iter().map(|link| (link.connection.as_str().into(), link.key.as_str().into())).collect();
    let sql = "
        SELECT l.connection, l.key, l.person
          FROM wanted JOIN person_link l ON l.connection = wanted.a AND l.key = wanted.b";
    let mut owners = HashMap::new();
    for mut row in fetch_pairs(session, &pairs, sql).await? {
        let link = Link { connection: ConnectionName::new(row.text()?), key: row.text()? };
        owners.insert(link, PersonId(row.integer()?));
    }
    Ok(owners)
}

/// Who has these addresses, by their keys.
pub(crate) async fn email_owners(
    session: &mut dyn Session,
    keys: &[String],
) -> Result<HashMap<String, PersonId>, Fault> {
    let mut owners = HashMap::new();
    let sql = "SELECT email_key, id FROM person WHERE email_key IN";
    for mut row in fetch_in(session, sql, keys, "").await? {
        owners.insert(row.text()?, PersonId(row.integer()?));
    }
    Ok(owners)
}

/// See `PeopleStore::find`.
pub(crate) async fn find(session: &mut dyn Session, lookups: &[Lookup]) -> Result<Vec<Found>, Fault> {
    let links: Vec<Link> = lookups.iter().map(|lookup| lookup.link.clone()).collect();
    let keys: Vec<String> = lookups.iter().filter_map(|lookup| lookup.email.clone()).collect();
    let by_link = link_owners(session, &links).await?;
    let by_email = email_owners(session, &keys).await?;
    let ids: HashSet<PersonId> = by_link.values().chain(by_email.values()).copied().collect();
    let people = by_id(session, &ids.into_iter().collect::<Vec<_>>()).await?;
    let of = |id: Option<&PersonId>| id.and_then(|id| people.get(id)).cloned();
    let found = |lookup: &Lookup| Found {
        by_link: of(by_link.get(&lookup.link)),
        by_email: of(lookup.email.as_ref().and_then(|key| by_email.get(key))),
    };
    Ok(lookups.iter().map(found).collect())
}

/// What there is of what `named` names.
pub(crate) async fn known(session: &mut dyn Session, named: &Known) -> Result<Known, Fault> {
    let mut known = Known::default();
    let fields: Vec<i64> = named.fields.keys().map(|id| id.0).collect();
    for mut row in
        fetch_in(session, "SELECT id, field_type FROM custom_field WHERE id IN", &fields, "").await?
    {
        let (id, word) = (FieldId(row.integer()?), row.text()?);
        known.fields.insert(id, field_type(&word)?);
    }
    let tags: Vec<i64> = named.tags.keys().map(|id| id.0).collect();
    for mut row in fetch_in(session, "SELECT id, name FROM tag WHERE id IN", &tags, "").await? {
        known.tags.insert(TagId(row.integer()?), row.text()?);
    }
    let lists: Vec<i64> = named.lists.iter().map(|id| id.0).collect();
    for mut row in fetch_in(session, "SELECT id FROM list WHERE id IN", &lists, "").await? {
        known.lists.insert(ListId(row.integer()?));
    }
    let companies: Vec<i64> = named.companies.iter().map(|id| id.0).collect();
    for mut row in fetch_in(session, "SELECT id FROM company WHERE id IN", &companies, "").await? {
        known.companies.insert(CompanyId(row.integer()?));
    }
    Ok(known)
}

/// The type of a stored name.
pub(crate) fn field_type(word: &str) -> Result<FieldType, Fault> {
    codec::field_type(word).ok_or_else(|| Fault::unreadable(format!("no type is called {word:?}")))
}
