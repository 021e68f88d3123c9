//! The table, or one JSON document with the same figures and each run's own.

use serde_json::{Value, json};

use crate::{
    machine::Machine,
    scenario::{Held, Measured, Scenario, median},
};

/// Figures of the table: heading, name in JSON, value, width, and digits after the point.
struct Column {
    heading: &'static str,
    name: &'static str,
    of: fn(&Measured) -> f64,
    width: usize,
    digits: usize,
}

const COLUMNS: &[Column] = &[
    column("requests", "requests", |run| run.requests.total as f64, 9, 0),
    column("most/s", "most_in_a_second", |run| run.requests.most_in_a_second as f64, 7, 0),
    column("429s", "answers_429", |run| run.requests.refusals as f64, 5, 0),
    column("seconds", "seconds", |run| run.usage.seconds, 9, 2),
    column("cpu s", "cpu_seconds", |run| run.usage.cpu_seconds, 8, 2),
    column("peak MiB", "peak_mib", |run| run.usage.peak_mib, 9, 1),
    column("threads", "threads", |run| run.usage.threads as f64, 8, 0),
    column("files", "descriptors", |run| run.usage.descriptors as f64, 6, 0),
    column("rows", "rows", |run| run.rows as f64, 11, 0),
];

const fn column(
    heading: &'static str,
    name: &'static str,
    of: fn(&Measured) -> f64,
    width: usize,
    digits: usize,
) -> Column {
    Column { heading, name, of, width, digits }
}

/// Printed as it grows, or kept until the end where it is JSON.
pub struct Report {
    machine: Machine,
    scenarios: Option<Vec<Value>>,
    is_good: bool,
}

impl Report {
    /// Prints the head, unless the report is JSON.
    pub fn begin(machine: Machine, is_json: bool) -> Report {
        if !is_json {
            machine.lines().iter().for_each(|line| println!("{line}"));
            let headings: String =
                COLUMNS.iter().map(|column| format!("{:>1$}", column.heading, column.width)).collect();
            println!("\n{:<48}{headings}{:>7}", "scenario", "load");
        }
        Report { machine, scenarios: is_json.then(Vec::new), is_good: true }
    }

    /// Adds a scenario that was measured; `load` is the machine's before it.
    pub fn add(&mut self, scenario: &Scenario, load: f64, measured: &[Measured]) {
        let bars = scenario.held_against(measured);
        self.is_good &= bars.iter().all(Held::is_met);
        match &mut self.scenarios {
            Some(scenarios) => scenarios.push(to_json(scenario, load, measured, &bars)),
            None => print(scenario, load, measured, &bars),
        }
    }

    /// Adds a scenario that could not be measured.
    pub fn fail(&mut self, scenario: &Scenario, error: &anyhow::Error) {
        self.is_good = false;
        match &mut self.scenarios {
            Some(scenarios) => {
                scenarios.push(json!({"name": scenario.name, "error": format!("{error:#}")}));
            }
            None => println!("{:<48}  not measured: {error:#}", scenario.name),
        }
    }

    /// Prints what was kept. Tells whether everything was measured and every bar was met.
    pub fn end(self) -> bool {
        if let Some(scenarios) = self.scenarios {
            let document =
                json!({"format_version": 1, "machine": self.machine.to_json(), "scenarios": scenarios});
            println!("{document:#}");
        }
        self.is_good
    }
}

fn print(scenario: &Scenario, load: f64, measured: &[Measured], bars: &[Held]) {
    let figures: String = COLUMNS
        .iter()
        .map(|column| format!("{:>1$.2$}", median(measured, column.of), column.width, column.digits))
        .collect();
    println!("{:<48}{figures}{load:>7.2}", scenario.name);
    for bar in bars {
        let verdict = if bar.is_met() { "pass" } else { "FAIL" };
        println!("    {verdict}  {}: {:.2} (bar {:.2})", bar.what, bar.value, bar.most);
    }
}

fn to_json(scenario: &Scenario, load: f64, measured: &[Measured], bars: &[Held]) -> Value {
    let figures = |runs: &[Measured]| -> Value {
        let mut figures: serde_json::Map<String, Value> =
            COLUMNS.iter().map(|column| (column.name.to_owned(), median(runs, column.of).into())).collect();
        if let Some(name) = runs.first().and_then(|run| run.found.name()) {
            figures.insert(name.replace(' ', "_"), median(runs, |run| run.found.value()).into());
        }
        figures.into()
    };
    json!({
        "name": scenario.name,
        "load": load,
        "median": figures(measured),
        "runs": measured.iter().map(|run| figures(std::slice::from_ref(run))).collect::<Vec<_>>(),
        "bars": bars.iter().map(|bar| json!({
            "what": bar.what,
            "value": bar.value,
            "most": bar.most,
            "met": bar.is_met(),
        })).collect::<Vec<_>>(),
    })
}
