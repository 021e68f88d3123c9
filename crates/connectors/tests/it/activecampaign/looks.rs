//! Looking at an account without replicating it, and what the key may not see.

use std::collections::HashMap;

use achub_api::streams;
use achub_connectors::activecampaign::Probe;
use achub_core::{
    Code, Error, StreamName, Value,
    port::source::{Page, PageSink, Source, WalkReport, Wanted},
};
use async_trait::async_trait;
use serde_json::json;

use crate::activecampaign::rig::Rig;

fn name(stream: &str) -> StreamName {
    StreamName::new(stream)
}

/// Throws pages away.
struct Nowhere;

#[async_trait]
impl PageSink for Nowhere {
    async fn page(&mut self, _page: Page) -> Result<(), Error> {
        Ok(())
    }
}

async fn reports(rig: &Rig, streams: &[&str]) -> Vec<WalkReport> {
    let wanted: Vec<Wanted> = streams.iter().map(|stream| Wanted::all(name(stream))).collect();
    let opened = rig.source().open(&wanted, &HashMap::new()).await.expect("streams open");
    let mut reports = Vec::new();
    for walk in opened.walks {
        reports.push(walk.read(&mut Nowhere).await.expect("the walk ends"));
    }
    reports
}

#[tokio::test(start_paused = true)]
async fn probe_tells_rows_of_every_stream() {
    let rig = Rig::with_contacts(250);
    let names: Vec<StreamName> = streams::all().map(|stream| name(stream.name)).collect();

    let probes = rig.source().probe(&names).await;

    assert_eq!(probes.iter().map(|(name, _)| name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    let rows: HashMap<&str, Option<u64>> = probes
        .iter()
        .map(|(name, probe)| (name.as_str(), probe.as_ref().expect("every stream can be read").rows))
        .collect();
    assert_eq!((rows["contacts"], rows["deals"]), (Some(250), Some(50)));
    // One request each, and one for the parent of the streams that need one.
    let parents = streams::all().filter(|stream| {
        use achub_api::stream::Read;
        matches!(stream.read, Read::PerParent { .. } | Read::SegmentMatch { .. })
    });
    assert_eq!(rig.requests().await, (names.len() + parents.count()) as u64);
}

#[tokio::test(start_paused = true)]
async fn probe_names_the_missing_right() {
    let rig = Rig::with_contacts(50);
    rig.account
        .faults(json!([{"match": {"path": "/api/3/deals"}, "fault": {"status": 403, "body": "json"}}]))
        .await;

    let probes = rig.source().probe(&[name("tags"), name("deals"), name("no_such_stream")]).await;

    assert!(matches!(probes[0].1, Ok(Probe { rows: Some(1..), .. })), "{:?}", probes[0]);
    let refused = probes[1].1.as_ref().expect_err("the key may not read deals");
    assert_eq!(refused.code(), Code::NotAllowed);
    assert!(refused.message().contains("pgDeal"), "{refused}");
    let unknown = probes[2].1.as_ref().expect_err("there is no such stream");
    assert_eq!(unknown.code(), Code::UnknownStream);
}

#[tokio::test(start_paused = true)]
async fn samples_are_as_many_as_asked() {
    for stream in ["contacts", "field_values", "deals", "custom_object_records", "field_options"] {
        let rig = Rig::with_contacts(250);

        let sample = rig.source().sample(&name(stream), 7).await.expect("the stream can be read");

        assert_eq!(sample.len(), 7, "{stream}");
        assert!(rig.requests().await <= 3, "{stream}: {} requests", rig.requests().await);
    }
}

/// Deals of pipelines the key's user may not see are told apart and counted, each once.
#[tokio::test(start_paused = true)]
async fn reduced_deals_are_counted_once() {
    let rig = Rig::with_contacts(2_000);
    rig.account.switches(json!({"deal_reduced_every": 4})).await;

    let reports = reports(&rig, &["deals", "tags"]).await;

    assert_eq!(reports[0].reduced, HashMap::from([(name("deals"), 100)]));
    assert!(reports[1].reduced.is_empty());
}

/// Lists and tags tell how many memberships and tags there are, which are those that there are.
#[tokio::test(start_paused = true)]
async fn told_counts_are_those_of_the_account() {
    let rig = Rig::with_contacts(300);

    let reports = reports(&rig, &["lists", "tags"]).await;

    for (report, stream, by) in [(&reports[0], "contact_lists", "list"), (&reports[1], "contact_tags", "tag")]
    {
        let [told] = &report.told[..] else { panic!("{stream}: {:?}", report.told) };
        assert_eq!((told.stream.as_str(), told.by.as_str()), (stream, by));
        let records = rig.truth(stream).await;
        let column = |field: &str| records.schema().index_of(field).expect("the field is there");
        let counts = |values: &[Value]| match &told.equals {
            Some((field, value)) => values[column(field)] == Value::Integer(*value),
            None => true,
        };
        let mut found: HashMap<i64, u64> = told.counts.keys().map(|key| (*key, 0)).collect();
        for (values, _) in records.rows().filter(|(values, _)| counts(values)) {
            let Value::Integer(key) = values[column(by)] else { panic!("{stream} without {by}") };
            *found.entry(key).or_default() += 1;
        }
        assert_eq!(told.counts, found, "{stream}");
    }
}

/// Every stream says how its changes are found: by a filter of the source, with its parent, or by comparing all of it.
#[tokio::test(start_paused = true)]
async fn streams_say_how_they_change() {
    let infos = Rig::with_contacts(10).source().streams();
    let filtered: Vec<(&str, &str)> =
        infos.iter().filter_map(|info| Some((info.name.as_str(), info.cursor.as_deref()?))).collect();
    assert_eq!(
        filtered,
        [("contacts", "udate"), ("deals", "mdate"), ("activities", "tstamp"), ("contacts_wide", "udate")]
    );
    let follows: Vec<&str> =
        infos.iter().filter(|info| info.follows.is_some()).map(|info| info.name.as_str()).collect();
    assert_eq!(follows, ["contact_tags", "contact_lists", "field_values", "contacts_wide"]);
}

/// A span between two moments, with the server's filters and without.
#[tokio::test(start_paused = true)]
async fn span_is_read_with_and_without_filters() {
    for filters_ignored in [false, true] {
        let rig = Rig::with_contacts(500);
        rig.account.switches(json!({"filters_ignored": filters_ignored})).await;
        let moment = |text: &str| Some(text.parse().expect("a timestamp"));
        let (since, until) = (moment("2025-06-01T00:00:00Z"), moment("2026-06-01T00:00:00Z"));
        for (stream, field) in [("contacts", "udate"), ("deals", "mdate")] {
            let truth = rig.truth(stream).await;
            let column = truth.schema().index_of(field).expect("the stream has its cursor");
            let inside = |values: &[Value]| matches!(values[column], Value::Timestamp(time) if since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until));
            let expected = truth.rows().filter(|(values, _)| inside(values)).count();
            let wanted = Wanted { since, until, ..Wanted::all(name(stream)) };
            let mut landed = Landed::default();
            let opened = rig.source().open(&[wanted], &HashMap::new()).await.expect("the stream opens");
            for walk in opened.walks {
                walk.read(&mut landed).await.expect("the walk ends");
            }
            assert!(expected > 0 && expected < truth.len(), "{stream}: {expected} are no test");
            assert_eq!(landed.keys.len(), expected, "{stream}, filters ignored: {filters_ignored}");
        }
    }
}

/// Records that are passed over do not count towards the limit.
#[tokio::test(start_paused = true)]
async fn skipped_records_are_not_the_first() {
    let rig = Rig::with_contacts(500);
    let mut all = Vec::new();
    for skip in [0, 30] {
        let wanted = Wanted { skip, row_limit: Some(20), ..Wanted::all(name("tags")) };
        let mut landed = Landed::default();
        let opened = rig.source().open(&[wanted], &HashMap::new()).await.expect("the stream opens");
        let mut limited = Vec::new();
        for walk in opened.walks {
            limited.push(walk.read(&mut landed).await.expect("the walk ends").limited);
        }
        assert_eq!(limited, [true]);
        all.push(landed.keys);
    }
    let total = rig.truth("tags").await.len();
    assert_eq!((all[0].len(), all[1].len()), (20, 20.min(total.saturating_sub(30))));
    assert!(all[0].is_disjoint(&all[1]));
}

/// Keeps keys.
#[derive(Default)]
struct Landed {
    keys: std::collections::HashSet<String>,
}

#[async_trait]
impl PageSink for Landed {
    async fn page(&mut self, page: Page) -> Result<(), Error> {
        for part in page.parts {
            for row in 0..part.batch.len() {
                self.keys.insert(part.batch.key(row).map(Value::display).collect());
            }
        }
        Ok(())
    }
}
