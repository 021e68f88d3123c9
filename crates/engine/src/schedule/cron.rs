//! Cron expressions of five fields: which minutes of which days they mean.

use jiff::civil::{Date, Weekday};

/// The names of months, from January.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// The names of days of the week, from Sunday, which is 0; 7 is Sunday too.
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// The most days a month has, from January, in the longest year.
const MONTH_DAYS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Names of whole expressions.
const MACROS: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Minutes of days, as sets: bit `n` stands for the value `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cron {
    pub(super) minutes: u64,
    pub(super) hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month, and days of the week, are restricted. Where both are, either is enough: the rule of
    /// crontab(5).
    restricted: (bool, bool),
}

/// A field: its name, the values it may have, and names for them.
struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    /// Names of values from `min` on.
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", min: 0, max: 59, names: &[] };
const HOUR: Field = Field { name: "hour", min: 0, max: 23, names: &[] };
const DAY: Field = Field { name: "day of the month", min: 1, max: 31, names: &[] };
const MONTH: Field = Field { name: "month", min: 1, max: 12, names: &MONTHS };
const WEEKDAY: Field = Field { name: "day of the week", min: 0, max: 7, names: &WEEKDAYS };

impl Cron {
    /// Reads `minute hour day-of-month month day-of-week`, or one of the names with `@`.
    ///
    /// Errors: what is wrong, and for an expression that never comes true why.
    pub(super) fn parse(text: &str) -> Result<Cron, String> {
        let text = text.trim();
        let text = match text.strip_prefix('@') {
            None => text,
            Some(_) => MACROS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(text))
                .map(|(_, expression)| *expression)
                .ok_or_else(|| {
                    let names: Vec<&str> = MACROS.iter().map(|(name, _)| *name).collect();
                    format!("there is no {text}, there are {}", names.join(", "))
                })?,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            let seconds = if fields.len() > 5 { "; seconds and years are not among them" } else { "" };
            return Err(format!(
                "a cron expression has 5 fields (minute hour day month weekday), this one has {}{seconds}",
                fields.len()
            ));
        };
        let weekdays = WEEKDAY.parse(weekday)?;
        let cron = Cron {
            minutes: MINUTE.parse(minute)?,
            hours: HOUR.parse(hour)?,
            days: DAY.parse(day)?,
            months: MONTH.parse(month)?,
            // Sunday is 0 and 7.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            restricted: (!day.starts_with('*'), !weekday.starts_with('*')),
        };
        match cron.never() {
            None => Ok(cron),
            Some(why) => Err(why),
        }
    }

    /// One time of day, each day, or on certain days of the week (0 is Sunday).
    pub(super) fn at(hour: i8, minute: i8, weekdays: &[Weekday]) -> Cron {
        let bit = |number: i8| 1_u64 << number;
        let on = weekdays.iter().fold(0, |set, day| set | bit(day.to_sunday_zero_offset()));
        Cron {
            minutes: bit(minute),
            hours: bit(hour),
            days: DAY.all(),
            months: MONTH.all(),
            weekdays: if on == 0 { 0x7f } else { on },
            restricted: (false, on != 0),
        }
    }

    /// Whether it means any minute of a day.
    pub(super) fn is_on(&self, date: Date) -> bool {
        let has = |set: u64, number: i8| set >> number & 1 == 1;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month())
            && match self.restricted {
                (true, true) => day || weekday,
                _ => day && weekday,
            }
    }

    /// Whether it means every hour of a day.
    pub(super) fn is_hourly(&self) -> bool {
        self.hours == HOUR.all()
    }

    /// Why it never comes true, where it never does: no month has one of its days.
    fn never(&self) -> Option<String> {
        let first = u8::try_from(self.days.trailing_zeros()).unwrap_or(DAY.max);
        let months = (1_u8..=12).filter(|month| self.months >> month & 1 == 1);
        let longest = months.clone().map(|month| MONTH_DAYS[usize::from(month) - 1]).max()?;
        if self.restricted.1 && self.restricted.0 || first <= longest {
            return None;
        }
        let names: Vec<&str> = months.map(|month| MONTHS[usize::from(month) - 1]).collect();
        Some(format!("it would never start anything: day {first} is not in {}", names.join(", ")))
    }
}

impl Field {
    fn all(&self) -> u64 {
        (self.min..=self.max).fold(0, |set, number| set | 1 << number)
    }

    fn parse(&self, text: &str) -> Result<u64, String> {
        let mut set = 0;
        for part in text.split(',') {
            set |= self.part(part).map_err(|why| format!("{} {part:?}: {why}", self.name))?;
        }
        Ok(set)
    }

    /// `*`, `n`, `n-m`, each with or without `/step`; `n/step` goes on to the end.
    fn part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (from, to) = if range == "*" {
            (self.min, self.last())
        } else if let Some((from, to)) = range.split_once('-') {
            (self.number(from)?, self.number(to)?)
        } else {
            let number = self.number(range)?;
            (number, if step.is_some() { self.last().max(number) } else { number })
        };
        if from > to {
            return Err(format!("it goes backwards; write {from}-{},{}-{to}", self.last(), self.min));
        }
        Ok((from..=to).step_by(usize::from(step.unwrap_or(1))).fold(0, |set, number| set | 1 << number))
    }

    /// The last value that `*` means: of days of the week Saturday, since Sunday is the first.
    fn last(&self) -> u8 {
        if self.max == WEEKDAY.max { WEEKDAY.max - 1 } else { self.max }
    }

    fn step(&self, text: &str) -> Result<u8, String> {
        let step = self.digits(text)?;
        let count = u16::from(self.last() - self.min) + 1;
        if step == 0 {
            return Err("a step of nothing".to_owned());
        }
        if step >= count && count > 1 {
            let hint = if self.name == MINUTE.name || self.name == HOUR.name {
                format!("; for an interval write: every {step} {}s", self.name)
            } else {
                String::new()
            };
            return Err(format!("a step of {step} goes beyond {count} {}s{hint}", self.name));
        }
        Ok(u8::try_from(step).expect("it is less than 60"))
    }

    fn number(&self, text: &str) -> Result<u8, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(place) = self.names.iter().position(|name| *name == lower) {
            return Ok(self.min + u8::try_from(place).expect("there are 12 names at most"));
        }
        let number = self.digits(text)?;
        u8::try_from(number)
            .ok()
            .filter(|number| (self.min..=self.max).contains(number))
            .ok_or_else(|| format!("{number} is not between {} and {}", self.min, self.max))
    }

    fn digits(&self, text: &str) -> Result<u16, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let names = match self.names {
                [] => String::new(),
                names => format!(" or one of {}", names.join(", ")),
            };
            return Err(format!("a number{names} was expected, got {text:?}"));
        }
        text.parse().map_err(|_| format!("{text} is too large"))
    }
}
