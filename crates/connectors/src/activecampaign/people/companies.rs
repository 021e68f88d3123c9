//! The companies of people (SX-6, AB-93): they come along with contacts where the account sends them, else they are read
//! once from their own addresses.
//!
//! Whether *all* of them come along is not documented. Each contact lists its associations, and what it lists must have
//! come; where everybody is read, what came is counted against the total of the associations' own address.

use std::collections::HashMap;

use achub_api::streams;
use achub_client::Client;
use achub_core::{Batch, Error, Value, code::Class, port::incoming::ShownCompany};

use crate::activecampaign::{
    facts::{self, Facts},
    pages::{Fetched, Pages},
    people::assembly::Records,
    whole,
};

/// Companies of people, as far as they are known.
pub(super) struct Companies {
    client: Client,
    facts: Facts,
    /// Things to tell.
    pub(super) notes: Vec<String>,
    /// All companies by id, where they had to be read from their own address.
    all: Option<HashMap<i64, ShownCompany>>,
    /// The companies of each contact, where associations had to be read from their own address.
    table: Option<HashMap<i64, Vec<i64>>>,
    /// Associations that came along so far.
    pub(super) came: u64,
    /// Associations there are, where everybody is read.
    total: Option<u64>,
    /// The key may not read them.
    is_barred: bool,
}

impl Companies {
    /// Looks how many there are where `counts`, which is when everybody is read. Reads them all where they are known not
    /// to come along.
    pub(super) async fn open(
        client: &Client,
        facts: Facts,
        counts: bool,
        came: u64,
    ) -> Result<Companies, Error> {
        let rides = facts.known(&facts::rides("account_contacts")).await?;
        let client = client.clone();
        let mut companies = Companies {
            client,
            facts,
            notes: Vec::new(),
            all: None,
            table: None,
            came,
            total: None,
            is_barred: false,
        };
        if rides == Some(false) {
            companies.read_table("are known not to come along with contacts").await?;
        } else if counts {
            companies.total = companies.allowed(associations(&companies.client).await)?.flatten();
        }
        Ok(companies)
    }

    /// Whether they are asked to come along.
    pub(super) fn ride(&self) -> bool {
        self.table.is_none() && !self.is_barred && self.total != Some(0)
    }

    /// The companies of the contacts of a page.
    pub(super) async fn of(
        &mut self,
        records: &Records<'_>,
    ) -> Result<HashMap<i64, Vec<ShownCompany>>, Error> {
        if self.is_barred || self.total == Some(0) {
            return Ok(HashMap::new());
        }
        let mut associations = records.pairs("account_contacts", "contact", "account");
        let came: usize = associations.values().map(Vec::len).sum();
        if self.table.is_none() {
            self.came += came as u64;
            if listed(records) > came as u64 {
                self.read_table("did not come along with contacts").await?;
            }
        }
        if let Some(table) = &self.table {
            let ids = records.of("contacts").map(crate::activecampaign::intake::ids).unwrap_or_default();
            associations = ids.into_iter().filter_map(|id| Some((id, table.get(&id)?.clone()))).collect();
        }
        let mut shown = records.of("accounts").map(read).unwrap_or_default();
        let is_missing = |id: &i64| !shown.contains_key(id);
        if self.all.is_none() && associations.values().flatten().any(is_missing) {
            self.read_all().await?;
        }
        for (id, company) in self.all.iter().flatten() {
            shown.entry(*id).or_insert_with(|| company.clone());
        }
        // A company that is nowhere was deleted meanwhile.
        let named = |ids: Vec<i64>| ids.iter().filter_map(|id| shown.get(id).cloned()).collect();
        Ok(associations.into_iter().map(|(contact, ids)| (contact, named(ids))).collect())
    }

    /// Once everybody was shown: the contacts whose companies did not come along and have to be shown again.
    pub(super) async fn left_out(&mut self) -> Result<Vec<i64>, Error> {
        let Some(total) = self.total.filter(|_| self.table.is_none() && !self.is_barred) else {
            return Ok(Vec::new());
        };
        if self.came >= total {
            self.remember(true).await?;
            return Ok(Vec::new());
        }
        let came = self.came;
        self.read_table(&format!("came along in part only ({came} of {total})")).await?;
        let mut contacts: Vec<i64> = self.table.iter().flatten().map(|(contact, _)| *contact).collect();
        contacts.sort_unstable();
        Ok(contacts)
    }

    /// Remembers whether all of them come along. That they do not is remembered once everybody was shown again: a reading
    /// that is taken up before that has to find out once more.
    pub(super) async fn remember(&self, ride: bool) -> Result<(), Error> {
        self.facts.remember(&facts::rides("account_contacts"), ride).await
    }

    async fn read_table(&mut self, why: &str) -> Result<(), Error> {
        self.notes
            .push(format!("associations with companies {why}, so they are read from their own address"));
        let stream = streams::find("account_contacts").expect("the stream table has associations");
        let pages = Pages::new(&self.client, vec![stream], Vec::new());
        let Some(read) = self.allowed(whole::read(&pages).await)? else { return Ok(()) };
        let mut table: HashMap<i64, Vec<i64>> = HashMap::new();
        for batch in read.iter().map(Fetched::main) {
            let column = |name: &str| batch.schema().index_of(name);
            let (Some(contact), Some(account)) = (column("contact"), column("account")) else { continue };
            for (values, _) in batch.rows() {
                if let (Value::Integer(contact), Value::Integer(account)) =
                    (&values[contact], &values[account])
                {
                    let accounts = table.entry(*contact).or_default();
                    // Pages overlap.
                    if !accounts.contains(account) {
                        accounts.push(*account);
                    }
                }
            }
        }
        self.table = Some(table);
        Ok(())
    }

    async fn read_all(&mut self) -> Result<(), Error> {
        let stream = streams::find("accounts").expect("the stream table has companies");
        let pages = Pages::new(&self.client, vec![stream], Vec::new());
        let Some(pages) = self.allowed(whole::read(&pages).await)? else { return Ok(()) };
        let mut all = HashMap::new();
        for page in &pages {
            all.extend(read(page.main()));
        }
        self.all = Some(all);
        Ok(())
    }

    /// The result, or nothing where the key may not read companies: people come in without theirs, and it is told.
    fn allowed<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class() == Class::Credentials => {
                self.is_barred = true;
                let code = error.code().id();
                self.notes.push(format!("people come in without their companies: {code} {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// How many associations there are.
async fn associations(client: &Client) -> Result<Option<u64>, Error> {
    let stream = streams::find("account_contacts").expect("the stream table has associations");
    let pages = Pages::new(client, vec![stream], Vec::new());
    let one = pages.get(stream.path, vec![("limit".to_owned(), "1".to_owned())], |_| Ok(())).await?;
    Ok(one.decoded.total)
}

/// How many associations the contacts of a page list.
fn listed(records: &Records<'_>) -> u64 {
    let Some(contacts) = records.of("contacts") else { return 0 };
    let Some(column) = contacts.schema().index_of("accountContacts") else { return 0 };
    let count = |values: &[Value]| match &values[column] {
        Value::Json(ids) => {
            serde_json::from_str::<Vec<serde::de::IgnoredAny>>(ids).map_or(0, |ids| ids.len())
        }
        _ => 0,
    };
    contacts.rows().map(|(values, _)| count(values) as u64).sum()
}

/// Companies by id.
fn read(batch: &Batch) -> HashMap<i64, ShownCompany> {
    let column = |name: &str| batch.schema().index_of(name);
    let (Some(id), Some(name), Some(url)) = (column("id"), column("name"), column("accountUrl")) else {
        return HashMap::new();
    };
    let company = |values: &[Value]| {
        let Value::Integer(key) = values[id] else { return None };
        let text = |column: usize| Some(values[column].display()).filter(|text| !text.trim().is_empty());
        let company = ShownCompany { key: Some(key.to_string()), name: text(name)?, url: text(url) };
        Some((key, company))
    };
    batch.rows().filter_map(|(values, _)| company(values)).collect()
}
