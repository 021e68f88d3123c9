//! The spellings of time.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// The zone in which the API writes times without an offset.
///
/// Source: `activecampaign-api.md` §4.5, recordings of three accounts, one of them with users in Europe/Berlin.
static US_CENTRAL: TimeZone = jiff::tz::get!("America/Chicago");

/// A time as the API spells it: on a wall clock, with or without the offset of that clock from UTC.
///
/// Four spellings are read: `2026-05-28T03:05:54-05:00`, `2026-05-28 03:05:54`, `2026-05-28T03:05:54Z`, and any of them
/// with a fraction of up to nine digits. A date alone is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireTime {
    wall: DateTime,
    offset: Option<Offset>,
}

impl WireTime {
    /// Reads a time; `None` where `text` is not one, zero dates included (see [`is_zero`]).
    pub fn parse(text: &str) -> Option<WireTime> {
        let bytes = text.as_bytes();
        let date = date(bytes.get(..10)?)?;
        if !matches!(bytes.get(10)?, b'T' | b' ') {
            return None;
        }
        let clock = bytes.get(11..19)?;
        let rest = &bytes[19..];
        let (nanosecond, zone) = fraction(rest)?;
        let time = clock_time(clock, nanosecond)?;
        Some(WireTime { wall: date.to_datetime(time), offset: offset(zone)? })
    }

    /// The time on its wall clock.
    pub fn wall(self) -> DateTime {
        self.wall
    }

    /// The offset that was spelt out.
    pub fn offset(self) -> Option<Offset> {
        self.offset
    }

    /// The instant; without an offset the wall clock is that of US Central.
    pub fn instant(self) -> Option<Timestamp> {
        self.instant_beside(None)
    }

    /// The instant; without an offset the wall clock is UTC.
    pub fn instant_utc(self) -> Option<Timestamp> {
        self.offset.unwrap_or(Offset::UTC).to_timestamp(self.wall).ok()
    }

    /// The instant; without an offset the wall clock is that of `twin`, a time of the same record with an offset.
    ///
    /// A twin on US Central time stands for that zone, not for its offset of that day: the two times may lie on
    /// different sides of a clock change. In the hour that the clock shows twice, the twin's offset decides.
    pub fn instant_beside(self, twin: Option<WireTime>) -> Option<Timestamp> {
        if let Some(offset) = self.offset {
            return offset.to_timestamp(self.wall).ok();
        }
        match twin.and_then(WireTime::offset) {
            Some(borrowed) if !is_central(borrowed) => borrowed.to_timestamp(self.wall).ok(),
            borrowed => central(self.wall, borrowed),
        }
    }
}

/// Whether `text` is one of the zero dates the API sends instead of null: `0000-00-00`, with or without a time.
pub fn is_zero(text: &str) -> bool {
    text.starts_with("0000-00-00")
}

/// Reads a day: `YYYY-MM-DD`, alone or followed by midnight.
pub fn parse_date(text: &str) -> Option<Date> {
    let day = date(text.as_bytes().get(..10)?)?;
    matches!(&text[10..], "" | " 00:00:00" | "T00:00:00").then_some(day)
}

fn is_central(offset: Offset) -> bool {
    matches!(offset.seconds(), -21_600 | -18_000)
}

fn central(wall: DateTime, preferred: Option<Offset>) -> Option<Timestamp> {
    let ambiguous = US_CENTRAL.to_ambiguous_timestamp(wall);
    if let (AmbiguousOffset::Fold { before, after }, Some(preferred)) = (ambiguous.offset(), preferred)
        && (preferred == before || preferred == after)
    {
        return preferred.to_timestamp(wall).ok();
    }
    ambiguous.compatible().ok()
}

fn date(bytes: &[u8]) -> Option<Date> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else { return None };
    let year = digits(&[*y1, *y2, *y3, *y4])?;
    Date::new(year.try_into().ok()?, two_digits(*m1, *m2)?, two_digits(*d1, *d2)?).ok()
}

fn clock_time(bytes: &[u8], nanosecond: i32) -> Option<Time> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = bytes else { return None };
    Time::new(two_digits(*h1, *h2)?, two_digits(*m1, *m2)?, two_digits(*s1, *s2)?, nanosecond).ok()
}

/// Nanoseconds of a fraction at the start of `rest`, and what comes after it.
fn fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let [b'.', rest @ ..] = rest else { return Some((0, rest)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 || length > 9 {
        return None;
    }
    let (fraction, zone) = rest.split_at(length);
    let value = digits(fraction)?;
    let scale = 10_u32.pow(9 - u32::try_from(length).expect("a fraction has at most nine digits"));
    Some(((value * scale).try_into().ok()?, zone))
}

/// The offset spelt in `zone`: nothing, `Z`, `±HH:MM`, `±HHMM`. The outer `None` means it is something else.
#[expect(clippy::option_option, reason = "no zone and an unreadable zone are different answers")]
fn offset(zone: &[u8]) -> Option<Option<Offset>> {
    let (sign, h1, h2, m1, m2) = match *zone {
        [] => return Some(None),
        [b'Z' | b'z'] => return Some(Some(Offset::UTC)),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, h1, h2, m1, m2),
        _ => return None,
    };
    let (hours, minutes) = (two_digits(h1, h2)?, two_digits(m1, m2)?);
    if minutes > 59 {
        return None;
    }
    let seconds = i32::from(hours) * 3_600 + i32::from(minutes) * 60;
    let seconds = match sign {
        b'+' => seconds,
        b'-' => -seconds,
        _ => return None,
    };
    Some(Some(Offset::from_seconds(seconds).ok()?))
}

fn two_digits(tens: u8, ones: u8) -> Option<i8> {
    i8::try_from(digits(&[tens, ones])?).ok()
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{WireTime, is_zero, parse_date};

    fn instant(text: &str, twin: Option<&str>) -> Option<String> {
        let twin = twin.and_then(WireTime::parse);
        Some(WireTime::parse(text)?.instant_beside(twin)?.to_string())
    }

    fn check(text: &str, utc: &str) {
        assert_eq!(instant(text, None).as_deref(), Some(utc), "{text}");
    }

    #[test]
    fn four_spellings_give_an_instant() {
        check("2026-05-28T03:05:54-05:00", "2026-05-28T08:05:54Z");
        check("2026-05-28T03:05:54+1030", "2026-05-27T16:35:54Z");
        check("2020-05-24T10:15:43+00:00", "2020-05-24T10:15:43Z");
        check("2021-04-16T16:12:22.222685095Z", "2021-04-16T16:12:22.222685095Z");
        check("2026-05-28 03:05:54", "2026-05-28T08:05:54Z");
        check("2026-01-28 03:05:54", "2026-01-28T09:05:54Z");
    }

    #[test]
    fn central_rule_before_2007_is_known() {
        check("2006-03-20 12:00:00", "2006-03-20T18:00:00Z");
        check("2008-03-20 12:00:00", "2008-03-20T17:00:00Z");
    }

    #[test]
    fn twin_in_other_season_lends_its_zone() {
        let winter = Some("2026-01-28T03:05:54-06:00");
        assert_eq!(instant("2026-05-28 03:05:54", winter).as_deref(), Some("2026-05-28T08:05:54Z"));
        let berlin = Some("2026-01-28T03:05:54+01:00");
        assert_eq!(instant("2026-01-28 03:05:54", berlin).as_deref(), Some("2026-01-28T02:05:54Z"));
    }

    #[test]
    fn twin_decides_in_repeated_hour() {
        let wall = "2026-11-01 01:30:00";
        let summer = instant(wall, Some("2026-11-01T01:30:00-05:00"));
        assert_eq!(summer.as_deref(), Some("2026-11-01T06:30:00Z"));
        let winter = instant(wall, Some("2026-11-01T01:30:00-06:00"));
        assert_eq!(winter.as_deref(), Some("2026-11-01T07:30:00Z"));
    }

    #[test]
    fn skipped_hour_is_still_an_instant() {
        check("2026-03-08 02:30:00", "2026-03-08T08:30:00Z");
    }

    #[test]
    fn utc_is_assumed_where_asked() {
        let time = WireTime::parse("2018-10-22 19:57:37").expect("it is a time");
        assert_eq!(time.instant_utc().expect("it is in range").to_string(), "2018-10-22T19:57:37Z");
    }

    #[test]
    fn other_spellings_are_no_time() {
        for text in [
            "",
            "soon",
            "2026-05-28",
            "2026-13-28T03:05:54Z",
            "2026-02-30 00:00:00",
            "2019-09-06T2:10:00-05:00",
            "2026-05-28T03:05:54-05:60",
            "2026-05-28T03:05:54 UTC",
            "2026-05-28T03:05:54.",
            "2026-05-28T03:05:5",
            "0000-00-00 00:00:00",
        ] {
            assert_eq!(WireTime::parse(text), None, "{text}");
        }
        assert!(is_zero("0000-00-00") && is_zero("0000-00-0000:00:00") && !is_zero("2026-05-28"));
    }

    #[test]
    fn day_followed_by_midnight_is_day() {
        for text in ["2026-05-28", "2026-05-28 00:00:00", "2026-05-28T00:00:00"] {
            assert_eq!(parse_date(text).expect(text).to_string(), "2026-05-28");
        }
        for text in ["2026-05-28 01:00:00", "2026-5-28", "28.05.2026", "2026-05-2é"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}") {
            let time = WireTime::parse(&text).map(|time| (time.instant(), time.instant_utc()));
            prop_assert!(time.is_none() || text.len() >= 19);
            let _ = parse_date(&text);
        }

        #[test]
        fn printed_instant_reads_back_the_same(second in -62_000_000_000_i64..253_000_000_000) {
            let instant = jiff::Timestamp::from_second(second).expect("it is in range");
            let read = WireTime::parse(&instant.to_string()).and_then(WireTime::instant);
            prop_assert!(read == Some(instant) || instant.to_string().starts_with('-'));
        }
    }
}
