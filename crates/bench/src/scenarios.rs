//! All scenarios, and the bars the product is held to; a missed bar is printed, not hidden.

use crate::{
    scenario::{Account, Bar, Measured, Scenario, Work},
    target::Place,
    work::{again::Again, churn::Churn},
};

/// As fast as it goes.
const UNLIMITED: Account = Account {
    contacts: 10_000,
    arguments: &["--rate", "off"],
    switches: None,
    inputs: "requests_per_second: off",
};

/// The same, read only as the vendor documents it.
const DOCUMENTED: Account = Account { inputs: "requests_per_second: off, reading: documented", ..UNLIMITED };

/// As ActiveCampaign answers: 5 requests a second, and a page takes its time.
const PACED: Account = Account {
    contacts: 2_000,
    arguments: &["--rate", "5", "--latency", "300"],
    switches: None,
    inputs: "requests_per_second: 4.9",
};

/// The same, with what a page costs for each of its rows.
const PACED_BY_ROW: Account =
    Account { contacts: 100_000, arguments: &["--rate", "5", "--latency", "300+0.5"], ..PACED };

const fn bar(what: &'static str, of: fn(&Measured) -> f64, most: f64) -> Bar {
    Bar { what, of, most }
}

const fn requests(most: f64) -> Bar {
    bar("requests", |run| run.requests.total as f64, most)
}

const fn seconds(most: f64) -> Bar {
    bar("seconds", |run| run.usage.seconds, most)
}

const fn peak_mib(most: f64) -> Bar {
    bar("peak MiB", |run| run.usage.peak_mib, most)
}

const fn found(what: &'static str, most: f64) -> Bar {
    bar(what, |run| run.found.value(), most)
}

const CPU: Bar = bar("cpu seconds", |run| run.usage.cpu_seconds, 3.0);
const REFUSALS: Bar = bar("answers 429", |run| run.requests.refusals as f64, 3.0);
const WORST_SECOND: Bar = bar("most in one second", |run| run.requests.most_in_a_second as f64, 5.0);
const SPEED: Bar = bar("µs a row", |run| run.usage.seconds * 1e6 / run.rows as f64, 1e6 / 60_000.0);

/// What of the pace was not used while there was work, read the documented way: until the last request was sent, whose answer, a page of 100
/// contacts with what comes along, takes 300 ms and 0.5 ms for each of its 1,600 rows.
const UNUSED: Bar = bar(
    "share of the budget left unused, %",
    |run| 100.0 * (1.0 - run.requests.total as f64 / 4.9 / (run.usage.seconds - 1.1)),
    5.0,
);

/// Pages that may be read again after a kill: 2 requests in flight where there is no pace, 1 page in the reader's hand, 2
/// that wait, and the 4 of a commit that did not come to its end.
const PAGES_IN_FLIGHT: f64 = 9.0;

/// In the order of the table.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "10,000 contacts into PostgreSQL",
        is_long: false,
        account: UNLIMITED,
        into: Place::Postgres,
        work: Work::First,
        bars: &[requests(62.0), seconds(4.0), CPU, peak_mib(64.0)],
    },
    Scenario {
        name: "10,000 contacts into SQLite",
        is_long: false,
        account: UNLIMITED,
        into: Place::Sqlite,
        work: Work::First,
        bars: &[requests(62.0), seconds(4.0), CPU, peak_mib(64.0)],
    },
    Scenario {
        name: "10,000 contacts, the documented way",
        is_long: false,
        account: DOCUMENTED,
        into: Place::Postgres,
        work: Work::First,
        bars: &[requests(128.0), seconds(4.0), CPU, peak_mib(64.0)],
    },
    Scenario {
        name: "2,000 contacts at 5/s, 300 ms",
        is_long: false,
        account: PACED,
        into: Place::Postgres,
        work: Work::First,
        bars: &[seconds(14.0), REFUSALS, WORST_SECOND],
    },
    Scenario {
        name: "10,000 contacts at 5/s, 300 ms + 0.5 ms a row",
        is_long: false,
        account: Account {
            contacts: 10_000,
            inputs: "requests_per_second: 4.9, reading: documented",
            ..PACED_BY_ROW
        },
        into: Place::Postgres,
        work: Work::First,
        bars: &[UNUSED, REFUSALS, WORST_SECOND],
    },
    Scenario {
        name: "2,000 contacts again, nothing changed",
        is_long: false,
        account: PACED,
        into: Place::Postgres,
        work: Work::Again(Again { changes: &[], flags: &[] }),
        bars: &[requests(15.0)],
    },
    Scenario {
        name: "2,000 again, 20 changed, 100 deleted, full check",
        is_long: false,
        account: PACED,
        into: Place::Postgres,
        work: Work::Again(Again {
            changes: &[r#"{"collection": "contacts", "change": 20, "delete": 100}"#],
            flags: &["--full-check"],
        }),
        bars: &[requests(40.0)],
    },
    Scenario {
        name: "2,000 contacts again, 20 changed, 100 deleted",
        is_long: false,
        account: PACED,
        into: Place::Postgres,
        work: Work::Again(Again {
            changes: &[r#"{"collection": "contacts", "change": 20, "delete": 100}"#],
            flags: &[],
        }),
        bars: &[requests(40.0)],
    },
    Scenario {
        name: "records moving between pages",
        is_long: false,
        account: Account { contacts: 5_000, ..UNLIMITED },
        into: Place::Postgres,
        work: Work::Churn(Churn {
            standing: &[
                r#"{"collection": "contacts", "create": 3, "change": 5, "delete": 5, "between_pages": true}"#,
                r#"{"collection": "deals", "create": 3, "change": 5, "delete": 10, "between_pages": true}"#,
            ],
            compared: &["contacts", "contact_tags", "contact_lists", "field_values", "deals"],
        }),
        bars: &[found("records lost", 0.0)],
    },
    Scenario {
        name: "10,000 contacts, killed half way",
        is_long: false,
        account: Account { arguments: &["--rate", "off", "--latency", "20"], ..DOCUMENTED },
        into: Place::Postgres,
        work: Work::Killed,
        bars: &[found("requests repeated", PAGES_IN_FLIGHT)],
    },
    Scenario {
        name: "100,000 contacts at 5/s, 300 ms + 0.5 ms a row",
        is_long: true,
        account: PACED_BY_ROW,
        into: Place::Postgres,
        work: Work::First,
        bars: &[seconds(260.0), REFUSALS, WORST_SECOND],
    },
    Scenario {
        name: "1,000,000 contacts into SQLite",
        is_long: true,
        account: Account { contacts: 1_000_000, ..UNLIMITED },
        into: Place::Sqlite,
        work: Work::Growth,
        bars: &[SPEED, peak_mib(256.0), found("times the seconds for twice the contacts", 2.1)],
    },
    Scenario {
        name: "1,000,000 contacts into PostgreSQL",
        is_long: true,
        account: Account { contacts: 1_000_000, ..UNLIMITED },
        into: Place::Postgres,
        work: Work::First,
        bars: &[peak_mib(256.0)],
    },
    Scenario {
        name: "1,000,000 contacts into Parquet",
        is_long: true,
        account: Account { contacts: 1_000_000, ..UNLIMITED },
        into: Place::Parquet,
        work: Work::First,
        bars: &[peak_mib(256.0)],
    },
];
