//! What requests came, counted.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

/// How many requests are kept one by one. All of them are counted.
const RECENT_MAX: usize = 1_000;

/// Counts of all requests to the API and the newest ones in full.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    total: u64,
    counted: BTreeMap<(String, String, u16), u64>,
    by_status: BTreeMap<u16, u64>,
    recent: VecDeque<Entry>,
    arrivals: VecDeque<Instant>,
    most_in_a_second: usize,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: String,
    pub(crate) method: String,
    /// Path and query as they were sent.
    pub(crate) uri: String,
    pub(crate) status: u16,
    pub(crate) rows: u64,
}

impl RequestLog {
    /// Notes an arrival, before anything is decided about the request.
    pub(crate) fn arrive(&mut self, now: Instant) {
        while self
            .arrivals
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) >= Duration::from_secs(1))
        {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
        self.total += 1;
        self.most_in_a_second = self.most_in_a_second.max(self.arrivals.len());
    }

    /// Notes how a request was answered. A dropped one has status 0.
    pub(crate) fn answered(&mut self, entry: Entry) {
        let path = pattern(entry.uri.split('?').next().unwrap_or_default());
        *self.counted.entry((entry.method.clone(), path, entry.status)).or_default() += 1;
        *self.by_status.entry(entry.status).or_default() += 1;
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }

    /// The log as `GET /_sim/requests` shows it; the newest `recent` requests one by one.
    pub(crate) fn show(&self, recent: usize) -> Value {
        let counted: Vec<Value> = self
            .counted
            .iter()
            .map(|((method, path, status), count)| json!({"method": method, "path": path, "status": status, "count": count}))
            .collect();
        let by_status: serde_json::Map<String, Value> =
            self.by_status.iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
        let skipped = self.recent.len().saturating_sub(recent);
        let newest: Vec<Value> = self
            .recent
            .iter()
            .skip(skipped)
            .map(|one| json!({"at": one.at, "method": one.method, "uri": one.uri, "status": one.status, "rows": one.rows}))
            .collect();
        json!({
            "total": self.total,
            "most_in_a_second": self.most_in_a_second,
            "by_status": by_status,
            "by_path": counted,
            "recent_left_out": self.total.saturating_sub(newest.len() as u64),
            "recent": newest,
        })
    }
}

/// The path with ids replaced, so that requests of one kind are counted together. The version in `/api/3` is no id.
fn pattern(path: &str) -> String {
    let is_id = |segment: &str| segment.bytes().any(|byte| byte.is_ascii_digit()) || segment.contains('@');
    let (version, rest) = path.split_at(if path.starts_with("/api/3") { "/api/3".len() } else { 0 });
    let segments = rest.split('/').map(|segment| if is_id(segment) { "{id}" } else { segment });
    version.to_owned() + &segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn worst_second_is_remembered_after_quiet() {
        let mut log = RequestLog::default();
        for wait_ms in [0, 100, 100, 900, 5_000] {
            tokio::time::advance(Duration::from_millis(wait_ms)).await;
            log.arrive(Instant::now());
        }
        assert_eq!(log.show(0)["most_in_a_second"], 3);
        assert_eq!(log.show(0)["total"], 5);
    }

    #[test]
    fn requests_of_one_kind_are_counted_together() {
        let mut log = RequestLog::default();
        for id in 1..=3 {
            let uri = format!("/api/3/contacts/{id}?include=x");
            log.answered(Entry { at: String::new(), method: "GET".to_owned(), uri, status: 200, rows: 1 });
        }
        assert_eq!(
            log.show(1)["by_path"],
            json!([{"method": "GET", "path": "/api/3/contacts/{id}", "status": 200, "count": 3}])
        );
        assert_eq!(log.show(1)["recent"].as_array().unwrap().len(), 1);
    }
}
