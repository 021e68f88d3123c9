//! A source that plays a script and a target that writes down what it was asked.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use achub_core::{
    Batch, Code, Error, Field, FieldType, Outcomes, ReplicationName, RunId, Schema, SharedSchema, StreamName,
    Value, WalkName,
    port::{
        clock::Clock,
        journal::{JournalStore, LogLine, RowFilter, RowNote},
        source::{
            OpenWalk, Opened, Page, PageSink, Part, Position, Price, Source, StreamInfo, Walk, WalkReport,
            WalkStream, Wanted, Wide,
        },
        state::{Fact, RunRecord, StateStore},
        target::{
            Check, Checkpoints, Closing, Load, LoadSpec, Quarantined, TableReport, Tally, Target, TargetInfo,
            WideView, Written,
        },
    },
};
use async_trait::async_trait;
use jiff::Timestamp;

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp in a test")
}

/// When every scripted walk was opened, by the source's clock.
pub fn opened_at() -> Timestamp {
    at("2026-03-02T09:00:00Z")
}

pub fn schema() -> SharedSchema {
    let field = |name: &str, ty| Field { name: name.to_owned(), ty, noise: name == "links" };
    Arc::new(Schema {
        fields: vec![
            field("id", FieldType::Integer),
            field("firstName", FieldType::Text),
            field("udate", FieldType::Timestamp),
            field("links", FieldType::Json),
        ],
        key: vec![0],
    })
}

/// What a walk does after its pages.
#[derive(Clone)]
pub enum Ending {
    Report(Box<WalkReport>),
    Fails(Code),
    /// Never returns: only a stop ends it.
    Hangs,
}

#[derive(Clone)]
pub struct Script {
    pub stream: &'static str,
    pub pages: u64,
    pub ending: Ending,
    /// Whether changes can be asked for.
    pub tracked: bool,
    /// What the source says it has before it is read.
    pub total: Option<u64>,
    /// When its records changed.
    pub changed_at: Option<Timestamp>,
    /// Each page comes so often.
    pub times: u64,
    /// Records on a page.
    pub page_records: u64,
}

impl Script {
    pub fn of(stream: &'static str, pages: u64) -> Script {
        let ending = Ending::Report(Box::default());
        Script {
            stream,
            pages,
            ending,
            tracked: true,
            total: None,
            changed_at: None,
            times: 1,
            page_records: 1,
        }
    }

    pub fn untracked(mut self) -> Script {
        self.tracked = false;
        self
    }

    pub fn reports(self, report: WalkReport) -> Script {
        self.ending(Ending::Report(Box::new(report)))
    }

    pub fn ending(mut self, ending: Ending) -> Script {
        self.ending = ending;
        self
    }
}

/// A source of walks that each feed one stream, one record a page unless the script says otherwise.
pub struct ScriptedSource {
    /// Records that were read.
    pub sent: Arc<AtomicU64>,
    pub scripts: Vec<Script>,
    pub asked: Mutex<Vec<Wanted>>,
    /// What was asked each time.
    pub opens: Mutex<Vec<Vec<Wanted>>>,
    pub positions: Mutex<HashMap<WalkName, Position>>,
}

impl ScriptedSource {
    pub fn new(scripts: Vec<Script>) -> ScriptedSource {
        ScriptedSource {
            sent: Arc::default(),
            scripts,
            asked: Mutex::default(),
            opens: Mutex::default(),
            positions: Mutex::default(),
        }
    }
}

#[async_trait]
impl Source for ScriptedSource {
    fn streams(&self) -> Vec<StreamInfo> {
        let info = |script: &Script| StreamInfo {
            name: StreamName::new(script.stream),
            schema: schema(),
            cursor: script.tracked.then(|| "udate".to_owned()),
            follows: None,
            parent: None,
        };
        self.scripts.iter().map(info).collect()
    }

    fn requests_sent(&self) -> u64 {
        0
    }

    async fn open(
        &self,
        wanted: &[Wanted],
        positions: &HashMap<WalkName, Position>,
    ) -> Result<Opened, Error> {
        *self.asked.lock().expect("no test panics with it") = wanted.to_vec();
        *self.positions.lock().expect("no test panics with it") = positions.clone();
        self.opens.lock().expect("no test panics with it").push(wanted.to_vec());
        let is_wanted =
            |script: &&Script| wanted.iter().any(|wanted| wanted.stream.as_str() == script.stream);
        let open = |script: &Script| {
            let resumed = positions.contains_key(&WalkName::new(script.stream));
            Box::new(ScriptedWalk::new(script, resumed, self.sent.clone())) as Box<dyn OpenWalk>
        };
        let walks = self.scripts.iter().filter(is_wanted).map(open);
        Ok(Opened { walks: walks.collect(), requests_per_second: Some(4.0), failed: Vec::new() })
    }
}

struct ScriptedWalk {
    walk: Walk,
    script: Script,
    sent: Arc<AtomicU64>,
}

impl ScriptedWalk {
    fn new(script: &Script, resumed: bool, sent: Arc<AtomicU64>) -> ScriptedWalk {
        let name = StreamName::new(script.stream);
        let stream = WalkStream { name, schema: schema(), rows: script.total, left_out: None };
        let walk = Walk {
            name: WalkName::new(script.stream),
            streams: vec![stream],
            how: "script".to_owned(),
            price: Price { requests: 8, seconds: 1.0 },
            resumed,
            as_of: opened_at(),
        };
        ScriptedWalk { walk, script: script.clone(), sent }
    }
}

#[async_trait]
impl OpenWalk for ScriptedWalk {
    fn walk(&self) -> &Walk {
        &self.walk
    }

    async fn read(self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error> {
        let changed_at = self.script.changed_at.map_or(Value::Null, Value::Timestamp);
        for number in (0..self.script.pages).flat_map(|number| (0..self.script.times).map(move |_| number)) {
            let mut batch = Batch::new(schema());
            for record in 0..self.script.page_records {
                let key = Value::Integer((number * self.script.page_records + record) as i64);
                batch.push([key, Value::text("Ada"), changed_at.clone(), Value::Null], None);
            }
            self.sent.fetch_add(self.script.page_records, Ordering::SeqCst);
            let part = Part { stream: StreamName::new(self.script.stream), batch, scope: None };
            sink.page(Page { parts: vec![part], position: Position(number.into()) }).await?;
        }
        match self.script.ending {
            Ending::Report(report) => Ok(*report),
            Ending::Fails(code) => Err(Error::new(code, "as the script says")),
            Ending::Hangs => std::future::pending().await,
        }
    }
}

/// What a [`RecordingTarget`] was asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Load(Box<LoadSpec>),
    Write { walk: WalkName, pages: usize, position: Position },
    Finish { walk: WalkName, cursors: HashMap<StreamName, Timestamp>, complete: HashSet<StreamName> },
    View(Box<WideView>),
}

#[derive(Default)]
pub struct RecordingTarget {
    pub asked: Arc<Mutex<Vec<Asked>>>,
    pub checkpoints: Checkpoints,
    pub newest: Option<Timestamp>,
    /// Reports this row as put aside with every write.
    pub refuses: Option<Quarantined>,
    /// Called after every write.
    pub after_write: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Rows of the tables that are there.
    pub held: HashMap<String, u64>,
    /// Rows counted by the values of a column.
    pub counts: HashMap<String, u64>,
    /// What complete reads find out.
    pub check: Option<Check>,
    /// The next writes fail with these, the last one first.
    pub fails: Arc<Mutex<Vec<Code>>>,
}

impl RecordingTarget {
    pub fn load_spec(&self) -> LoadSpec {
        let asked = self.asked();
        let mut specs = asked.into_iter().filter_map(|asked| match asked {
            Asked::Load(spec) => Some(*spec),
            _ => None,
        });
        specs.next().expect("a walk was loaded")
    }

    /// Cursors that were moved and streams that were declared complete, by all walks.
    pub fn closed(&self) -> (HashMap<StreamName, Timestamp>, HashSet<StreamName>) {
        let (mut all_cursors, mut all_complete) = (HashMap::new(), HashSet::new());
        for asked in self.asked() {
            if let Asked::Finish { cursors, complete, .. } = asked {
                all_cursors.extend(cursors);
                all_complete.extend(complete);
            }
        }
        (all_cursors, all_complete)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics with it").clone()
    }
}

#[async_trait]
impl Target for RecordingTarget {
    fn info(&self) -> TargetInfo {
        TargetInfo { kind: "recording", place: "memory".to_owned(), default_schema: None }
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn checkpoints(
        &self,
        _schema: Option<&str>,
        _name: &ReplicationName,
    ) -> Result<Checkpoints, Error> {
        Ok(self.checkpoints.clone())
    }

    async fn newest(
        &self,
        _schema: Option<&str>,
        _table: &str,
        _column: &str,
    ) -> Result<Option<Timestamp>, Error> {
        Ok(self.newest)
    }

    async fn load(&self, spec: LoadSpec) -> Result<Box<dyn Load>, Error> {
        self.asked.lock().expect("no test panics with it").push(Asked::Load(Box::new(spec.clone())));
        Ok(Box::new(RecordingLoad {
            asked: self.asked.clone(),
            spec,
            refuses: self.refuses.clone(),
            after_write: self.after_write.clone(),
            check: self.check,
            fails: self.fails.clone(),
            rows: 0,
            refused: 0,
        }))
    }

    async fn tally(&self, tally: &Tally) -> Result<Option<HashMap<String, u64>>, Error> {
        if tally.by.is_some() {
            return Ok(Some(self.counts.clone()));
        }
        Ok(self.held.get(&tally.table).map(|rows| HashMap::from([(String::new(), *rows)])))
    }

    async fn wide_view(&self, view: &WideView) -> Result<bool, Error> {
        self.asked.lock().expect("no test panics with it").push(Asked::View(Box::new(view.clone())));
        Ok(true)
    }

    fn keeps(&self, _ty: FieldType) -> bool {
        true
    }
}

struct RecordingLoad {
    asked: Arc<Mutex<Vec<Asked>>>,
    spec: LoadSpec,
    refuses: Option<Quarantined>,
    after_write: Option<Arc<dyn Fn() + Send + Sync>>,
    check: Option<Check>,
    fails: Arc<Mutex<Vec<Code>>>,
    rows: u64,
    refused: u64,
}

#[async_trait]
impl Load for RecordingLoad {
    async fn write(&mut self, pages: Vec<Page>) -> Result<Written, Error> {
        if let Some(code) = self.fails.lock().expect("no test panics with it").pop() {
            return Err(Error::new(code, "as the test says"));
        }
        let position = pages.last().expect("a commit has pages").position.clone();
        let asked = Asked::Write { walk: self.spec.walk.clone(), pages: pages.len(), position };
        self.asked.lock().expect("no test panics with it").push(asked);
        let rows = pages.iter().flat_map(|page| &page.parts).map(|part| part.batch.len() as u64).sum();
        self.rows += rows;
        let quarantined: Vec<Quarantined> = self.refuses.iter().cloned().collect();
        self.refused += quarantined.len() as u64;
        if let Some(after_write) = &self.after_write {
            after_write();
        }
        Ok(Written { rows: HashMap::from([(self.spec.tables[0].stream.clone(), rows)]), quarantined })
    }

    async fn finish(self: Box<Self>, closing: &Closing) -> Result<Vec<TableReport>, Error> {
        let Closing { cursors, complete } = closing.clone();
        let asked = Asked::Finish { walk: self.spec.walk.clone(), cursors, complete };
        self.asked.lock().expect("no test panics with it").push(asked);
        let outcomes = Outcomes { added: self.rows, refused: self.refused, ..Outcomes::default() };
        let report = TableReport::new(self.spec.tables[0].stream.clone(), outcomes, self.rows);
        Ok(vec![TableReport { check: self.check.filter(|_| !closing.complete.is_empty()), ..report }])
    }
}

/// Runs are kept, facts are not.
#[derive(Default)]
pub struct Runs(pub Mutex<Vec<RunRecord>>);

#[async_trait]
impl StateStore for Runs {
    async fn put_run(&self, run: &RunRecord) -> Result<(), Error> {
        let mut runs = self.0.lock().expect("no test panics with it");
        runs.retain(|known| known.id != run.id);
        runs.push(run.clone());
        Ok(())
    }

    async fn runs(&self, _name: Option<&ReplicationName>, _count: u32) -> Result<Vec<RunRecord>, Error> {
        let runs = self.0.lock().expect("no test panics with it");
        Ok(runs.iter().rev().cloned().collect())
    }

    async fn put_fact(
        &self,
        _account: &achub_core::AccountName,
        _name: &str,
        _fact: &Fact,
    ) -> Result<(), Error> {
        Ok(())
    }

    async fn fact(&self, _account: &achub_core::AccountName, _name: &str) -> Result<Option<Fact>, Error> {
        Ok(None)
    }
}

/// Nothing is written down.
#[async_trait]
impl JournalStore for Runs {
    async fn append_log(&self, _run: &RunId, _lines: &[LogLine]) -> Result<(), Error> {
        Ok(())
    }

    async fn log(&self, _run: &RunId, _count: u32) -> Result<Vec<LogLine>, Error> {
        Ok(Vec::new())
    }

    async fn append_rows(&self, _run: &RunId, _rows: &[RowNote]) -> Result<(), Error> {
        Ok(())
    }

    async fn rows(
        &self,
        _run: &RunId,
        _filter: &RowFilter,
        _count: u32,
    ) -> Result<(Vec<RowNote>, u64), Error> {
        Ok((Vec::new(), 0))
    }

    async fn forget_before(&self, _moment: Timestamp) -> Result<(), Error> {
        Ok(())
    }
}

/// A clock that stands still.
pub struct Stopped(pub Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A report that lays custom fields out as columns of `contacts_wide`.
pub fn wide(fields: &[(i64, &str)]) -> WalkReport {
    let wide = Wide {
        name: "contacts_wide".to_owned(),
        base: (StreamName::new("contacts"), "id".to_owned()),
        values: StreamName::new("field_values"),
        parent_field: "id".to_owned(),
        id_field: "udate".to_owned(),
        value_field: "firstName".to_owned(),
        rest: None,
        fields: fields.iter().map(|(id, name)| (*id, (*name).to_owned())).collect(),
    };
    WalkReport { wide: Some(wide), ..WalkReport::default() }
}
