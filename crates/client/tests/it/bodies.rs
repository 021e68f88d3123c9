//! Bodies that are cut, poisoned, huge or somebody else's, read by the decoder of pages.

use std::{path::Path, time::Duration};

use achub_api::{
    decode::{self, Options, Unreadable},
    streams,
};
use achub_client::{Backoff, Client, Limits, Pace};
use achub_core::{Code, Value};
use bytes::Bytes;

use crate::account::{Account, Process, Received, Reply, SEED, anything, contacts, scrambled};

/// Real pages, recorded and scrubbed, with the stream that they are of.
const REAL_PAGES: [(&str, &str); 2] =
    [("contacts--webgriffe--1.json", "contacts"), ("lists--nango--3.json", "lists")];

/// How many records a page has.
fn rows(body: &[u8], stream: &str) -> Result<usize, Unreadable> {
    let stream = streams::find(stream).expect("it is a stream");
    Ok(decode::page(body, &[stream], Options { noise: true })?.parts[0].batch.len())
}

fn recorded(name: &str) -> Option<Bytes> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded");
    if !folder.is_dir() {
        println!("skipped: ../shared/recorded is not there");
        return None;
    }
    Some(std::fs::read(folder.join(name)).unwrap().trim_ascii().to_vec().into())
}

/// A client that is told at once what it wants to know.
fn client(account: &std::sync::Arc<Account>) -> Client {
    let limits = Limits { backoff: Backoff::None, ..Limits::default() };
    Process::new().client(account, Pace::Off).with_limits(limits)
}

/// Behind every character that JSON is built of, and at 500 places in between.
fn cuts(body: &[u8]) -> Vec<usize> {
    let structural = (1..body.len()).filter(|&end| b"{}[]:,\"".contains(&body[end - 1]));
    let anywhere = (0..500).map(|number| scrambled(number) as usize % body.len());
    structural.chain(anywhere).collect()
}

/// D-03: a real page that is cut at any structural boundary, or anywhere, is never a page: it is read again, whole.
#[tokio::test(start_paused = true)]
async fn real_page_cut_anywhere_is_read_again() {
    for (name, stream) in REAL_PAGES {
        let Some(body) = recorded(name) else { return };
        let (cuts, expected) = (cuts(&body), rows(&body, stream).unwrap());
        let places = cuts.clone();
        let sent = body.clone();
        let account = Account::new(move |received| match received.number % 2 {
            1 => Reply::new(200, sent.slice(..places[received.number / 2])),
            _ => Reply::new(200, sent.clone()),
        });
        let client = client(&account);

        for cut in &cuts {
            let answer = client.get(&contacts(), |body| rows(body, stream)).await.unwrap();
            assert_eq!((answer.value, answer.sendings), (expected, 2), "{name} cut at {cut}, seed {SEED}");
        }
        assert!(cuts.len() > 1_000 && expected > 0, "{name}: {} cuts", cuts.len());
    }
}

/// D-03: a page that is cut every time ends with `AC-206` after all attempts.
#[tokio::test(start_paused = true)]
async fn page_always_cut_is_given_up() {
    for (name, stream) in REAL_PAGES {
        let Some(body) = recorded(name) else { return };
        let cut = body.slice(..body.len() / 2);
        let account = Account::new(move |_| Reply::new(200, cut.clone()));

        let error = client(&account).get(&contacts(), |body| rows(body, stream)).await.unwrap_err();

        assert_eq!((error.code(), account.received().len()), (Code::AnswerCutOff, 8), "{error}");
    }
}

/// D-07: pages to sign in on, of whatever make, are `AC-104` and never an answer.
#[tokio::test(start_paused = true)]
async fn sign_in_pages_are_no_answer() {
    let page = |body: &'static str| move |_: &Received| Reply::new(200, body);
    let portal = |_: &Received| Reply::new(511, "<html>sign in</html>");
    let accounts = [
        Account::new(page("<!DOCTYPE html><html>sign in</html>")),
        Account::new(page("\u{feff}<html lang=en>sign in</html>")),
        Account::new(page(" \r\n\t<HTML>sign in</HTML>")),
        Account::new(page("<?xml version=\"1.0\"?><html/>")),
        Account::new(page("<script>location='/login'</script>")),
        Account::new(|_| Reply::new(200, "<html></html>").with("content-type", "application/json")),
        Account::new(|_| Reply::new(302, "").with("location", "http://portal.example/")),
        Account::new(portal),
    ];
    for (number, account) in accounts.iter().enumerate() {
        let error = client(account).get(&contacts(), anything).await.unwrap_err();

        assert_eq!(error.code(), Code::NotTheApi, "{number}: {error}");
        assert!(account.received().len() <= 2, "{number}");
    }
}

/// D-08: what one contact's page becomes with poison in it.
async fn read_poisoned(body: String) -> Result<(usize, Value), Code> {
    let account = Account::new(move |_| Reply::new(200, body.clone()));
    let stream = streams::find("contacts").expect("it is a stream");
    let read = |body: &[u8]| {
        let decoded = decode::page(body, &[stream], Options { noise: true })?;
        let batch = &decoded.parts[0].batch;
        let at = batch.schema().index_of("firstName").expect("a contact has one");
        Ok((batch.len(), batch.row(0)[at].clone()))
    };
    let answer = client(&account).get(&contacts(), read).await;
    answer.map(|answer| answer.value).map_err(|error| error.code())
}

/// D-08: depth is refused, everything else is read without loss or harm.
#[tokio::test(start_paused = true)]
async fn poisoned_pages_are_read_or_refused() {
    let long = "ü".repeat(5 << 20);
    let page = |first_name: &str| format!(r#"{{"contacts":[{{"id":"1","firstName":{first_name}}}]}}"#);
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let cases = [
        ("10,000 deep", page(&deep(10_000)), Err(Code::AnswerTooLarge)),
        (
            "10,000 deep beside",
            format!(r#"{{"contacts":[],"x":{}}}"#, deep(10_000)),
            Err(Code::AnswerTooLarge),
        ),
        ("10 MB of text", page(&format!("\"{long}\"")), Ok((1, Value::text(long.as_str())))),
        ("the same key twice", page(r#""a","firstName":"b""#), Ok((1, Value::text("b")))),
        ("byte order mark", format!("\u{feff}{}", page(r#""a""#)), Ok((1, Value::text("a")))),
        ("half a surrogate", page(r#""a\ud83db""#), Ok((1, Value::text("a\u{fffd}b")))),
        ("two wrong halves", page(r#""\ude00\ud83d""#), Ok((1, Value::text("\u{fffd}\u{fffd}")))),
        ("more behind it", format!("{}]", page(r#""a""#)), Err(Code::AnswerCutOff)),
    ];
    for (what, body, expected) in cases {
        assert_eq!(read_poisoned(body).await, expected, "{what}");
    }
}

/// D-08: of an answer without end no more is taken than the limit, whatever it is made of.
#[tokio::test(start_paused = true)]
async fn endless_body_is_taken_up_to_limit() {
    let limits = Limits { body_bytes: 1 << 20, attempts: 1, ..Limits::default() };
    let account = Account::new(|_| {
        // Reading on would meet the limit on time, which has another code.
        let pieces =
            (0..1_024).map(|_| (Duration::from_secs(1), Ok(Bytes::from(vec![b' '; 64 << 10])))).collect();
        Reply { pieces, ..Reply::ok() }
    });
    let begun = tokio::time::Instant::now();

    let error = client(&account).with_limits(limits).get(&contacts(), anything).await.unwrap_err();

    assert_eq!(error.code(), Code::AnswerTooLarge);
    assert_eq!(begun.elapsed().as_secs(), 17, "sixteen pieces fit, the next one does not");
}
