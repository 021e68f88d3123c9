//! A store in memory, and imports into it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use achub_core::{
    Code, ConnectionName, Error, JobName, Outcomes,
    condition::Condition,
    person::{Link, Person},
    port::{
        activity::{Activity, ActivityFilter, ActivityStore},
        people::{Lookup, PeopleOrder, PeopleQuery, PeopleStore},
        progress::Silent,
    },
};
use achub_engine::{
    Hub, Stop,
    import::{Import, ImportEnds, ImportPreview, ImportSummary, ImportTicket},
};
use achub_store::memory::MemoryStore;

use crate::{
    fakes::{Stopped, at},
    import::source::Script,
};

pub struct Rig {
    pub store: Arc<MemoryStore>,
    pub import: Import,
    pub now: &'static str,
}

impl Rig {
    pub fn new() -> Rig {
        let mut import = Import::everybody(JobName::new("import:shop"), ConnectionName::new("shop"));
        import.tag = Some("via_shop".to_owned());
        Rig { store: Arc::new(MemoryStore::new()), import, now: "2026-03-02T10:00:00Z" }
    }

    pub fn hub(&self) -> Hub {
        Hub::new(self.store.clone(), Arc::new(Stopped(at(self.now))), Arc::new(Silent))
    }

    /// Imports what `script` shows.
    pub async fn import(&self, script: &Script) -> ImportSummary {
        self.import_until(script, &Stop::default()).await.expect("the import starts")
    }

    pub async fn import_until(&self, script: &Script, stop: &Stop) -> Result<ImportSummary, Error> {
        self.import_through(&*self.store, script, stop).await
    }

    /// The same, with a store that is not quite that of the rig.
    pub async fn import_through(
        &self,
        people: &dyn PeopleStore,
        script: &Script,
        stop: &Stop,
    ) -> Result<ImportSummary, Error> {
        let ends = ImportEnds { source: script, people, activity: &*self.store };
        self.hub().import(&self.import, &ends, &ImportTicket::default(), stop).await
    }

    pub async fn preview(&self, script: &Script, limit: Option<u64>) -> ImportPreview {
        let ends = ImportEnds { source: script, people: &*self.store, activity: &*self.store };
        self.hub().preview_import(&self.import, &ends, limit).await.expect("the preview can be made")
    }

    /// Everybody in the store.
    pub async fn people(&self) -> Vec<Person> {
        let query = PeopleQuery {
            condition: Condition::Everybody,
            search: None,
            order: PeopleOrder::Id,
            after: None,
            limit: 100_000,
        };
        self.store.people(&query).await.expect("the store is in memory").0
    }

    /// Whoever is linked with a contact.
    pub async fn linked(&self, key: u64) -> Person {
        let link = Link { connection: ConnectionName::new("shop"), key: key.to_string() };
        let found = self.store.find(&[Lookup { link, email: None }]).await.expect("the store is in memory");
        found[0].by_link.clone().expect("somebody has the link")
    }

    /// Lines of the activity log, the oldest first.
    pub async fn activity(&self) -> Vec<Activity> {
        let lines =
            self.store.activity(&ActivityFilter::default(), 100_000).await.expect("the store is in memory");
        lines.into_iter().rev().map(|line| line.activity).collect()
    }
}

/// Counts in the order added, changed, same, refused, skipped, held.
pub fn counts(outcomes: &Outcomes) -> [u64; 6] {
    let Outcomes { added, changed, same, refused, skipped, held, .. } = *outcomes;
    [added, changed, same, refused, skipped, held]
}

/// Somebody else changes things between a look and the commit, so many times.
pub struct Busy<'a> {
    pub store: &'a MemoryStore,
    pub left: AtomicU32,
    pub with: Code,
}

impl Busy<'_> {
    fn refuse(&self) -> Result<(), Error> {
        let take = |left: u32| left.checked_sub(1);
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
            Ok(_) => Err(Error::new(self.with, "somebody was faster")),
            Err(_) => Ok(()),
        }
    }
}

macro_rules! passes_on {
    ($(fn $name:ident(&self $(, $argument:ident: $ty:ty)*) -> $output:ty;)*) => {
        #[async_trait::async_trait]
        impl PeopleStore for Busy<'_> {
            async fn apply(&self, batch: &achub_core::port::people::ChangeBatch) -> Result<Vec<achub_core::person::PersonId>, Error> {
                self.refuse()?;
                self.store.apply(batch).await
            }
            $(async fn $name(&self $(, $argument: $ty)*) -> Result<$output, Error> {
                self.store.$name($($argument),*).await
            })*
        }
    };
}

use achub_core::{
    person::{Company, CompanyId, CustomField, List, PersonId, Tag},
    port::{
        incoming::{Catalogue, ShownCompany},
        people::{
            Adopted, Author, Found, HistoryLine, ImportEnd, ImportProgress, OutboxRow, PageMark,
            RefusedPerson, Suppression, Undone,
        },
    },
};

passes_on! {
    fn adopt(&self, connection: &ConnectionName, catalogue: &Catalogue, author: &Author) -> Adopted;
    fn would_adopt(&self, connection: &ConnectionName, catalogue: &Catalogue) -> Adopted;
    fn tag(&self, name: &str) -> Tag;
    fn companies(&self, connection: &ConnectionName, shown: &[ShownCompany]) -> Vec<CompanyId>;
    fn find(&self, lookups: &[Lookup]) -> Vec<Found>;
    fn import_progress(&self, job: &JobName) -> ImportProgress;
    fn end_import(&self, end: &ImportEnd) -> ();
    fn forget_import(&self, job: &JobName) -> ();
    fn refused(&self, run: &achub_core::RunId, skip: u64, limit: u32) -> (Vec<RefusedPerson>, u64);
    fn undo(&self, run: &achub_core::RunId, author: &Author) -> Undone;
    fn person(&self, id: PersonId) -> Option<Person>;
    fn people(&self, query: &PeopleQuery) -> (Vec<Person>, Option<PageMark>);
    fn count(&self, condition: &Condition) -> u64;
    fn history(&self, id: PersonId, limit: u32) -> Vec<HistoryLine>;
    fn lists(&self) -> Vec<List>;
    fn tags(&self) -> Vec<Tag>;
    fn fields(&self) -> Vec<CustomField>;
    fn companies_of(&self, ids: &[CompanyId]) -> Vec<Company>;
    fn outbox(&self, number: i64, limit: u32) -> Vec<OutboxRow>;
    fn suppress(&self, suppression: &Suppression, author: &Author) -> ();
    fn suppressed(&self, hashes: &[Vec<String>]) -> Vec<Option<Suppression>>;
    fn suppressions(&self, limit: u32) -> Vec<Suppression>;
    fn forget(&self, id: PersonId, suppression: &Suppression, author: &Author) -> ();
}
