//! Schedules as lines and as keys.

use achub_core::Code;
use proptest::prelude::*;

use super::{at, schedule};
use crate::schedule::{Days, Form, Missed, Schedule};

#[test]
fn lines_and_keys_mean_the_same() {
    let berlin = || Some("Europe/Berlin".to_owned());
    let text = |text: &str| Some(text.to_owned());
    for (line, form) in [
        ("every 2 hours", Form { every: text("2 hours"), ..Form::default() }),
        ("every hour", Form { every: text("1 hour"), ..Form::default() }),
        ("EVERY 15min", Form { every: text("15 minutes"), ..Form::default() }),
        ("daily at 6:10 in europe/berlin", Form { at: text("06:10"), zone: berlin(), ..Form::default() }),
        (
            "weekly on Mon and fri at 06:10 in Europe/Berlin, missed: skip",
            Form {
                at: text("06:10"),
                on: Some(Days::Several(vec!["monday".to_owned(), "friday".to_owned()])),
                zone: berlin(),
                missed: text("skip"),
                ..Form::default()
            },
        ),
        (
            "cron 10 6 * * 1-5 in Europe/Berlin",
            Form { cron: text("10 6 * * 1-5"), zone: berlin(), ..Form::default() },
        ),
        ("@daily", Form { cron: text("@daily"), ..Form::default() }),
    ] {
        let (from_line, from_form) = (schedule(line), Schedule::from_form(&form).unwrap());
        assert_eq!(from_line, from_form, "{line}");
        assert_eq!(schedule(&from_line.to_string()), from_line, "{from_line}");
        assert_eq!(Schedule::from_json(&from_line.to_json()).unwrap(), from_line, "{line}");
    }
    assert_eq!(schedule("every hour, missed: skip").missed(), Missed::Skip);
    assert_eq!(schedule("every hour").missed(), Missed::Once);
}

/// AB-69: any interval or cron, from an hour to above a day.
#[test]
fn keys_of_the_project_file_are_read() {
    let form: Form =
        serde_json::from_str(r#"{"at": "06:10", "zone": "Europe/Berlin", "on": "monday"}"#).unwrap();
    let next = Schedule::from_form(&form).unwrap().next(at("2026-03-01T00:00:00Z"));

    assert_eq!(next, Some(at("2026-03-02T05:10:00Z")));
    assert!(serde_json::from_str::<Form>(r#"{"evry": "2 hours"}"#).is_err());
}

/// Examples of the page, in lines and in keys.
#[test]
fn examples_of_the_page_are_read() {
    let page = include_str!("../../../../../docs/schedules.md");
    let block = |kind: &str| -> Vec<String> {
        let (_, rest) = page.split_once(&format!("```{kind}\n")).expect("a block");
        let (block, _) = rest.split_once("```").expect("its end");
        block.lines().map(str::to_owned).collect()
    };
    let lines = block("schedule");
    assert_eq!(lines.len(), 8);
    lines.iter().for_each(|line| drop(schedule(line)));
    for key in ["every", "from", "at", "on", "cron", "zone", "missed"] {
        assert!(page.contains(&format!("| `{key}` |")), "{key} is not explained");
    }
    for (yaml, json) in [
        ("{ every: 2 hours }", r#"{"every": "2 hours"}"#),
        (r#"{ at: "06:10", zone: Europe/Berlin }"#, r#"{"at": "06:10", "zone": "Europe/Berlin"}"#),
        (
            r#"{ at: "06:10", on: [monday, friday], zone: Europe/Berlin, missed: skip }"#,
            r#"{"at": "06:10", "on": ["monday", "friday"], "zone": "Europe/Berlin", "missed": "skip"}"#,
        ),
        (
            r#"{ cron: "10 6 * * 1-5", zone: Europe/Berlin }"#,
            r#"{"cron": "10 6 * * 1-5", "zone": "Europe/Berlin"}"#,
        ),
    ] {
        assert!(block("yaml").iter().any(|line| line == yaml), "{yaml}");
        let form: Form = serde_json::from_str(json).unwrap();
        Schedule::from_form(&form).unwrap_or_else(|error| panic!("{yaml}: {error}"));
    }
    assert_eq!(block("yaml").len(), 4);
}

#[test]
fn faults_of_lines_name_what_is_wrong() {
    for (line, expected) in [
        ("hourly", "it begins with \"hourly\"; write every 2 hours, daily at 06:10"),
        ("", "it begins with \"\""),
        ("every 0 minutes", "an interval of nothing would never start anything"),
        ("every 2 days", "an interval is in minutes or hours; for days write `at`"),
        ("every 2 fortnights", "got \"fortnight\""),
        ("every 2", "minutes or hours are missing behind \"2\""),
        ("every 99999 hours", "is longer than a year"),
        ("every 99999999999999999999 hours", "is too large"),
        ("every 2 hours from noon", "from: \"noon\" is not a moment such as"),
        ("daily at 25:10", "at: \"25:10\" is not a time of day such as 06:10"),
        ("daily at 6", "at: \"6\" is not a time of day"),
        ("daily at 06:10 in Europe/Berln", "zone: there is no time zone \"Europe/Berln\""),
        ("weekly on monday", "weekly needs a time"),
        ("weekly on mo at 06:10", "on: \"mo\" is not a day of the week such as monday"),
        ("weekly on at 06:10", "on: \"on\" is not a day of the week"),
        ("daily at 06:10, missed: twice", "missed is once or skip, got \"twice\""),
        ("cron 10 6 * *", "has 5 fields (minute hour day month weekday), this one has 4"),
        ("cron 0 10 6 * * *", "this one has 6; seconds and years are not among them"),
        ("cron 60 * * * *", "minute \"60\": 60 is not between 0 and 59"),
        ("cron */90 * * * *", "a step of 90 goes beyond 60 minutes; for an interval write: every 90 minutes"),
        ("cron */0 * * * *", "a step of nothing"),
        ("cron 0 22-2 * * *", "it goes backwards; write 22-23,0-2"),
        ("cron 0 0 L * *", "day of the month \"L\": a number was expected, got \"L\""),
        ("cron 0 0 * foo *", "a number or one of jan, feb"),
        ("cron @fortnightly", "there is no @fortnightly, there are @hourly"),
    ] {
        let error = Schedule::parse(line).expect_err(line);
        assert_eq!(error.code(), Code::BadSchedule, "{line}");
        assert!(error.message().contains(expected), "{line}: {}", error.message());
    }
}

#[test]
fn cron_that_never_fires_is_refused() {
    for (cron, why) in [
        ("0 0 30 2 *", "it would never start anything: day 30 is not in feb"),
        ("0 0 31 4,6,9,11 *", "day 31 is not in apr, jun, sep, nov"),
        ("0 0 31 2 */1", "day 31 is not in feb"),
    ] {
        let error = Schedule::parse(&format!("cron {cron}")).expect_err(cron);
        assert_eq!(error.code(), Code::BadSchedule);
        assert!(error.message().contains(why), "{}", error.message());
    }
}

#[test]
fn keys_that_do_not_go_together_are_refused() {
    for (json, expected) in [
        (r#"{}"#, "one of every, at and cron is missing"),
        (r#"{"every": "1 hour", "cron": "* * * * *"}"#, "only one of every, at and cron may be there"),
        (r#"{"every": "1 hour", "zone": "UTC"}"#, "zone does not go with every"),
        (r#"{"at": "06:10", "from": "2026-01-01T00:00:00Z"}"#, "from does not go with at"),
        (r#"{"cron": "* * * * *", "on": "monday"}"#, "on does not go with cron"),
        (r#"{"at": "06:10", "on": []}"#, "on: no day of the week is named"),
    ] {
        let form: Form = serde_json::from_str(json).unwrap();
        let error = Schedule::from_form(&form).expect_err(json);
        assert!(error.message().contains(expected), "{json}: {}", error.message());
    }
}

proptest! {
    #[test]
    fn no_line_makes_the_reader_fall(line in "(every|daily|weekly|cron|@)?[ -~é]{0,30}(, ?missed[ -~]{0,8})?") {
        match Schedule::parse(&line) {
            Ok(read) => prop_assert_eq!(schedule(&read.to_string()), read),
            Err(error) => prop_assert_eq!(error.code(), Code::BadSchedule),
        }
    }

    #[test]
    fn crons_of_random_fields_are_read_or_refused(fields in prop::collection::vec("[*0-9a-z,/-]{1,6}", 5)) {
        let line = format!("cron {}", fields.join(" "));
        if let Ok(read) = Schedule::parse(&line) {
            let first = read.next(at("2026-01-01T00:00:00Z"));
            prop_assert!(first.is_some(), "{line} was taken and never fires");
        }
    }
}
