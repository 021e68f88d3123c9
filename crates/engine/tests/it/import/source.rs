//! A source of people that plays a script.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use achub_core::{
    Code, Error, FieldType, Value,
    consent::{Cause, ListStatus, Permission},
    port::{
        incoming::{
            Catalogue, Incoming, IncomingPage, IncomingPlan, OpenPeople, PeopleSource, ShownCompany,
            ShownField, ShownList, WantedPeople,
        },
        source::{Position, Price},
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::fakes::opened_at;

/// What is played.
pub struct Script {
    pub pages: Vec<Vec<Incoming>>,
    pub catalogue: Catalogue,
    /// Fails instead of showing the page of this number.
    pub fails_at: Option<usize>,
    /// Never shows the page of this number: only a stop ends it.
    pub hangs_at: Option<usize>,
    /// What was asked for, in order: what, and from which position.
    pub asked: Mutex<Vec<(WantedPeople, Option<Position>)>>,
    requests: AtomicU64,
}

impl Script {
    /// Shows these pages.
    pub fn of(pages: Vec<Vec<Incoming>>) -> Script {
        Script {
            pages,
            catalogue: catalogue(),
            fails_at: None,
            hangs_at: None,
            asked: Mutex::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// The last thing that was asked for.
    pub fn last_asked(&self) -> (WantedPeople, Option<Position>) {
        self.asked
            .lock()
            .expect("nothing panics while it holds the lock")
            .last()
            .cloned()
            .expect("it was asked")
    }
}

/// Two lists, a field, and an attribute.
pub fn catalogue() -> Catalogue {
    let list = |key: &str, name: &str| ShownList { key: key.to_owned(), name: name.to_owned(), active: None };
    let field = |key: &str, name: &str, field_type| ShownField {
        key: key.to_owned(),
        name: name.to_owned(),
        field_type,
        options: Vec::new(),
        tag: None,
    };
    Catalogue {
        lists: vec![list("1", "News"), list("2", "Offers")],
        fields: vec![field("phone", "Phone", FieldType::Text), field("4", "Score", FieldType::Float)],
    }
}

/// Somebody with an address.
pub fn contact(key: u64, email: &str) -> Incoming {
    Incoming {
        key: key.to_string(),
        email: email.to_owned(),
        first_name: None,
        last_name: None,
        companies: Vec::new(),
        ip: None,
        bounced: None,
        values: Vec::new(),
        memberships: Vec::new(),
        created_at: None,
        updated_at: None,
    }
}

/// So many people, in pages of ten.
pub fn crowd(count: u64) -> Vec<Vec<Incoming>> {
    let everybody: Vec<Incoming> = (1..=count).map(|key| rich(key, &format!("p{key}@example.com"))).collect();
    everybody.chunks(10).map(<[Incoming]>::to_vec).collect()
}

/// Somebody with one of everything.
pub fn rich(key: u64, email: &str) -> Incoming {
    let company =
        ShownCompany { key: Some(format!("{}", key % 3)), name: format!("Company {}", key % 3), url: None };
    Incoming {
        first_name: Some(format!("First {key}")),
        last_name: Some("Last".to_owned()),
        companies: vec![company],
        ip: Some("2130706433".to_owned()),
        values: vec![("phone".to_owned(), Value::text("+1 555")), ("4".to_owned(), Value::Float(1.5))],
        memberships: vec![on("1", ListStatus::Active, Some("2026-01-05T00:00:00Z"))],
        ..contact(key, email)
    }
}

/// A membership.
pub fn on(list: &str, status: ListStatus, since: Option<&str>) -> (String, Permission) {
    let since: Option<Timestamp> = since.map(|text| text.parse().expect("a timestamp in a test"));
    (list.to_owned(), Permission { status, cause: Cause::Import, since })
}

#[async_trait]
impl PeopleSource for Script {
    async fn open(
        &self,
        wanted: &WantedPeople,
        position: Option<&Position>,
    ) -> Result<Box<dyn OpenPeople>, Error> {
        let asked = (wanted.clone(), position.cloned());
        self.asked.lock().expect("nothing panics while it holds the lock").push(asked);
        self.requests.fetch_add(1, Ordering::SeqCst);
        let next = position.and_then(|position| position.0.as_u64()).unwrap_or(0);
        let people = self.pages.iter().map(Vec::len).sum::<usize>() as u64;
        let plan = IncomingPlan {
            catalogue: self.catalogue.clone(),
            people: Some(people),
            price: Price { requests: self.pages.len() as u64, seconds: 1.0 },
            how: "a script".to_owned(),
            as_of: opened_at(),
            resumed: position.is_some(),
            notes: Vec::new(),
        };
        let next = usize::try_from(next).expect("a page number of a test");
        let (fails_at, hangs_at) = (self.fails_at, self.hangs_at);
        Ok(Box::new(Playing { pages: self.pages.clone(), next, plan, fails_at, hangs_at }))
    }

    fn requests_sent(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

struct Playing {
    pages: Vec<Vec<Incoming>>,
    next: usize,
    plan: IncomingPlan,
    fails_at: Option<usize>,
    hangs_at: Option<usize>,
}

#[async_trait]
impl OpenPeople for Playing {
    fn plan(&self) -> &IncomingPlan {
        &self.plan
    }

    async fn next(&mut self) -> Result<Option<IncomingPage>, Error> {
        if self.fails_at == Some(self.next) {
            return Err(Error::new(Code::AnswerCutOff, "the page was cut off"));
        }
        if self.hangs_at == Some(self.next) {
            std::future::pending::<()>().await;
        }
        let Some(people) = self.pages.get(self.next).cloned() else { return Ok(None) };
        self.next += 1;
        Ok(Some(IncomingPage { people, position: Position(self.next.into()) }))
    }
}
