//! Instants as databases spell them.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// An instant in any of the spellings a column may hold: RFC 3339, a blank instead of `T`, an offset of hours only,
/// no offset (UTC), or a day (its midnight, UTC).
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    if let Ok(day) = text.parse::<Date>()
        && text.len() <= "2026-01-01".len()
    {
        return day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp());
    }
    let civil: DateTime = text.parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]+00:00`: readable, and in the order of time where it is compared as text.
pub(crate) fn sortable(instant: Timestamp) -> String {
    let civil = instant.to_zoned(TimeZone::UTC).datetime();
    let format = if civil.subsec_nanosecond() == 0 {
        "%Y-%m-%d %H:%M:%S+00:00"
    } else {
        "%Y-%m-%d %H:%M:%S.%6f+00:00"
    };
    civil.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_the_same_instant() {
        let noon: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a literal");
        let spellings = [
            "2026-03-01T12:00:00Z",
            "2026-03-01 12:00:00+00:00",
            "2026-03-01 12:00:00+00",
            "2026-03-01T06:00:00-06:00",
            "2026-03-01 12:00:00",
            " 2026-03-01 12:00:00.000000 ",
        ];
        for spelling in spellings {
            assert_eq!(parse(spelling), Some(noon), "{spelling}");
        }
        assert_eq!(parse("2026-03-01"), Some("2026-03-01T00:00:00Z".parse().expect("a literal")));
        assert_eq!(parse("soon"), None);
    }

    #[test]
    fn sortable_text_reads_back_exactly() {
        for text in ["2026-03-01T12:00:00Z", "1999-12-31T23:59:59.000001Z"] {
            let instant: Timestamp = text.parse().expect("a literal");
            assert_eq!(parse(&sortable(instant)), Some(instant));
        }
        assert_eq!(sortable("2026-03-01T12:00:00Z".parse().expect("a literal")), "2026-03-01 12:00:00+00:00");
    }
}
