//! What both stores take for a budget: slots in whole microseconds, and figures that can be reckoned with.

use achub_core::{Code, Error, port::budget::HORIZON};
use jiff::Timestamp;

/// A slot's length in microseconds, known to be from 0 to [`HORIZON`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interval(i64);

impl Interval {
    pub(crate) fn new(interval_us: i64) -> Result<Interval, Error> {
        if (0..=horizon_us()).contains(&interval_us) {
            return Ok(Interval(interval_us));
        }
        let message = format!("cannot reserve a slot of {interval_us} µs: it must be from 0 to {HORIZON}");
        Err(Error::new(Code::Bug, message))
    }

    pub(crate) fn as_micros(self) -> i64 {
        self.0
    }
}

/// [`HORIZON`] in microseconds.
pub(crate) fn horizon_us() -> i64 {
    i64::try_from(HORIZON.as_micros()).expect("an hour fits")
}

/// Microseconds since 1970, rounded up: a slot must not begin before the moment it was asked for.
pub(crate) fn ceil_us(moment: Timestamp) -> i64 {
    let micros = (moment.as_nanosecond() + 999).div_euclid(1_000);
    i64::try_from(micros).expect("jiff's years -9999 to 9999 fit into 64 bits of microseconds")
}

/// Refuses figures that would make every later pace senseless: a budget row outlives the process that wrote it.
pub(crate) fn check_learnt(limit: Option<f64>, slowdown: f64) -> Result<(), Error> {
    let is_usable = |figure: f64| figure.is_finite() && figure > 0.0;
    if is_usable(slowdown) && limit.is_none_or(is_usable) {
        return Ok(());
    }
    Err(Error::new(Code::Bug, format!("cannot remember the limit {limit:?} with a slowdown of {slowdown}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rounded_up_to_microseconds() {
        for (nanos, micros) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (-1, 0), (-1_000, -1)] {
            let moment = Timestamp::from_nanosecond(nanos).unwrap();
            assert_eq!(ceil_us(moment), micros, "{nanos} ns");
        }
        assert!(ceil_us(Timestamp::MAX) > ceil_us(Timestamp::MIN));
    }

    #[test]
    fn intervals_outside_the_horizon_are_refused() {
        for interval_us in [-1, horizon_us() + 1, i64::MAX, i64::MIN] {
            assert_eq!(Interval::new(interval_us).unwrap_err().code(), Code::Bug, "{interval_us}");
        }
        assert_eq!(Interval::new(204_082).unwrap().as_micros(), 204_082);
    }
}
