//! The way of a request: arrival, faults, key, rate, answer, records, latency.

use std::sync::Arc;

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Shared,
    body::{self, Shape},
    gate::Pass,
    is_local, peer,
    route::{self, Asked, below_api},
};
use crate::{
    account::Account,
    answer::{Answer, Query, error_body},
    clock::http_date,
    control::{self, log::Entry, stored},
    fault::{Cut, Fault, Lost},
};

/// The longest address that is let through, in bytes.
const URI_MAX: usize = 8_192;
/// The largest request body.
const BODY_MAX: usize = 16 << 20;

/// Answers a request to the API or to the control interface.
pub(super) async fn handle(shared: Arc<Shared>, request: Request) -> Response {
    let peer = peer(&request);
    let (parts, body) = request.into_parts();
    let bytes = match read_body(body).await {
        Ok(bytes) => bytes,
        Err(refusal) => return body::plain(refusal),
    };
    if let Some(path) = parts.uri.path().strip_prefix("/_sim/") {
        if peer.as_ref().is_some_and(|peer| !is_local(peer.address)) {
            return body::plain(error_body::message(
                StatusCode::FORBIDDEN,
                "the control interface serves this machine only",
            ));
        }
        return control::routes::answer(
            &shared,
            &parts.method,
            path,
            parts.uri.query().unwrap_or_default(),
            &bytes,
        );
    }
    let handled = answer_api(&shared, &parts, &bytes).await;
    if let (Shape::Dropped, Some(peer)) = (&handled.shape, &peer) {
        peer.cut();
    }
    body::response(&shared, &parts.headers, handled.answer, handled.shape)
}

/// The body of a request, or what the web server in front says when there is too much of it or when it breaks off.
async fn read_body(body: Body) -> Result<Bytes, Answer> {
    match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Answer::html(StatusCode::PAYLOAD_TOO_LARGE, "<h1>413 Request Entity Too Large</h1>"))
        }
        Err(_) => Err(Answer::html(StatusCode::BAD_REQUEST, "<h1>400 Bad Request</h1>")),
    }
}

/// An answer and how it goes out.
struct Handled {
    answer: Answer,
    shape: Shape,
}

impl Handled {
    fn whole(answer: Answer) -> Handled {
        Handled { answer, shape: Shape::Whole }
    }
}

async fn answer_api(shared: &Arc<Shared>, parts: &Parts, bytes: &[u8]) -> Handled {
    let hit = {
        let mut desk = shared.desk();
        desk.log.arrive(Instant::now());
        desk.script.hit(&parts.method, parts.uri.path())
    };
    let mut handled = match &hit {
        Some((_, Fault::Hang)) => {
            // Noted at once: whoever waits for this answer may look at the log meanwhile.
            note(shared, parts, 0, 0);
            shared.closed().await;
            return Handled { answer: Answer::html(StatusCode::OK, ""), shape: Shape::Dropped };
        }
        Some((at, fault)) => faulty(shared, parts, bytes, *at, fault),
        None => Handled::whole(regular(shared, parts, bytes)),
    };
    let now = shared.account().clock.now();
    if let Ok(date) = HeaderValue::try_from(http_date(now)) {
        handled.answer.headers.insert(header::DATE, date);
    }
    tokio::time::sleep(shared.settings.latency.of(handled.answer.rows)).await;
    let status = if matches!(handled.shape, Shape::Dropped) { 0 } else { handled.answer.status.as_u16() };
    note(shared, parts, status, handled.answer.rows);
    handled
}

/// Path and query. In process the whole address may have been given.
fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
}

fn note(shared: &Shared, parts: &Parts, status: u16, rows: u64) {
    let at = shared.account().now_iso();
    shared.desk().log.answered(Entry {
        at,
        method: parts.method.to_string(),
        uri: target(parts).to_owned(),
        status,
        rows,
    });
}

/// The answer under a fault. Only those that say so let the request take effect.
fn faulty(shared: &Arc<Shared>, parts: &Parts, bytes: &[u8], at: usize, fault: &Fault) -> Handled {
    let shape = |shape| Handled { answer: regular(shared, parts, bytes), shape };
    match fault {
        Fault::Status { status, body, headers } => Handled::whole(with_status(*status, body, headers)),
        Fault::RateLimited { retry_after } => Handled::whole(rate_limited(shared, retry_after.as_deref())),
        Fault::Cut(Cut::Byte(bytes)) => shape(Shape::CutAt(*bytes)),
        Fault::Cut(Cut::Half) => shape(Shape::CutHalf),
        Fault::EmptyBody => Handled::whole(Answer::json(StatusCode::OK, Vec::new())),
        Fault::EmptyObject => Handled::whole(Answer::ok(&json!({}))),
        Fault::Html => Handled::whole(error_body::log_in_page()),
        Fault::Slow { bytes_per_second } => shape(Shape::Slow { bytes_per_second: *bytes_per_second }),
        Fault::Hang | Fault::Drop => {
            Handled { answer: Answer::html(StatusCode::OK, ""), shape: Shape::Dropped }
        }
        Fault::ApplyThenFail(Lost::Drop) => shape(Shape::Dropped),
        Fault::ApplyThenFail(Lost::Status(status)) => {
            regular(shared, parts, bytes);
            Handled::whole(with_status(*status, "<html><body><h1>Bad Gateway</h1></body></html>", &[]))
        }
        Fault::RepeatPage => {
            let mut answer = regular(shared, parts, bytes);
            answer.body = shared.desk().script.repeated(at, &answer.body);
            Handled::whole(answer)
        }
        Fault::ClockOffset(seconds) => {
            shared.account().clock.set_offset(jiff::SignedDuration::from_secs(*seconds));
            Handled::whole(regular(shared, parts, bytes))
        }
        Fault::MetaTotal(total) => {
            let mut answer = regular(shared, parts, bytes);
            answer.body = with_total(answer.body, total);
            Handled::whole(answer)
        }
        Fault::GzipBomb => {
            Handled { answer: Answer::json(StatusCode::OK, body::bomb()), shape: Shape::Packed }
        }
        Fault::DeepJson(depth) => {
            Handled::whole(Answer::json(StatusCode::OK, [vec![b'['; *depth], vec![b']'; *depth]].concat()))
        }
    }
}

/// The body with another `meta.total`; a body without one stays as it is.
fn with_total(body: Vec<u8>, total: &Value) -> Vec<u8> {
    let mut read: Value = serde_json::from_slice(&body).unwrap_or_default();
    match read.pointer_mut("/meta/total") {
        Some(place) => {
            *place = total.clone();
            read.to_string().into_bytes()
        }
        None => body,
    }
}

fn with_status(status: u16, body: &str, headers: &[(String, String)]) -> Answer {
    let status = StatusCode::from_u16(status).expect("rules are checked when they are read");
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
    let kind = if is_json { "application/json" } else { "text/html; charset=UTF-8" };
    let mut answer = Answer::typed(status, kind, body.as_bytes().to_vec());
    for (name, value) in headers {
        let name = HeaderName::try_from(name).expect("rules are checked when they are read");
        answer
            .headers
            .insert(name, HeaderValue::from_str(value).expect("rules are checked when they are read"));
    }
    answer
}

fn rate_limited(shared: &Shared, retry_after: Option<&str>) -> Answer {
    let mut answer = error_body::message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
    if let Some(after) = retry_after {
        let limit = match shared.settings.rate {
            crate::settings::Rate::PerSecond(limit) => limit,
            crate::settings::Rate::Off => 5,
        };
        limit_headers(&mut answer.headers, limit, 0);
        answer.headers.insert(
            header::RETRY_AFTER,
            HeaderValue::from_str(after).expect("rules are checked when they are read"),
        );
    }
    answer
}

fn limit_headers(headers: &mut HeaderMap, limit: u32, remaining: u32) {
    headers.insert("ratelimit-limit", HeaderValue::from(limit));
    headers.insert("ratelimit-remaining", HeaderValue::from(remaining));
}

/// The answer without faults.
fn regular(shared: &Arc<Shared>, parts: &Parts, bytes: &[u8]) -> Answer {
    if target(parts).len() > URI_MAX {
        return error_body::too_long();
    }
    let Some(path) = below_api(parts.uri.path()) else { return outside(parts.uri.path()) };
    if parts.headers.get("api-token").is_none_or(|key| key.as_bytes() != shared.settings.key.as_bytes()) {
        return if shared.account().switches.bad_key_is_html {
            error_body::log_in_page()
        } else {
            error_body::message(StatusCode::FORBIDDEN, "Forbidden")
        };
    }
    let pass = shared.desk().gate.ask(Instant::now());
    if let Pass::Refused { limit } = pass {
        let mut answer = error_body::message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        limit_headers(&mut answer.headers, limit, 0);
        answer.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return answer;
    }
    let mut answer = act(shared, parts, path, bytes);
    if let Pass::Granted { limit, remaining } = pass {
        limit_headers(&mut answer.headers, limit, remaining);
    }
    php_headers(&mut answer.headers);
    answer
}

/// The host itself sends its visitors to the web application.
fn outside(path: &str) -> Answer {
    if path.is_empty() || path == "/" {
        let mut answer = Answer::html(StatusCode::MOVED_PERMANENTLY, "");
        answer.headers.insert(header::LOCATION, HeaderValue::from_static("/admin/"));
        return answer;
    }
    Answer::html(
        StatusCode::NOT_FOUND,
        "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>\n",
    )
}

/// What the account does, with its records.
fn act(shared: &Arc<Shared>, parts: &Parts, path: Vec<&str>, bytes: &[u8]) -> Answer {
    let decoded: Vec<String> = path
        .iter()
        .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let host = host(parts);
    let asked = Asked {
        method: &parts.method,
        path: decoded.iter().map(String::as_str).collect(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        body: bytes,
        base: &format!("http://{host}"),
    };
    let mut account = shared.account();
    if let Some(switches) = account.switches.counted() {
        account.switch(switches);
    }
    let before = account.revision;
    let answer = route::answer(&mut account, &asked);
    record(shared, &account, &asked, &answer);
    between_pages(shared, &mut account, &asked, &answer);
    let changed = account.revision != before;
    drop(account);
    if changed && let Err(error) = stored::save(shared) {
        return error_body::message(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the simulator cannot store its account: {error}"),
        );
    }
    answer
}

/// The host that links name: the one that was asked.
fn host(parts: &Parts) -> &str {
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or("127.0.0.1")
}

fn record(shared: &Shared, account: &Account, asked: &Asked<'_>, answer: &Answer) {
    let now = account.clock.now();
    let mut desk = shared.desk();
    for (envelope, ids) in &answer.issued {
        desk.ledger.issue(envelope, ids, now, account.revision);
    }
    if asked.method.is_safe() {
        return;
    }
    desk.ledger.write(json!({
        "at": account.zone.iso(now),
        // Every request that comes this far had this key.
        "key": shared.settings.key,
        "method": asked.method.as_str(),
        "path": format!("/api/3/{}", asked.path.join("/")),
        "body": route::json_of(asked.body),
        "status": answer.status.as_u16(),
        "revision": account.revision,
        "consent": answer.consent,
    }));
}

/// Lets the world move on after a page of a collection that a standing mutation names.
fn between_pages(shared: &Shared, account: &mut Account, asked: &Asked<'_>, answer: &Answer) {
    let page = asked.path.first().and_then(|name| account.at(name)).map(crate::account::Table::envelope);
    let Some(envelope) =
        page.filter(|_| asked.method.is_safe() && asked.path.len() == 1 && answer.status.is_success())
    else {
        return;
    };
    let mut desk = shared.desk();
    let mut done = Vec::new();
    for standing in desk.standing.iter_mut().filter(|standing| standing.envelope == envelope) {
        done.push(standing.apply(account));
    }
    for mutation in done {
        desk.ledger.mutation(mutation);
    }
}

/// What a PHP application sends with every answer.
fn php_headers(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache, must-revalidate"));
    headers.insert(header::EXPIRES, HeaderValue::from_static("Thu, 19 Nov 1981 08:52:00 GMT"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}
