//! Companies.

use std::collections::{BTreeSet, HashMap};

use achub_core::{
    ConnectionName,
    person::{Company, CompanyId, Link},
    port::incoming::ShownCompany,
};

use super::{counter::Counters, value};
use crate::{
    people::{companies, page::search_key},
    sql::{
        rows::{Rows, fetch_in, fetch_pairs},
        session::{Arg, Fault, Session},
    },
};

const PUT: &str = "INSERT INTO company (id, name, name_folded, name_key, domain) VALUES";

const PUT_AGAIN: &str = "
    ON CONFLICT (id) DO UPDATE
       SET name = excluded.name, name_folded = excluded.name_folded, name_key = excluded.name_key, domain = excluded.domain";

const LINK_AGAIN: &str = "ON CONFLICT (connection, key) DO UPDATE SET company = excluded.company";

/// See `PeopleStore::companies`.
pub(crate) async fn settle(
    session: &mut dyn Session,
    connection: &ConnectionName,
    shown: &[ShownCompany],
) -> Result<Vec<CompanyId>, Fault> {
    let mut counters = Counters::take(session).await?;
    let held = candidates(session, connection, shown).await?;
    let settled = companies::settle(held, connection, shown, counters.company);
    let mut rows = Rows::new(PUT, 5, PUT_AGAIN);
    let mut links = Rows::new("INSERT INTO company_link (connection, key, company) VALUES", 3, LINK_AGAIN);
    for company in &settled.changed {
        let key = search_key(&company.name);
        let domain = company.domain.as_deref();
        rows.push([
            company.id.0.into(),
            company.name.as_str().into(),
            value::folded(&company.name).into(),
            key.into(),
            domain.into(),
        ]);
        for link in &company.links {
            links.push([link.connection.as_str().into(), link.key.as_str().into(), company.id.0.into()]);
        }
    }
    rows.write(session).await?;
    links.write(session).await?;
    counters.company = settled.last;
    counters.put(session).await?;
    Ok(settled.ids)
}

/// Everybody whom those shown could be.
async fn candidates(
    session: &mut dyn Session,
    connection: &ConnectionName,
    shown: &[ShownCompany],
) -> Result<Vec<Company>, Fault> {
    let mut ids = BTreeSet::new();
    let links: Vec<(Arg, Arg)> = shown
        .iter()
        .filter_map(|item| item.key.as_deref())
        .map(|key| (connection.as_str().into(), key.into()))
        .collect();
    let sql = "
        SELECT l.company FROM wanted JOIN company_link l ON l.connection = wanted.a AND l.key = wanted.b";
    for mut row in fetch_pairs(session, &links, sql).await? {
        ids.insert(row.integer()?);
    }
    let domains: Vec<String> =
        shown.iter().filter_map(|item| item.url.as_deref().and_then(companies::domain_of)).collect();
    for mut row in fetch_in(session, "SELECT id FROM company WHERE domain IN", &domains, "").await? {
        ids.insert(row.integer()?);
    }
    // A company without a name is called by its domain or its key.
    let names: Vec<String> = shown
        .iter()
        .flat_map(|item| {
            let domain = item.url.as_deref().and_then(companies::domain_of);
            [Some(search_key(item.name.trim())), domain, item.key.as_deref().map(search_key)]
        })
        .flatten()
        .collect();
    for mut row in fetch_in(session, "SELECT id FROM company WHERE name_key IN", &names, "").await? {
        ids.insert(row.integer()?);
    }
    of(session, &ids.into_iter().map(CompanyId).collect::<Vec<_>>()).await
}

/// The companies of these ids, in their order.
pub(crate) async fn of(session: &mut dyn Session, ids: &[CompanyId]) -> Result<Vec<Company>, Fault> {
    let numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let mut found = HashMap::new();
    let sql = "SELECT id, name, domain FROM company WHERE id IN";
    for mut row in fetch_in(session, sql, &numbers, "").await? {
        let id = row.integer()?;
        let company =
            Company { id: CompanyId(id), name: row.text()?, domain: row.maybe_text()?, links: Vec::new() };
        found.insert(id, company);
    }
    let sql = "SELECT company, connection, key FROM company_link WHERE company IN";
    for mut row in fetch_in(session, sql, &numbers, "ORDER BY connection, key").await? {
        let id = row.integer()?;
        let link = Link { connection: ConnectionName::new(row.text()?), key: row.text()? };
        if let Some(company) = found.get_mut(&id) {
            company.links.push(link);
        }
    }
    // An id that is asked for twice is answered twice.
    Ok(numbers.iter().filter_map(|id| found.get(id).cloned()).collect())
}
