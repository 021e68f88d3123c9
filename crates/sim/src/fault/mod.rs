//! Scripted faults: which requests they hit, and what they do to the answer.

mod parse;

use http::Method;
use serde_json::Value;

use crate::chance::{mix, salt};

/// One rule of a fault script: requests it is meant for, and what happens to them.
///
/// As JSON, in `--faults FILE` (one object or an array of them) and in `POST /_sim/faults`:
///
/// ```json
/// {"match": {"path": "/api/3/contacts", "method": "GET", "nth": [3, 5], "every": 4, "probability": 0.3, "times": 2},
///  "seed": 1,
///  "fault": {"status": 503, "body": "html", "headers": {"Retry-After": "5"}}}
/// ```
///
/// All members of `match` must agree; without any, every request is hit. `path` is the beginning of the path up to a
/// slash, or a pattern with `*`. `nth` and `every` count the requests that fit path and method, from 1. `probability`
/// is drawn from `seed`. `times` is how often the rule acts at most. `fault` is one of:
///
/// - `{"status": 503, "body": "html" | "json" | "empty" | any text, "headers": {…}}`
/// - `{"rate_limited": {"retry_after": "2" | null}}`: 429; with null neither `Retry-After` nor the `RateLimit` headers
/// - `{"cut_at": 123 | "half"}`: the connection ends after so many bytes of the body
/// - `{"empty_body": true}`, `{"empty_object": true}`, `{"html": true}`: status 200 and no rows
/// - `{"slow": {"bytes_per_second": 100}}`
/// - `{"hang": true}`: no answer ever; `{"drop": true}`: the connection ends without one
/// - `{"apply_then_fail": {"status": 502}}` or `{"apply_then_fail": {"drop": true}}`: the request takes effect, the
///   answer is lost
/// - `{"repeat_page": true}`: the answer to the first request the rule hit, again and again
/// - `{"clock_offset_seconds": 3600}`: the account's clock is wrong from here on; the request itself is answered
/// - `{"meta_total": 7}`: the answer, with this instead of the number in `meta.total`; any JSON value
/// - `{"gzip_bomb": true}`: a megabyte that unpacks to a gigabyte of zeros; `{"deep_json": 10000}`: so many arrays in one another
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    matcher: Matcher,
    seed: u64,
    fault: Fault,
    /// The rule as it was given, for showing it.
    given: Value,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Matcher {
    path: Option<String>,
    method: Option<Method>,
    nth: Option<Vec<u64>>,
    every: Option<u64>,
    probability: Option<f64>,
    times: Option<u64>,
}

/// What happens to a request that is hit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    Status { status: u16, body: String, headers: Vec<(String, String)> },
    RateLimited { retry_after: Option<String> },
    Cut(Cut),
    EmptyBody,
    EmptyObject,
    Html,
    Slow { bytes_per_second: u64 },
    Hang,
    Drop,
    ApplyThenFail(Lost),
    RepeatPage,
    ClockOffset(i64),
    MetaTotal(Value),
    GzipBomb,
    DeepJson(usize),
}

/// Where a body ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Byte(usize),
    Half,
}

/// How an answer is lost after the request took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    Status(u16),
    Drop,
}

/// A script with what it has done so far.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<Armed>);

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    fitting: u64,
    hits: u64,
    /// The body of the first request that was hit, for `repeat_page`.
    page: Option<Vec<u8>>,
}

impl Script {
    pub(crate) fn new(rules: Vec<FaultRule>) -> Script {
        let mut script = Script::default();
        script.add(rules);
        script
    }

    pub(crate) fn add(&mut self, rules: Vec<FaultRule>) {
        self.0.extend(rules.into_iter().map(|rule| Armed { rule, fitting: 0, hits: 0, page: None }));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to this request: the fault of the first rule that hits it, and the place of that rule. Every rule
    /// that fits counts it.
    pub(crate) fn hit(&mut self, method: &Method, path: &str) -> Option<(usize, Fault)> {
        let mut hit = None;
        for (at, armed) in self.0.iter_mut().enumerate() {
            if !armed.rule.fits(method, path) {
                continue;
            }
            armed.fitting += 1;
            if hit.is_none() && armed.rule.acts(armed.fitting, armed.hits) {
                armed.hits += 1;
                hit = Some((at, armed.rule.fault.clone()));
            }
        }
        hit
    }

    /// The page that rule `at` repeats; `fresh` when it has none yet.
    pub(crate) fn repeated(&mut self, at: usize, fresh: &[u8]) -> Vec<u8> {
        match self.0.get_mut(at) {
            Some(armed) => armed.page.get_or_insert_with(|| fresh.to_vec()).clone(),
            None => fresh.to_vec(),
        }
    }

    /// Every rule as it was given, with how often it fitted and acted.
    pub(crate) fn describe(&self) -> Value {
        let rules = self.0.iter().map(|armed| {
            serde_json::json!({"rule": armed.rule.given, "fitting": armed.fitting, "hits": armed.hits})
        });
        Value::Array(rules.collect())
    }
}

impl FaultRule {
    fn fits(&self, method: &Method, path: &str) -> bool {
        self.matcher.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.matcher.path.as_ref().is_none_or(|wanted| path_fits(wanted, path))
    }

    fn acts(&self, fitting: u64, hits: u64) -> bool {
        let matcher = &self.matcher;
        let drawn = mix(self.seed, const { salt("fault") }, fitting) >> 11;
        matcher.times.is_none_or(|times| hits < times)
            && matcher.nth.as_ref().is_none_or(|nth| nth.contains(&fitting))
            && matcher.every.is_none_or(|every| fitting.is_multiple_of(every))
            && matcher.probability.is_none_or(|share| (drawn as f64) < share * (1u64 << 53) as f64)
    }
}

/// Whether `path` starts with `wanted` up to a slash, or fits it as a pattern with `*`.
fn path_fits(wanted: &str, path: &str) -> bool {
    let Some((head, rest)) = wanted.split_once('*') else {
        let wanted = wanted.trim_end_matches('/');
        return path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    };
    let Some(mut left) = path.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn script(rule: Value) -> Script {
        Script::new(FaultRule::read(&rule).unwrap())
    }

    #[test]
    fn paths_fit_by_segment_or_pattern() {
        for (wanted, path, fits) in [
            ("/api/3/contacts", "/api/3/contacts", true),
            ("/api/3/contacts", "/api/3/contacts/7", true),
            ("/api/3/contact", "/api/3/contacts", false),
            ("/api/3/*", "/api/3/contacts", true),
            ("/api/3/contacts/*/contactTags", "/api/3/contacts/7/contactTags", true),
            ("/api/3/contacts/*/contactTags", "/api/3/contacts/7/contactLists", false),
        ] {
            assert_eq!(path_fits(wanted, path), fits, "{wanted} {path}");
        }
    }

    #[test]
    fn named_calls_are_hit_and_no_others() {
        let mut script = script(json!({"match": {"nth": [2, 4], "times": 1}, "fault": {"drop": true}}));
        let hits: Vec<bool> = (0..5).map(|_| script.hit(&Method::GET, "/x").is_some()).collect();
        assert_eq!(hits, [false, true, false, false, false]);
    }

    #[test]
    fn probability_repeats_under_the_same_seed() {
        let run = |seed: u64| -> Vec<bool> {
            let mut script =
                script(json!({"match": {"probability": 0.3}, "seed": seed, "fault": {"hang": true}}));
            (0..1000).map(|_| script.hit(&Method::GET, "/x").is_some()).collect()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).into_iter().filter(|hit| *hit).count();
        assert!((230..370).contains(&hits), "{hits}");
    }
}
