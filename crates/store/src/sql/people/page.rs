//! Pages of people, and how many a condition is true of.
//!
//! A page is read along the index of its order, and stops when it is full. Where a part of the condition is true of few, those
//! few are looked at instead: how many they are is counted first, up to [`FEW`].

use achub_core::{
    condition::{Comparison, Condition, Literal, Subject},
    consent::ListStatus,
    person::{BuiltIn, Person, PersonField, PersonId},
    port::people::{PageMark, PeopleOrder, PeopleQuery},
};

use super::{condition::Sql, load};
use crate::{
    people::page::{Last, behind, search_key},
    sql::session::{Arg, Dialect, Fault, Session},
};

/// So many are sorted in less time than a page may take.
const FEW: i64 = 5_000;

/// A statement that gives the ids of everybody of whom a part of a condition is true, and of a few others perhaps.
struct Driver {
    sql: String,
    args: Vec<Arg>,
}

/// See `PeopleStore::people`.
pub(crate) async fn people(
    session: &mut dyn Session,
    query: &PeopleQuery,
) -> Result<(Vec<Person>, Option<PageMark>), Fault> {
    let last = query.after.as_ref().map(|mark| Last::read(mark, query.order)).transpose()?;
    let search = query.search.as_deref().map(|search| search_key(search.trim()));
    let driver = rarest(session, &query.condition, search.as_deref()).await?;
    let mut sql = Sql::new(session.dialect());
    let from = from(&mut sql, driver);
    let mut tests = vec![sql.condition(&query.condition)];
    tests.extend(search.filter(|search| !search.is_empty()).map(|search| found(&mut sql, search)));
    tests.extend(last.map(|last| after(&mut sql, &last)));
    let order = order(query.order);
    let limit = sql.arg(i64::from(query.limit) + 1);
    let text = format!("SELECT p.id {from} WHERE {} ORDER BY {order} LIMIT {limit}", tests.join(" AND "));
    let rows = session.fetch(text, sql.args).await?;
    let mut ids = Vec::with_capacity(rows.len());
    for mut row in rows {
        ids.push(PersonId(row.integer()?));
    }
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let has_more = ids.len() > limit;
    ids.truncate(limit);
    let people = load::people(session, &ids).await?;
    let mark = people.last().filter(|_| has_more).map(|person| Last::of(person, query.order).mark());
    Ok((people, mark))
}

/// See `PeopleStore::count`.
pub(crate) async fn count(session: &mut dyn Session, condition: &Condition) -> Result<u64, Fault> {
    let driver = rarest(session, condition, None).await?;
    let mut sql = Sql::new(session.dialect());
    let from = from(&mut sql, driver);
    let test = sql.condition(condition);
    let mut rows = session.fetch(format!("SELECT count(*) {from} WHERE {test}"), sql.args).await?;
    let count = rows.pop().map_or(Ok(0), |mut row| row.integer())?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The whole table, or the few of a driver with their rows.
fn from(sql: &mut Sql, driver: Option<Driver>) -> String {
    let Some(driver) = driver else { return "FROM person p".to_owned() };
    debug_assert!(sql.args.is_empty(), "a driver's values come first");
    sql.args = driver.args;
    // SQLite keeps to the order of a cross join; PostgreSQL has statistics.
    let join = match sql.dialect {
        Dialect::Sqlite => "CROSS JOIN",
        Dialect::Postgres => "JOIN",
    };
    format!("FROM (SELECT DISTINCT id FROM ({}) AS few) AS d {join} person p ON p.id = d.id", driver.sql)
}

fn order(order: PeopleOrder) -> &'static str {
    match order {
        PeopleOrder::Id => "p.id",
        PeopleOrder::Email => "coalesce(p.email_key, ''), p.id",
        PeopleOrder::UpdatedAt => "p.updated_us DESC, p.id",
    }
}

/// Who comes behind the last entry. The first half is what the index of the order is entered by.
fn after(sql: &mut Sql, last: &Last) -> String {
    match last {
        Last::Id(id) => format!("p.id > {}", sql.arg(*id)),
        Last::Email(key, id) => {
            let (key, id) = (sql.arg(key.as_str()), sql.arg(*id));
            let of = "coalesce(p.email_key, '')";
            format!("{of} >= {key} AND ({of} > {key} OR p.id > {id})")
        }
        Last::UpdatedAt(at, id) => {
            let (at, id) = (sql.arg(*at), sql.arg(*id));
            format!("p.updated_us <= {at} AND (p.updated_us < {at} OR p.id > {id})")
        }
    }
}

/// Whom a search finds, judged row by row.
fn found(sql: &mut Sql, search: String) -> String {
    let search = sql.arg(search);
    let begins = |of: &str| format!("coalesce(substr({of}, 1, length({search})) = {search}, FALSE)");
    format!("({} OR {} OR {})", begins("p.email_key"), begins("p.name_key"), begins("p.last_key"))
}

/// The part that is true of the fewest, where those are few.
async fn rarest(
    session: &mut dyn Session,
    condition: &Condition,
    search: Option<&str>,
) -> Result<Option<Driver>, Fault> {
    let mut drivers: Vec<Driver> = parts(condition).into_iter().filter_map(driver).collect();
    drivers.extend(search.and_then(search_driver));
    let mut rarest: Option<(i64, Driver)> = None;
    for driver in drivers {
        let probe =
            format!("SELECT count(*) FROM (SELECT id FROM ({}) AS hit LIMIT {FEW}) AS few", driver.sql);
        let mut rows = session.fetch(probe, driver.args.clone()).await?;
        let count = rows.pop().map_or(Ok(0), |mut row| row.integer())?;
        if count < FEW && rarest.as_ref().is_none_or(|(fewest, _)| count < *fewest) {
            rarest = Some((count, driver));
        }
    }
    Ok(rarest.map(|(_, driver)| driver))
}

/// Conditions that all have to be true.
fn parts(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::All(parts) => parts.iter().flat_map(parts_of).collect(),
        other => vec![other],
    }
}

fn parts_of(condition: &Condition) -> Vec<&Condition> {
    parts(condition)
}

fn driver(part: &Condition) -> Option<Driver> {
    let driver = |sql: &str, args: Vec<Arg>| Some(Driver { sql: sql.to_owned(), args });
    match part {
        Condition::Tagged(tag) => {
            driver("SELECT person AS id FROM person_tag WHERE tag = $1", vec![tag.0.into()])
        }
        Condition::Marked(mark) => {
            driver("SELECT person AS id FROM person_mark WHERE mark = $1", vec![mark.word().into()])
        }
        Condition::ActiveOn(list) => driver(
            "SELECT person AS id FROM membership WHERE list = $1 AND status = $2",
            vec![list.0.into(), ListStatus::Active.number().into()],
        ),
        Condition::EverOn(list) => {
            driver("SELECT person AS id FROM membership WHERE list = $1", vec![list.0.into()])
        }
        Condition::Compare(subject, Comparison::Equals, Literal::Text(text)) => {
            let text = text.to_lowercase();
            driver(text_driver(subject)?, vec![text.into()])
        }
        _ => None,
    }
}

/// Texts that have an index.
fn text_driver(subject: &Subject) -> Option<&'static str> {
    match subject {
        Subject::Field(PersonField::BuiltIn(BuiltIn::Email), _) => Some(
            "SELECT id FROM person WHERE email_key = $1 UNION ALL SELECT id FROM person WHERE email_folded = $1",
        ),
        Subject::EmailDomain => Some("SELECT id FROM person WHERE email_domain = $1"),
        Subject::CompanyDomain => Some(
            "SELECT m.person AS id FROM company c JOIN person_company m ON m.company = c.id WHERE c.domain = $1",
        ),
        _ => None,
    }
}

fn search_driver(search: &str) -> Option<Driver> {
    let next = behind(search)?;
    let range = |of: &str| format!("SELECT id FROM person WHERE {of} >= $1 AND {of} < $2");
    let sql = [range("email_key"), range("name_key"), range("last_key")].join(" UNION ALL ");
    Some(Driver { sql, args: vec![search.into(), next.into()] })
}
