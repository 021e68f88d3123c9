//! Writing down what differs: rows, ledger, history, undo and outbox of many people at once.

use std::collections::HashMap;

use achub_core::{
    ConnectionName, RunId, failpoint,
    person::{Link, Person, PersonField, TagId},
    port::people::Author,
};

use super::{counter::Counters, micros, value};
use crate::{
    people::{
        codec,
        difference::{self, Difference},
        page::{name_key, search_key},
    },
    sql::{
        rows::{Rows, execute_in},
        session::{Arg, Fault, Session},
    },
};

const PERSON: &str = "
    INSERT INTO person (id, version, email, email_key, email_folded, email_domain, first_name, first_folded,
                        last_name, last_folded, last_key, name_key, company, company_folded, ip, source,
                        source_folded, source_page, source_page_folded, lifetime_value, created_us, updated_us)
    VALUES";

const PERSON_AGAIN: &str = "
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, email = excluded.email, email_key = excluded.email_key,
           email_folded = excluded.email_folded, email_domain = excluded.email_domain,
           first_name = excluded.first_name, first_folded = excluded.first_folded,
           last_name = excluded.last_name, last_folded = excluded.last_folded, last_key = excluded.last_key,
           name_key = excluded.name_key, company = excluded.company,
           company_folded = excluded.company_folded, ip = excluded.ip, source = excluded.source,
           source_folded = excluded.source_folded, source_page = excluded.source_page,
           source_page_folded = excluded.source_page_folded, lifetime_value = excluded.lifetime_value,
           updated_us = excluded.updated_us";

const VALUE: &str = "
    INSERT INTO person_value (person, field, value, folded, number, instant, filled, author, at_us) VALUES";

const VALUE_AGAIN: &str = "
    ON CONFLICT (person, field) DO UPDATE
       SET value = excluded.value, folded = excluded.folded, number = excluded.number,
           instant = excluded.instant, filled = excluded.filled, author = excluded.author,
           at_us = excluded.at_us";

const MEMBERSHIP: &str = "INSERT INTO membership (person, list, status, cause, since_us) VALUES";

const MEMBERSHIP_AGAIN: &str = "
    ON CONFLICT (person, list) DO UPDATE
       SET status = excluded.status, cause = excluded.cause, since_us = excluded.since_us";

const LEDGER: &str = "
    INSERT INTO consent_line (number, person, list, status, cause, since_us, author, at_us) VALUES";

const HISTORY: &str = "
    INSERT INTO person_change (number, person, what, before_value, after_value, author, at_us) VALUES";

const UNDO: &str = "
    INSERT INTO import_undo (number, run, person, version_before, version_after, differences) VALUES";

/// Who writes, in the form in which rows name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) author: &'a Author,
    /// The author's number.
    pub(crate) number: i64,
    /// Whether a run can be taken back by what is written.
    pub(crate) keeps_undo: bool,
    pub(crate) tags: &'a HashMap<TagId, String>,
}

impl Writer<'_> {
    fn at(&self) -> i64 {
        micros(self.author.at)
    }
}

/// Writes everybody who differs.
///
/// A duplicate address fails with the database's own fault, see [`Fault::is_duplicate`].
pub(crate) async fn people(
    session: &mut dyn Session,
    counters: &mut Counters,
    writer: &Writer<'_>,
    pairs: &[(Person, Person)],
) -> Result<(), Fault> {
    give_up_addresses(session, pairs).await?;
    let mut rows = Rows::new(PERSON, 22, PERSON_AGAIN);
    pairs.iter().for_each(|(_, after)| rows.push(person_row(after)));
    rows.write(session).await?;
    failpoint::pass("import-mid-batch");

    let differences: Vec<(&Person, Vec<Difference>)> =
        pairs.iter().map(|(before, after)| (after, difference::between(before, after))).collect();
    links(session, &differences).await?;
    values(session, writer, &differences).await?;
    permissions(session, counters, writer, &differences).await?;
    marks(session, &differences).await?;
    sets(session, &differences).await?;
    history(session, counters, writer, pairs).await?;
    if let Some(run) = writer.author.run.as_ref().filter(|_| writer.keeps_undo) {
        undo(session, counters, run, pairs, &differences).await?;
    }
    let ids: Vec<i64> = pairs.iter().map(|(_, after)| after.id.0).collect();
    outbox(session, counters, writer, &ids).await
}

/// Addresses that change hands within a batch are free before anybody gets them.
async fn give_up_addresses(session: &mut dyn Session, pairs: &[(Person, Person)]) -> Result<(), Fault> {
    let key = |person: &Person| person.email.as_ref().map(|email| email.key().to_owned());
    let moved = pairs
        .iter()
        .filter(|(before, after)| before.version > 0 && before.email.is_some() && key(before) != key(after));
    let ids: Vec<i64> = moved.map(|(_, after)| after.id.0).collect();
    execute_in(session, "UPDATE person SET email_key = NULL WHERE id IN", &ids).await
}

fn person_row(person: &Person) -> [Arg; 22] {
    let email = person.email.as_ref();
    let lower = email.map(|email| email.as_str().to_lowercase());
    let email_folded = lower.filter(|lower| email.is_some_and(|email| email.key() != lower));
    let folded = |text: &Option<String>| Arg::from(text.as_deref().and_then(value::folded));
    let text = |text: &Option<String>| Arg::from(text.as_deref());
    [
        person.id.0.into(),
        person.version.into(),
        email.map(|email| email.as_str()).into(),
        email.map(|email| email.key()).into(),
        email_folded.into(),
        email.map(|email| email.domain()).into(),
        text(&person.first_name),
        folded(&person.first_name),
        text(&person.last_name),
        folded(&person.last_name),
        person.last_name.as_deref().map(search_key).into(),
        name_key(person.first_name.as_deref(), person.last_name.as_deref()).into(),
        text(&person.company),
        folded(&person.company),
        person.ip.map(|ip| ip.to_string()).into(),
        text(&person.source),
        folded(&person.source),
        text(&person.source_page),
        folded(&person.source_page),
        person.lifetime_value.into(),
        micros(person.created_at).into(),
        micros(person.updated_at).into(),
    ]
}

type Differing<'a> = [(&'a Person, Vec<Difference>)];

/// Every difference with its person.
fn each<'a>(all: &'a Differing<'a>) -> impl Iterator<Item = (&'a Person, &'a Difference)> {
    all.iter().flat_map(|(person, list)| list.iter().map(move |difference| (*person, difference)))
}

async fn links(session: &mut dyn Session, all: &Differing<'_>) -> Result<(), Fault> {
    let of = |wanted: bool| {
        each(all).filter_map(move |(person, difference)| match difference {
            Difference::Link(link, gained) if *gained == wanted => Some((person, link)),
            _ => None,
        })
    };
    // A link that changes hands is in both lists; only its new owner's row stays.
    let gained: HashMap<&Link, i64> = of(true).map(|(person, link)| (link, person.id.0)).collect();
    for (_, link) in of(false).filter(|(_, link)| !gained.contains_key(link)) {
        let sql = "DELETE FROM person_link WHERE connection = $1 AND key = $2";
        let args = vec![link.connection.as_str().into(), link.key.as_str().into()];
        session.execute(sql.to_owned(), args).await?;
    }
    let mut rows = Rows::new(
        "INSERT INTO person_link (connection, key, person) VALUES",
        3,
        "ON CONFLICT (connection, key) DO UPDATE SET person = excluded.person",
    );
    for (link, person) in gained {
        rows.push([link.connection.as_str().into(), link.key.as_str().into(), person.into()]);
    }
    rows.write(session).await
}

async fn values(session: &mut dyn Session, writer: &Writer<'_>, all: &Differing<'_>) -> Result<(), Fault> {
    let mut rows = Rows::new(VALUE, 9, VALUE_AGAIN);
    for (person, difference) in each(all) {
        let Difference::Field(PersonField::Custom(field), _, after) = difference else { continue };
        let Some(held) = person.values.iter().find(|held| held.field == *field) else {
            debug_assert!(after.is_none(), "a value that is there is among the values");
            let sql = "DELETE FROM person_value WHERE person = $1 AND field = $2";
            session.execute(sql.to_owned(), vec![person.id.0.into(), field.0.into()]).await?;
            continue;
        };
        let compared = value::compared(&held.value);
        rows.push([
            person.id.0.into(),
            field.0.into(),
            held.value.display().into(),
            compared.folded.into(),
            compared.number.into(),
            compared.instant.into(),
            i64::from(compared.is_filled).into(),
            writer.number.into(),
            writer.at().into(),
        ]);
    }
    rows.write(session).await
}

/// Memberships and their ledger, together or not at all.
async fn permissions(
    session: &mut dyn Session,
    counters: &mut Counters,
    writer: &Writer<'_>,
    all: &Differing<'_>,
) -> Result<(), Fault> {
    let mut rows = Rows::new(MEMBERSHIP, 5, MEMBERSHIP_AGAIN);
    let mut ledger = Rows::new(LEDGER, 8, "");
    for (person, difference) in each(all) {
        let Difference::Permission(list, _, after) = difference else { continue };
        let status = after.map(|after| after.status.number());
        let cause = after.map(|after| after.cause.word());
        let since = after.and_then(|after| after.since).map(micros);
        if status.is_none() {
            let sql = "DELETE FROM membership WHERE person = $1 AND list = $2";
            session.execute(sql.to_owned(), vec![person.id.0.into(), list.0.into()]).await?;
        } else {
            rows.push([person.id.0.into(), list.0.into(), status.into(), cause.into(), since.into()]);
        }
        ledger.push([
            counters.next_line().into(),
            person.id.0.into(),
            list.0.into(),
            status.into(),
            cause.into(),
            since.into(),
            writer.number.into(),
            writer.at().into(),
        ]);
    }
    rows.write(session).await?;
    failpoint::pass("import-consent");
    ledger.write(session).await
}

async fn marks(session: &mut dyn Session, all: &Differing<'_>) -> Result<(), Fault> {
    let mut rows = Rows::new(
        "INSERT INTO person_mark (person, mark, since_us) VALUES",
        3,
        "ON CONFLICT (person, mark) DO UPDATE SET since_us = excluded.since_us",
    );
    for (person, difference) in each(all) {
        let Difference::Mark(mark, _, after) = difference else { continue };
        match after {
            Some(since) => rows.push([person.id.0.into(), mark.word().into(), micros(*since).into()]),
            None => {
                let sql = "DELETE FROM person_mark WHERE person = $1 AND mark = $2";
                session.execute(sql.to_owned(), vec![person.id.0.into(), mark.word().into()]).await?;
            }
        }
    }
    rows.write(session).await
}

/// Tags and companies.
async fn sets(session: &mut dyn Session, all: &Differing<'_>) -> Result<(), Fault> {
    let mut tags = Rows::new("INSERT INTO person_tag (person, tag) VALUES", 2, "");
    let mut companies = Rows::new("INSERT INTO person_company (person, company) VALUES", 2, "");
    for (person, difference) in each(all) {
        let id = person.id.0;
        let (sql, of) = match difference {
            Difference::Tag(tag, true) => {
                tags.push([id.into(), tag.0.into()]);
                continue;
            }
            Difference::Company(company, true) => {
                companies.push([id.into(), company.0.into()]);
                continue;
            }
            Difference::Tag(tag, false) => ("DELETE FROM person_tag WHERE person = $1 AND tag = $2", tag.0),
            Difference::Company(company, false) => {
                ("DELETE FROM person_company WHERE person = $1 AND company = $2", company.0)
            }
            _ => continue,
        };
        session.execute(sql.to_owned(), vec![id.into(), of.into()]).await?;
    }
    tags.write(session).await?;
    companies.write(session).await
}

async fn history(
    session: &mut dyn Session,
    counters: &mut Counters,
    writer: &Writer<'_>,
    pairs: &[(Person, Person)],
) -> Result<(), Fault> {
    let mut rows = Rows::new(HISTORY, 7, "");
    for (before, after) in pairs {
        for (what, was, is) in difference::history(before, after, writer.tags) {
            rows.push([
                counters.next_line().into(),
                after.id.0.into(),
                what.into(),
                codec::lettered(&was).into(),
                codec::lettered(&is).into(),
                writer.number.into(),
                writer.at().into(),
            ]);
        }
    }
    rows.write(session).await
}

/// What takes the run back: nothing but the fact for those it added.
async fn undo(
    session: &mut dyn Session,
    counters: &mut Counters,
    run: &RunId,
    pairs: &[(Person, Person)],
    differences: &Differing<'_>,
) -> Result<(), Fault> {
    let mut rows = Rows::new(UNDO, 6, "");
    for ((before, after), (_, differences)) in pairs.iter().zip(differences) {
        let kept: &[Difference] = if before.version == 0 { &[] } else { differences };
        let json = serde_json::to_string(kept)
            .map_err(|cause| Fault::unreadable(format!("an undo has no JSON form: {cause}")))?;
        rows.push([
            counters.next_line().into(),
            run.as_str().into(),
            after.id.0.into(),
            before.version.into(),
            after.version.into(),
            json.into(),
        ]);
    }
    rows.write(session).await?;
    failpoint::pass("import-undo-record");
    Ok(())
}

/// One row for each of these people.
pub(crate) async fn outbox(
    session: &mut dyn Session,
    counters: &mut Counters,
    writer: &Writer<'_>,
    people: &[i64],
) -> Result<(), Fault> {
    let mut rows = Rows::new("INSERT INTO outbox (number, person, author, at_us) VALUES", 4, "");
    for id in people {
        let row = [counters.next_line(), *id, writer.number, writer.at()];
        rows.push(row.map(Arg::from));
    }
    rows.write(session).await
}

/// Tables with a row for a person. The ledger of consent is among them: without the person it is about nobody.
const OF_PERSON: [&str; 9] = [
    "DELETE FROM person_value WHERE person IN",
    "DELETE FROM person_mark WHERE person IN",
    "DELETE FROM membership WHERE person IN",
    "DELETE FROM consent_line WHERE person IN",
    "DELETE FROM person_tag WHERE person IN",
    "DELETE FROM person_company WHERE person IN",
    "DELETE FROM opportunity_person WHERE person IN",
    "DELETE FROM person_link WHERE person IN",
    "DELETE FROM person_change WHERE person IN",
];

/// Deletes people with everything that is about them, but for the outbox, which has their numbers only.
pub(crate) async fn erase(session: &mut dyn Session, people: &[i64]) -> Result<(), Fault> {
    for sql in OF_PERSON {
        execute_in(session, sql, people).await?;
    }
    execute_in(session, "DELETE FROM import_undo WHERE person IN", people).await?;
    execute_in(session, "DELETE FROM person WHERE id IN", people).await
}

/// The name of a connection as a column has it.
pub(crate) fn connection_text(connection: Option<&ConnectionName>) -> &str {
    connection.map_or("", ConnectionName::as_str)
}
