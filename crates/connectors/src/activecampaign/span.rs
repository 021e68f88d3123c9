//! The stretch of time a walk reads.

use achub_api::stream::{Matching, Stream};
use achub_core::planted::{self, Bug};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::activecampaign::pages::Query;

/// Records changed at or after `since` and before `until`, by their stream's cursor field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// `None`: from the beginning.
    pub(super) since: Option<Timestamp>,
    /// `None`: until now.
    pub(super) until: Option<Timestamp>,
}

impl Span {
    /// Whether it is all of time.
    pub(super) fn is_everything(self) -> bool {
        self == Span::default()
    }

    /// Parameters by which the server narrows `stream` to this span, as far as it has them. What it lacks is left out
    /// after reading.
    pub(super) fn filters(self, stream: &Stream) -> Query {
        let Some(cursor) = stream.cursor else { return Query::new() };
        let before = stream.filters.iter().find(|filter| filter.matching == Matching::Before(cursor.field));
        let since = self.since.map(just_before);
        let since = since.zip(cursor.filter).map(|(time, name)| (name, spelled(time, "America/Chicago")));
        let until = self.until.zip(before).map(|(time, before)| (before.parameter, spelled(time, "UTC")));
        since.into_iter().chain(until).map(|(name, time)| (name.to_owned(), time)).collect()
    }
}

/// A second earlier. `updated_after` and `after` are read as "later than", which would leave out what changed in the very
/// second a span begins with; records older than the span are left out after reading.
fn just_before(time: Timestamp) -> Timestamp {
    if planted::is_planted(Bug::AfterInsteadOfFrom) {
        return time;
    }
    time.checked_sub(SignedDuration::from_secs(1)).unwrap_or(time)
}

/// A moment on the wall clock of `zone`, with its offset.
///
/// It is not known whether the server honours the offset of a filter's value, compares it with its own wall clock, which
/// is US Central, or takes it as UTC. The beginning of a span is written in Central time and its end in UTC: then each
/// reading selects the records of the span or more of them.
/// Source: `filters[updated_after]` in the vendor's reference; offsets of recorded answers.
fn spelled(time: Timestamp, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    time.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    use achub_api::streams;

    use super::Span;

    #[test]
    fn streams_are_narrowed_by_what_they_have() {
        let moment = |text: &str| Some(text.parse().expect("a timestamp"));
        let span = Span { since: moment("2026-01-02T06:00:00Z"), until: moment("2026-07-02T05:00:00Z") };
        let parameters = |stream: &str| {
            let stream = streams::find(stream).expect("a known stream");
            let filters = span.filters(stream);
            filters.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };

        let (since, until) = ("2026-01-01T23:59:59-06:00", "2026-07-02T05:00:00+00:00");
        let both = [format!("filters[updated_after]={since}"), format!("filters[updated_before]={until}")];
        assert_eq!(parameters("contacts"), both);
        assert_eq!(parameters("deals"), both);
        assert_eq!(parameters("activities"), [format!("after={since}")]);
        assert!(parameters("tags").is_empty());
    }
}
