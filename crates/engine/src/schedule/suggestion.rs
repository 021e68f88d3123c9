//! How often something should run: by the size of the account, and by what its runs take.

/// Up to here, exclusively, an account is small (AB-70).
const SMALL_BELOW: u64 = 10_000;
/// Up to here, inclusively, it is of medium size (AB-71).
const MEDIUM_UP_TO: u64 = 50_000;
/// The most of the account's requests that runs of one schedule should take, in percent.
const SHARE_MAX_PERCENT: f64 = 10.0;
/// Intervals that are suggested, in minutes.
const INTERVALS_MINUTES: [u32; 9] = [15, 30, 60, 120, 180, 240, 360, 720, 1_440];

/// How much an account notices of runs at the suggested interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impact {
    /// Hardly anything.
    Low,
    /// Something.
    Medium,
    /// Much, were it not so rare.
    Managed,
}

impl Impact {
    /// The word that is shown.
    pub fn word(self) -> &'static str {
        match self {
            Impact::Low => "low",
            Impact::Medium => "medium",
            Impact::Managed => "managed",
        }
    }
}

/// What runs were measured, or are expected, to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Requests of one run.
    pub requests: u64,
    /// Requests a second that the connection may send, more than zero.
    pub requests_per_second: f64,
}

impl Measured {
    /// How long a run takes at this pace, in seconds.
    pub fn run_seconds(&self) -> f64 {
        self.requests as f64 / self.requests_per_second
    }
}

/// How often something should run.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// From so many hours, by the size of the account.
    pub from_hours: u32,
    /// To so many hours.
    pub to_hours: u32,
    /// How much the account notices.
    pub impact: Impact,
    /// Our own estimate in minutes: the shortest interval at which runs take at most a tenth of the requests. `None` where
    /// nothing was measured.
    pub estimate_minutes: Option<u32>,
    /// Both, in one sentence.
    pub sentence: String,
}

/// Suggests an interval for an account of so many people (AB-70, AB-71, AB-72), beside what `measured` allows.
pub fn suggest(people: u64, measured: Option<&Measured>) -> Suggestion {
    let (from_hours, to_hours, impact) = match people {
        people if people < SMALL_BELOW => (2, 4, Impact::Low),
        people if people <= MEDIUM_UP_TO => (6, 12, Impact::Medium),
        _ => (24, 24, Impact::Managed),
    };
    let estimate_minutes = measured.map(shortest);
    let range = if from_hours == to_hours {
        format!("every {from_hours} hours")
    } else {
        format!("every {from_hours} to {to_hours} hours")
    };
    let by_size = format!("for {people} contacts {range} is usual ({} impact on the API)", impact.word());
    let sentence = match (measured, estimate_minutes) {
        (Some(measured), Some(minutes)) => format!(
            "{by_size}; a run takes {} requests, about {}, so every {} would use at most {SHARE_MAX_PERCENT} % of the account's requests",
            measured.requests,
            span(measured.run_seconds()),
            interval(minutes),
        ),
        _ => by_size,
    };
    Suggestion { from_hours, to_hours, impact, estimate_minutes, sentence }
}

/// The shortest interval at which runs take their share at most; the longest where none does.
fn shortest(measured: &Measured) -> u32 {
    let needed = measured.run_seconds() / 60.0 * 100.0 / SHARE_MAX_PERCENT;
    let fits = |minutes: &&u32| f64::from(**minutes) >= needed;
    let longest = INTERVALS_MINUTES[INTERVALS_MINUTES.len() - 1];
    INTERVALS_MINUTES.iter().find(fits).copied().unwrap_or(longest)
}

fn interval(minutes: u32) -> String {
    match minutes {
        60 => "hour".to_owned(),
        minutes if minutes % 60 == 0 => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    }
}

fn span(seconds: f64) -> String {
    if seconds < 90.0 { format!("{} s", seconds.ceil()) } else { format!("{} min", (seconds / 60.0).ceil()) }
}
