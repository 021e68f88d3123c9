//! A target at which the process seems to die, for tests in this process: the run is dropped where a kill would end it; and
//! both sides as they panic.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use achub_core::{
    Error, FieldType, ReplicationName, StreamName, WalkName,
    port::{
        source::{OpenWalk, Opened, Page, PageSink, Position, Source, StreamInfo, Walk, WalkReport, Wanted},
        target::{
            Checkpoints, Closing, Difference, Load, LoadSpec, TableLoad, TableReport, Tally, Target,
            TargetInfo, WideView, Written,
        },
    },
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

/// Where the process dies, beside a commit of pages or the end of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Pages are read and not handed to the target.
    BeforeWrite,
    /// Pages are durable, and nobody was told.
    AfterWrite,
    /// All pages are durable, and the walk is not closed.
    BeforeFinish,
    /// The walk is closed, and nobody was told.
    AfterFinish,
}

impl Moment {
    /// All of them.
    pub const ALL: [Moment; 4] =
        [Moment::BeforeWrite, Moment::AfterWrite, Moment::BeforeFinish, Moment::AfterFinish];
}

/// Burns down with every passing of its moment; where it is burnt, nothing goes on.
#[derive(Debug)]
pub struct Fuse {
    moment: Moment,
    left: AtomicU64,
    burnt: Notify,
    panics: bool,
}

impl Fuse {
    /// Burnt when `moment` is passed for the `nth` time, from 1.
    pub fn at(moment: Moment, nth: u64) -> Arc<Fuse> {
        Arc::new(Fuse { moment, left: AtomicU64::new(nth), burnt: Notify::new(), panics: false })
    }

    /// The same, but whoever passes there panics.
    pub fn panicking_at(moment: Moment, nth: u64) -> Arc<Fuse> {
        Arc::new(Fuse { moment, left: AtomicU64::new(nth), burnt: Notify::new(), panics: true })
    }

    /// Runs `work` to its end, or drops it where the fuse burns out: `None`.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.burnt.notified() => None,
            done = work => Some(done),
        }
    }

    async fn pass(&self, moment: Moment) {
        if moment == self.moment && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            assert!(!self.panics, "the target panics, as a test wants it");
            self.burnt.notify_one();
            pending::<()>().await;
        }
    }
}

/// Another target with a fuse in it.
pub struct Crashing<'a> {
    /// What rows land in.
    pub target: &'a dyn Target,
    /// When everything ends.
    pub fuse: Arc<Fuse>,
}

struct CrashingLoad {
    load: Box<dyn Load>,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl Load for CrashingLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        self.fuse.pass(Moment::BeforeWrite).await;
        let written = self.load.write(pages).await?;
        self.fuse.pass(Moment::AfterWrite).await;
        Ok(written)
    }

    async fn finish(self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        self.fuse.pass(Moment::BeforeFinish).await;
        let reports = self.load.finish(closing).await?;
        self.fuse.pass(Moment::AfterFinish).await;
        Ok(reports)
    }
}

/// Another source, one walk of which panics behind its first page.
pub struct PanickingSource<'a> {
    /// What is read.
    pub source: &'a dyn Source,
    /// The stream whose walk it is.
    pub stream: StreamName,
}

struct PanickingWalk(Box<dyn OpenWalk>);

struct PanickingSink<'a>(&'a mut dyn PageSink);

#[async_trait]
impl PageSink for PanickingSink<'_> {
    async fn page(&mut self, page: Page) -> Result<(), Error> {
        self.0.page(page).await?;
        panic!("the source panics, as a test wants it");
    }
}

#[async_trait]
impl OpenWalk for PanickingWalk {
    fn walk(&self) -> &Walk {
        self.0.walk()
    }

    async fn read(self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error> {
        self.0.read(&mut PanickingSink(sink)).await
    }
}

#[async_trait]
impl Source for PanickingSource<'_> {
    fn streams(&self) -> Vec<StreamInfo> {
        self.source.streams()
    }

    async fn describe(&self, names: &[StreamName]) -> Result<Vec<StreamInfo>, Error> {
        self.source.describe(names).await
    }

    fn requests_sent(&self) -> u64 {
        self.source.requests_sent()
    }

    async fn open(
        &self,
        wanted: &[Wanted],
        positions: &HashMap<WalkName, Position>,
    ) -> Result<Opened, Error> {
        let mut opened = self.source.open(wanted, positions).await?;
        let is_meant =
            |open: &dyn OpenWalk| open.walk().streams.iter().any(|stream| stream.name == self.stream);
        let wrap = |open: Box<dyn OpenWalk>| -> Box<dyn OpenWalk> {
            if is_meant(&*open) { Box::new(PanickingWalk(open)) } else { open }
        };
        opened.walks = opened.walks.into_iter().map(wrap).collect();
        Ok(opened)
    }
}

#[async_trait]
impl Target for Crashing<'_> {
    fn info(&self) -> TargetInfo {
        self.target.info()
    }

    async fn check(&self) -> Result<(), Error> {
        self.target.check().await
    }

    async fn checkpoints(
        &self,
        schema: Option<&str>,
        replication: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        self.target.checkpoints(schema, replication).await
    }

    async fn newest(
        &self,
        schema: Option<&str>,
        table: &str,
        column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        self.target.newest(schema, table, column).await
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        let load = self.target.load(spec).await?;
        Ok(Box::new(CrashingLoad { load, fuse: Arc::clone(&self.fuse) }))
    }

    async fn wide_view(&self, view: &WideView) -> Result<bool, Error> {
        self.target.wide_view(view).await
    }

    async fn tally(&self, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        self.target.tally(tally).await
    }

    async fn differences(&self, loads: &[TableLoad]) -> Result<Vec<Difference>, Error> {
        self.target.differences(loads).await
    }

    fn keeps(&self, ty: FieldType) -> bool {
        self.target.keeps(ty)
    }
}
