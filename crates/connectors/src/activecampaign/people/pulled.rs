//! A walk whose pages are asked for one by one. It reads ahead while pages are being stored.

use std::future::poll_fn;

use achub_core::{
    Code, Error,
    port::source::{Page, PageSink, WalkReport},
};
use async_trait::async_trait;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::activecampaign::open::OpenedWalk;

/// Pages that wait to be taken.
const PAGES_WAITING: usize = 4;

/// A walk that is being read. Dropping it ends the reading.
pub(super) struct Pulled {
    pages: mpsc::Receiver<Page>,
    task: JoinHandle<Result<WalkReport, Error>>,
}

impl Pulled {
    /// Begins to read `walk`.
    pub(super) fn new(walk: OpenedWalk) -> Pulled {
        let (sender, pages) = mpsc::channel(PAGES_WAITING);
        let task = tokio::spawn(async move { walk.read(&mut Sender(sender)).await });
        Pulled { pages, task }
    }

    /// The next page, or what the walk says of itself at its end. Not to be called after its end.
    pub(super) async fn next(&mut self) -> Result<Result<Page, WalkReport>, Error> {
        if let Some(page) = self.pages.recv().await {
            return Ok(Ok(page));
        }
        let ended = poll_fn(|context| std::pin::Pin::new(&mut self.task).poll(context)).await;
        let bug = |cause| Error::new(Code::Bug, "the reading of contacts ended by itself").with_source(cause);
        ended.map_err(bug)?.map(Err)
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Sender(mpsc::Sender<Page>);

#[async_trait]
impl PageSink for Sender {
    async fn page(&mut self, page: Page) -> Result<(), Error> {
        let gone = |_| Error::new(Code::StoppedSafely, "nobody takes pages any more");
        self.0.send(page).await.map_err(gone)
    }
}
