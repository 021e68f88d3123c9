//! An import from the played account into a store in memory.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_client::Pace;
use achub_connectors::activecampaign::{ActiveCampaignPeople, ActiveCampaignSource, TAG};
use achub_core::{
    ConnectionName, Error, JobName,
    condition::Condition,
    person::Person,
    port::{
        incoming::{PeopleSource, Selection},
        people::{PeopleOrder, PeopleQuery, PeopleStore},
        progress::{Event, Progress, Silent},
    },
};
use achub_engine::{
    Hub, Stop,
    import::{Import, ImportEnds, ImportPreview, ImportSummary, ImportTicket},
};
use achub_sim::{Rate, Settings};

use crate::activecampaign::{importing::oracle, rig::Rig};

/// An account and what is imported from it.
pub struct Importing {
    pub rig: Rig,
    pub import: Import,
}

impl Importing {
    /// Everybody of an account of so many contacts.
    pub fn of(contacts: u64) -> Importing {
        Importing::playing(Settings { contacts, rate: Rate::Off, ..Settings::default() })
    }

    pub fn playing(settings: Settings) -> Importing {
        let mut import = Import::everybody(JobName::new("import:shop"), ConnectionName::new("shop"));
        import.tag = Some(TAG.to_owned());
        Importing { rig: Rig::playing(settings), import }
    }

    pub fn accelerated(self) -> Importing {
        Importing { rig: self.rig.accelerated(), ..self }
    }

    pub fn selecting(mut self, selection: Selection) -> Importing {
        self.import.selection = selection;
        self
    }

    pub fn source(&self, progress: Arc<dyn Progress>) -> ActiveCampaignPeople {
        let rig = &self.rig;
        let client = rig.account.client(Pace::Off, rig.store.clone(), rig.clock.clone(), progress.clone());
        let source = ActiveCampaignSource::new(client, rig.store.clone(), rig.clock.clone());
        ActiveCampaignPeople::new(source.with_reading(rig.reading), progress)
    }

    fn hub(&self, progress: Arc<dyn Progress>) -> Hub {
        Hub::new(self.rig.store.clone(), self.rig.clock.clone(), progress)
    }

    /// Imports and expects the run to come to its end.
    pub async fn run(&self) -> ImportSummary {
        let summary = self.start(Arc::new(Silent), &Stop::default()).await.expect("the import starts");
        assert_eq!(summary.error, None, "{summary:?}");
        summary
    }

    pub async fn start(&self, progress: Arc<dyn Progress>, stop: &Stop) -> Result<ImportSummary, Error> {
        let source = self.source(progress.clone());
        self.start_from(&source, progress, stop).await
    }

    pub async fn start_from(
        &self,
        source: &dyn PeopleSource,
        progress: Arc<dyn Progress>,
        stop: &Stop,
    ) -> Result<ImportSummary, Error> {
        let store = &*self.rig.store;
        let ends = ImportEnds { source, people: store, activity: store };
        self.hub(progress).import(&self.import, &ends, &ImportTicket::default(), stop).await
    }

    pub async fn preview(&self, limit: Option<u64>) -> ImportPreview {
        let source = self.source(Arc::new(Silent));
        let store = &*self.rig.store;
        let ends = ImportEnds { source: &source, people: store, activity: store };
        let preview = self.hub(Arc::new(Silent)).preview_import(&self.import, &ends, limit).await;
        preview.expect("the preview can be made")
    }

    /// Time passes.
    pub async fn wait(&self, hours: u64) {
        tokio::time::advance(Duration::from_secs(hours * 3_600)).await;
    }

    /// Everybody in the store.
    pub async fn people(&self) -> Vec<Person> {
        let query = PeopleQuery {
            condition: Condition::Everybody,
            search: None,
            order: PeopleOrder::Id,
            after: None,
            limit: u32::MAX,
        };
        self.rig.store.people(&query).await.expect("the store is in memory").0
    }

    /// The ids of the contacts whose people are in the store.
    pub async fn keys(&self) -> Vec<i64> {
        let people = self.people().await;
        let links = people.iter().flat_map(|person| &person.links);
        let mut keys: Vec<i64> = links.map(|link| link.key.parse().expect("keys are numbers")).collect();
        keys.sort_unstable();
        keys
    }

    /// The store holds what the account holds, of everybody who is in both; and everybody of the account is in it.
    pub async fn assert_equal(&self) {
        let differences = oracle::differences(self).await;
        let first: Vec<_> = differences.iter().take(5).collect();
        assert!(differences.is_empty(), "{} differences: {first:#?}", differences.len());
    }
}

/// Keeps what was told.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<String>>);

impl Progress for Told {
    fn event(&self, event: Event) {
        if let Event::Warning { message } = event {
            self.0.lock().expect("nothing panics while it holds the lock").push(message);
        }
    }
}
