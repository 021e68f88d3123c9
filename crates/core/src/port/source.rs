//! Reading an outside system.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    batch::Batch,
    error::Error,
    name::{StreamName, WalkName},
    schema::SharedSchema,
};

/// A stream a source offers.
#[derive(Debug, Clone)]
pub struct StreamInfo {
    /// Its name.
    pub name: StreamName,
    /// The shape of its records.
    pub schema: SharedSchema,
    /// The field by which changes since a moment can be asked for, where the source can filter by it.
    pub cursor: Option<String>,
    /// The stream whose records say when records of this one changed, and this stream's field with its key.
    pub follows: Option<(StreamName, String)>,
    /// The stream whose keys are needed to read this one, where one is.
    pub parent: Option<StreamName>,
}

/// What a run wants of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Which stream.
    pub stream: StreamName,
    /// Only records changed at or after this moment. `None`: all.
    pub since: Option<Timestamp>,
    /// At most so many records. `None`: all.
    pub row_limit: Option<u64>,
    /// `since` is a start date rather than where an earlier run ended: say how many older records it leaves out.
    pub count_left_out: bool,
    /// Only records changed before this moment. `None`: until now.
    pub until: Option<Timestamp>,
    /// So many records are passed over first, in the order in which the source shows them; they do not count towards
    /// `row_limit`.
    pub skip: u64,
}

impl Wanted {
    /// All records of `stream`.
    pub fn all(stream: StreamName) -> Wanted {
        Wanted { stream, since: None, row_limit: None, count_left_out: false, until: None, skip: 0 }
    }
}

/// Where a walk stands: the source's own words as JSON, opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub serde_json::Value);

/// What a walk is expected to take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Requests still to be sent.
    pub requests: u64,
    /// Seconds at the budget and latency known now.
    pub seconds: f64,
}

/// One reading pass that feeds one or several streams.
#[derive(Debug, Clone)]
pub struct Walk {
    /// Its name, the same in every run that reads the same streams this way: that of the stream whose records it asks for,
    /// whether that one is wanted or not.
    pub name: WalkName,
    /// What it feeds; a stream that was wanted is fed by exactly one walk.
    pub streams: Vec<WalkStream>,
    /// How it reads, for people: `id windows, include=contactTags`.
    pub how: String,
    /// What it is expected to take.
    pub price: Price,
    /// Whether it goes on from a position of an earlier attempt.
    pub resumed: bool,
    /// The source's own clock when the walk was first opened, by the first attempt where it is resumed. The next
    /// incremental run reads from here: what changed later may have been passed already.
    pub as_of: Timestamp,
}

/// A stream fed by a walk.
#[derive(Debug, Clone)]
pub struct WalkStream {
    /// Its name.
    pub name: StreamName,
    /// The shape of its records.
    pub schema: SharedSchema,
    /// Records the source says it has, where it says so before they are read.
    pub rows: Option<u64>,
    /// Older records the start date leaves out, where that was asked.
    pub left_out: Option<u64>,
}

/// Records that were read together and the position they stand for.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records, one entry for each stream that has any on this page.
    pub parts: Vec<Part>,
    /// The position once this page and all pages before it are durable.
    pub position: Position,
}

/// Records of one stream on a page.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which stream.
    pub stream: StreamName,
    /// The records.
    pub batch: Batch,
    /// Given where this page holds *all* records of the stream that belong to certain parents.
    pub scope: Option<Scope>,
}

/// Parents whose children are complete on a page: a child of them that is not on the page is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// The field of the child that holds its parent's key.
    pub field: String,
    /// The parents' keys.
    pub parents: Vec<i64>,
}

/// Takes pages in order. The next page is handed over when the one before was accepted; accepting does not mean durable.
#[async_trait]
pub trait PageSink: Send {
    /// Takes one page. An error ends the walk with that error.
    async fn page(&mut self, page: Page) -> Result<(), Error>;
}

/// What a finished walk says about itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WalkReport {
    /// For each stream: records the source says it has now, where it says so.
    pub totals: HashMap<StreamName, u64>,
    /// For each stream: records older than asked for that were read and passed over.
    pub left_out: HashMap<StreamName, u64>,
    /// For each stream and field: values that did not fit the declared type.
    pub type_drift: HashMap<(StreamName, String), u64>,
    /// Things to tell the user, one sentence each.
    pub notes: Vec<String>,
    /// For each stream: records the source says it has but did not show, after looking twice.
    pub missing: HashMap<StreamName, u64>,
    /// Whether a row limit ended it before the source did.
    pub limited: bool,
    /// Where one of its streams holds values of custom fields: how they can be laid out as columns.
    pub wide: Option<Wide>,
    /// For each stream: requests that were refused and that a rule of the account says to go on without. What they would
    /// have shown is neither read nor gone.
    pub passed_over: HashMap<StreamName, u64>,
    /// For each stream: records the source showed without their contents, because the key may not see them.
    pub reduced: HashMap<StreamName, u64>,
    /// Counts the source told by the way, that the tables should agree with.
    pub told: Vec<Told>,
}

/// Counts of records that the source told without being asked for the records.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The stream that is counted, which another walk may feed.
    pub stream: StreamName,
    /// Only its records with this integer in this field.
    pub equals: Option<(String, i64)>,
    /// The field whose values are counted one by one.
    pub by: String,
    /// Value and count. Values that are not among them were not counted.
    pub counts: HashMap<i64, u64>,
    /// Where it was told, for people: `lists.active_subscribers`.
    pub whence: String,
}

/// Custom fields as columns beside the records they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wide {
    /// The name of the view.
    pub name: String,
    /// The stream with one record per row of the view, and its key field.
    pub base: (StreamName, String),
    /// The stream with the values.
    pub values: StreamName,
    /// Its field with the record's key.
    pub parent_field: String,
    /// Its field with the custom field's id.
    pub id_field: String,
    /// Its field with the value.
    pub value_field: String,
    /// Id and name of each custom field that gets a column; names are unique, lower case, and fit for a column.
    pub fields: Vec<(i64, String)>,
    /// The column with the values of all other custom fields, where there are more than get a column: a JSON object by
    /// field id.
    pub rest: Option<String>,
}

/// A walk whose first request was already answered.
#[async_trait]
pub trait OpenWalk: Send {
    /// What it is.
    fn walk(&self) -> &Walk;

    /// Reads it to the end and hands every page to `sink`.
    ///
    /// Every record that existed when the walk was opened and still exists when this returns was on a page at least once;
    /// a record may be on several pages, the last one counts. An error means the walk is incomplete.
    async fn read(self: Box<Self>, sink: &mut dyn PageSink) -> Result<WalkReport, Error>;
}

/// All walks a run needs.
pub struct Opened {
    /// The walks, those that others depend on first.
    pub walks: Vec<Box<dyn OpenWalk>>,
    /// The pace in force, requests per second, `None` where there is no limit.
    pub requests_per_second: Option<f64>,
    /// Streams that could not be opened, and why.
    pub failed: Vec<(Vec<StreamName>, Error)>,
}

/// An outside system that offers streams.
#[async_trait]
pub trait Source: Send + Sync {
    /// The streams it offers, in the order in which they are shown. No request is sent; a stream whose shape depends on
    /// the account has only its fixed fields here.
    fn streams(&self) -> Vec<StreamInfo>;

    /// The streams of these names with all their fields. Asks the account where a shape depends on it.
    ///
    /// Errors: `CF-101` for a name that is not offered.
    async fn describe(&self, names: &[StreamName]) -> Result<Vec<StreamInfo>, Error> {
        let known: HashMap<StreamName, StreamInfo> =
            self.streams().into_iter().map(|info| (info.name.clone(), info)).collect();
        let unknown =
            |name| Error::new(crate::Code::UnknownStream, format!("the source offers no stream {name}"));
        names.iter().map(|name| known.get(name).cloned().ok_or_else(|| unknown(name))).collect()
    }

    /// Requests sent so far, repeats included.
    fn requests_sent(&self) -> u64;

    /// `wanted` in parts that may be opened one after the other: what can be read together stays together. While the walks
    /// of one part are read the next one is opened, so that the first rows need not wait for the first request of every
    /// walk there is.
    fn parts(&self, wanted: &[Wanted]) -> Vec<Vec<Wanted>> {
        vec![wanted.to_vec()]
    }

    /// Chooses the cheapest walks that cover `wanted` and opens them.
    ///
    /// `positions` holds the positions of unfinished walks; a walk that matches one goes on from there (its
    /// [`Walk::resumed`] says so), a position that no longer fits what is wanted is not used.
    /// An error means that nothing can be read at all; what concerns single streams is in [`Opened::failed`].
    async fn open(&self, wanted: &[Wanted], positions: &HashMap<WalkName, Position>)
    -> Result<Opened, Error>;
}
