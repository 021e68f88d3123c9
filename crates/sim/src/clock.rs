//! The account's wall clock and the spellings of time it uses.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::Instant;

/// US Central since 2007. A rule rather than the zone database, which a bare machine may not have.
const CENTRAL: &str = "CST6CDT,M3.2.0,M11.1.0";

/// The account's wall clock: a start, plus the time that passed on tokio's clock, plus an offset a fault may set.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    start: Timestamp,
    began: Instant,
    offset: SignedDuration,
}

impl Clock {
    pub(crate) fn new(start: Timestamp) -> Clock {
        Clock { start, began: Instant::now(), offset: SignedDuration::ZERO }
    }

    /// Puts the clock wrong by `offset` from now on.
    pub(crate) fn set_offset(&mut self, offset: SignedDuration) {
        self.offset = offset;
    }

    /// The account's now, in whole seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.at(Instant::now())
    }

    /// What the account's clock showed at `instant`, in whole seconds since 1970.
    pub(crate) fn at(&self, instant: Instant) -> i64 {
        let passed = instant.saturating_duration_since(self.began).as_secs() as i64;
        let seconds = self.start.as_second() + passed + self.offset.as_secs();
        seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second())
    }
}

/// Formats moments; holds the zone so that a page does not parse its rule a thousand times.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    pub(crate) fn central() -> Zone {
        Zone(TimeZone::posix(CENTRAL).expect("the rule is a constant and well formed"))
    }

    /// `2026-05-28T03:05:54-05:00`.
    pub(crate) fn push_iso(&self, out: &mut Vec<u8>, second: i64) {
        let stamp = timestamp(second);
        let offset = self.0.to_offset(stamp);
        push_civil(out, offset.to_datetime(stamp), b'T');
        let minutes = offset.seconds() / 60;
        out.push(if minutes < 0 { b'-' } else { b'+' });
        push_two(out, (minutes.abs() / 60) as u32);
        out.push(b':');
        push_two(out, (minutes.abs() % 60) as u32);
    }

    /// `2026-05-28 03:05:54`, the same wall clock without saying so.
    pub(crate) fn push_wall(&self, out: &mut Vec<u8>, second: i64) {
        let stamp = timestamp(second);
        push_civil(out, self.0.to_datetime(stamp), b' ');
    }

    /// `2026-05-28`.
    pub(crate) fn push_day(&self, out: &mut Vec<u8>, second: i64) {
        push_date(out, self.0.to_datetime(timestamp(second)).date());
    }

    /// [`Zone::push_iso`] as a string.
    pub(crate) fn iso(&self, second: i64) -> String {
        text(|out| self.push_iso(out, second))
    }

    /// [`Zone::push_wall`] as a string.
    pub(crate) fn wall(&self, second: i64) -> String {
        text(|out| self.push_wall(out, second))
    }

    /// The moment a caller's spelling of a date or time means. A spelling without a zone is taken on this wall clock.
    pub(crate) fn parse(&self, spelled: &str) -> Option<i64> {
        let spelled = spelled.trim();
        if let Ok(stamp) = spelled.parse::<Timestamp>() {
            return Some(stamp.as_second());
        }
        // In a query string an unencoded plus sign arrives as a space.
        if let Some(stamp) = spelled
            .rsplit_once(' ')
            .and_then(|(left, right)| format!("{left}+{right}").parse::<Timestamp>().ok())
        {
            return Some(stamp.as_second());
        }
        let local = spelled.trim_end_matches('Z');
        let civil = local
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| {
                local.parse::<jiff::civil::Date>().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
            })
            .ok()?;
        // The first and last days of the calendar lie outside what a timestamp holds; clients ask for them to say "never".
        let edge = if civil.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
        Some(self.0.to_ambiguous_timestamp(civil).compatible().unwrap_or(edge).as_second())
    }
}

/// `2026-05-28T08:05:54+00:00`.
pub(crate) fn push_utc(out: &mut Vec<u8>, second: i64) {
    push_civil(out, jiff::tz::Offset::UTC.to_datetime(timestamp(second)), b'T');
    out.extend_from_slice(b"+00:00");
}

/// The `Date` header of an answer.
pub(crate) fn http_date(second: i64) -> String {
    timestamp(second).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second()))
        .expect("clamped to the range of timestamps")
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(25);
    write(&mut out);
    String::from_utf8(out).expect("times are written in ASCII")
}

fn push_civil(out: &mut Vec<u8>, civil: jiff::civil::DateTime, between: u8) {
    push_date(out, civil.date());
    out.push(between);
    push_two(out, civil.hour() as u32);
    out.push(b':');
    push_two(out, civil.minute() as u32);
    out.push(b':');
    push_two(out, civil.second() as u32);
}

fn push_date(out: &mut Vec<u8>, date: jiff::civil::Date) {
    let year = date.year().clamp(0, 9999) as u32;
    push_two(out, year / 100);
    push_two(out, year % 100);
    out.push(b'-');
    push_two(out, date.month() as u32);
    out.push(b'-');
    push_two(out, date.day() as u32);
}

fn push_two(out: &mut Vec<u8>, number: u32) {
    out.push(b'0' + (number / 10) as u8);
    out.push(b'0' + (number % 10) as u8);
}

#[cfg(test)]
mod tests {
    use super::Zone;

    #[test]
    fn summer_and_winter_have_their_offsets() {
        let zone = Zone::central();
        assert_eq!(zone.iso(1_779_955_554), "2026-05-28T03:05:54-05:00");
        assert_eq!(zone.iso(1_769_592_354), "2026-01-28T03:25:54-06:00");
        assert_eq!(zone.wall(1_779_955_554), "2026-05-28 03:05:54");
    }

    #[test]
    fn spellings_of_running_clients_are_understood() {
        let zone = Zone::central();
        let midnight = zone.parse("2026-05-28").unwrap();
        for same in [
            "2026-05-28T00:00:00",
            "2026-05-28 00:00:00",
            "2026-05-28T05:00:00Z",
            "2026-05-28T05:00:00.000Z",
            "2026-05-28T00:00:00-05:00",
            "2026-05-28T07:00:00 02:00",
        ] {
            assert_eq!(zone.parse(same), Some(midnight), "{same}");
        }
        assert_eq!(zone.parse("soon"), None);
    }

    #[test]
    fn last_day_of_all_times_is_a_time() {
        let zone = Zone::central();
        let new_year = zone.parse("9999-01-01").unwrap();
        for late in ["9999-12-31", "9999-12-31 23:59:59", "9999-12-31T23:59:59-06:00", "9999-12-31T23:59:59Z"]
        {
            assert!(zone.parse(late).is_some_and(|at| at > new_year), "{late}");
        }
    }
}
