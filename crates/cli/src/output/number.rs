//! Numbers and spans as people read them.

use std::time::Duration;

/// `48210` as `48,210`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `4.2 s`, `1 min 30 s`, `2 h 05 min`.
pub fn duration(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).map_or(u64::MAX, |span| span.as_secs());
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{} s", seconds.round()),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `at 4 requests/s`, `without a limit`.
pub fn per_second(pace: Option<f64>) -> String {
    match pace {
        Some(pace) => format!("at {} requests/s", (pace * 10.0).round() / 10.0),
        None => "without a limit on requests".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{count, duration, per_second};

    #[test]
    fn numbers_are_grouped_and_spans_named() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        for (seconds, text) in
            [(0.04, "0.0 s"), (4.26, "4.3 s"), (42.4, "42 s"), (90.0, "1 min 30 s"), (7500.0, "2 h 05 min")]
        {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(per_second(Some(4.9)), "at 4.9 requests/s");
    }
}
