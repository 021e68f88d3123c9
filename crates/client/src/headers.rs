//! What the headers of an answer say about time and budget. Nothing in them is believed without bounds.

use std::time::Duration;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// The longest the other side can make us wait in one go (rule R15).
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);
/// A higher advertised limit is a mistake: nothing this program does comes near it.
const LIMIT_MAX: f64 = 100_000.0;

/// The other side's clock, whole seconds.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(http::header::DATE)?.to_str().ok()?)
}

/// The advertised limit, requests per second.
pub(crate) fn limit(headers: &HeaderMap) -> Option<f64> {
    number(headers, "ratelimit-limit").filter(|&limit| limit > 0.0 && limit <= LIMIT_MAX)
}

/// How many more requests would have been taken when the answer was made.
pub(crate) fn remaining(headers: &HeaderMap) -> Option<f64> {
    number(headers, "ratelimit-remaining").filter(|&remaining| remaining >= 0.0)
}

/// `Retry-After` as sent.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::RETRY_AFTER)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// How long to wait as `said`: seconds, or a date compared with `now`. `None` where that makes no sense.
pub(crate) fn told_wait(said: Option<&str>, now: Timestamp) -> Option<Duration> {
    let told = said.and_then(|said| seconds(said).or_else(|| seconds_until(said, now)));
    told.map(|told| told.min(RETRY_AFTER_MAX))
}

fn seconds(said: &str) -> Option<Duration> {
    let seconds: f64 = said.trim().parse().ok()?;
    // Rounded up, so that the wait is never too short.
    (seconds.is_finite() && seconds > 0.0).then(|| Duration::from_secs(seconds.ceil() as u64))
}

fn seconds_until(said: &str, now: Timestamp) -> Option<Duration> {
    let wait = http_date(said)?.duration_since(now);
    (wait > SignedDuration::ZERO).then(|| wait.unsigned_abs())
}

fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// The first number of a header; newer drafts of the rate limit headers put parameters behind it.
fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    let text = headers.get(name)?.to_str().ok()?;
    let first = text.split([',', ';']).next().unwrap_or(text).trim();
    first.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::told_wait;

    /// C-03, SL-42: what `Retry-After` says is between one second and fifteen minutes, or is as good as not there.
    #[test]
    fn absurd_retry_after_is_no_wait() {
        let now = "2026-11-20T20:00:00Z".parse().unwrap();
        let cases: &[(Option<&str>, Option<u64>)] = &[
            (Some("1"), Some(1)),
            (Some(" 2 "), Some(2)),
            (Some("1.2"), Some(2)),
            (Some("0.1"), Some(1)),
            (Some("60"), Some(60)),
            (Some("899"), Some(899)),
            (Some("901"), Some(900)),
            (Some("1000000000"), Some(900)),
            (Some("99999999999999999999999999"), Some(900)),
            (Some("0"), None),
            (Some("-5"), None),
            (Some("NaN"), None),
            (Some("inf"), None),
            (Some("soon"), None),
            (Some(""), None),
            (None, None),
            (Some("Fri, 20 Nov 2026 20:00:30 GMT"), Some(30)),
            (Some("Fri, 20 Nov 2026 23:00:00 GMT"), Some(900)),
            (Some("Fri, 20 Nov 2026 19:00:00 GMT"), None),
        ];
        for &(said, expected_s) in cases {
            assert_eq!(told_wait(said, now), expected_s.map(Duration::from_secs), "{said:?}");
        }
    }
}
