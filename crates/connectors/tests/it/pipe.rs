//! Rows that leave as they come.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use achub_connectors::file::{Format, PipeTarget};
use achub_core::{
    Batch, Code, StreamName, Value,
    port::{
        source::{Page, Part, Position},
        target::{LoadMode, LoadSpec, Target},
    },
};
use achub_engine::replication::Mode;
use achub_sim::{Latency, Rate, Settings};
use achub_testkit::target_suite::{load_pages, page, schema, spec_of, table_load};
use tokio::time::Instant;

use crate::activecampaign::rig::{Rig, assert_done, replicating};

/// What a reader got, and when.
#[derive(Clone)]
struct Reader {
    began: Instant,
    got: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Reader {
    fn new() -> Reader {
        Reader { began: Instant::now(), got: Arc::default() }
    }

    fn got(&self) -> Vec<(Duration, String)> {
        self.got.lock().expect("nothing panics while it holds the lock").clone()
    }

    fn text(&self) -> String {
        self.got().into_iter().map(|(_, text)| text).collect()
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).expect("rows are text");
        let mut got = self.got.lock().expect("nothing panics while it holds the lock");
        got.push((self.began.elapsed(), text));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A load of the suite's stream without a key.
fn keyless() -> LoadSpec {
    let mut load = table_load("rows", LoadMode::Replace);
    load.table.key.clear();
    load.table.columns.truncate(3);
    load.origins.truncate(3);
    spec_of(load)
}

/// Ten times the rows come in ten times the pieces and not in larger ones, the first long before the last is read.
#[tokio::test(start_paused = true)]
async fn printed_rows_leave_as_they_are_read() {
    let mut largest = Vec::new();
    for contacts in [1_000, 10_000] {
        let latency = Latency { base: Duration::from_millis(300), per_row: Duration::from_micros(500) };
        let rig = Rig::playing(Settings { contacts, rate: Rate::Off, latency, ..Settings::default() });
        let reader = Reader::new();
        let target = PipeTarget::new(reader.clone(), Format::Csv);
        let mut replication = replicating(&["contacts"], Mode::FullRefresh);
        replication.streams[0].primary_key = Some(Vec::new());

        assert_done(&rig.run_into(&target, &replication).await);

        let (got, end) = (reader.got(), reader.began.elapsed());
        let mut rows = csv::Reader::from_reader(io::Cursor::new(reader.text()));
        assert_eq!(rows.records().filter(Result::is_ok).count() as u64, contacts);
        let (first, last) = (got[0].0, got[got.len() - 1].0);
        assert!(
            first * 2 < end && first < last,
            "the first rows came after {first:?}, the end after {end:?}"
        );
        largest.push(got.iter().map(|(_, text)| text.len()).max().expect("something came"));
    }
    assert!(largest[1] <= 2 * largest[0], "bytes in one piece: {largest:?}");
}

/// A header that has left gets no further columns: a JSON line has a member for the unknown, and CSV's report names it.
#[tokio::test]
async fn unknown_members_are_printed_or_named() {
    for (format, expected, left_out) in [
        (Format::Csv, "id,owner,label\r\n1,2,\"a,b\"\r\n", vec!["new"]),
        (
            Format::JsonLines,
            "{\"id\":1,\"owner\":2,\"label\":\"a,b\",\"_achub_extra\":{\"new\":7}}\n",
            Vec::new(),
        ),
    ] {
        let reader = Reader::new();
        let target = PipeTarget::new(reader.clone(), format);
        let mut spec = keyless();
        spec.tables[0].add_columns = true;
        let mut batch = Batch::new(schema());
        batch.push([Value::Integer(1), Value::Integer(2), Value::text("a,b")], Some("{\"new\":7}".into()));
        let part = Part { stream: StreamName::new("things"), batch, scope: None };
        let page = Page { parts: vec![part], position: Position(1.into()) };

        let reports = load_pages(&target, spec, vec![page]).await.expect("the load ends");

        assert_eq!((reports[0].rows, reports[0].outcomes.added), (1, 1));
        assert_eq!(reader.text(), expected);
        assert_eq!(reports[0].left_out_columns, left_out);
    }
}

/// A reader that goes away ends the load, and whoever asks can tell that from a failure.
#[tokio::test]
async fn reader_that_goes_away_ends_the_load() {
    struct Closed(ErrorKind);
    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    for (kind, code, is_closed) in [
        (ErrorKind::BrokenPipe, Code::StoppedSafely, true),
        (ErrorKind::StorageFull, Code::TargetRefused, false),
    ] {
        let target = PipeTarget::new(Closed(kind), Format::Csv);
        let error = load_pages(&target, keyless(), vec![page(&[(1, 1, "a")], 1)]).await;
        assert_eq!(error.expect_err("nothing can be written").code(), code, "{kind}");
        assert_eq!(target.is_closed(), is_closed, "{kind}");
    }
}

#[tokio::test]
async fn keys_and_second_streams_are_refused() {
    let target = PipeTarget::new(io::sink(), Format::Csv);
    let with_key = spec_of(table_load("rows", LoadMode::MergeAtEnd));
    let mut two = keyless();
    two.tables.push(two.tables[0].clone());
    for spec in [with_key, two] {
        let error = target.load(spec).await.err().expect("that cannot be printed");
        assert_eq!(error.code(), Code::NotGranted);
    }
}
