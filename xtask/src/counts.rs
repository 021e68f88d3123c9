//! How many tests passed, failed and were left out.

use std::{collections::BTreeMap, fmt, ops::AddAssign};

/// Counts of one part of a test run, or of all of it. Displayed it is the end of the report, its last line the counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that ran to their end and found nothing.
    pub passed: u64,
    /// Tests that found something, did not end, or could not be built.
    pub failed: u64,
    /// Tests that were not run, or said themselves that they could not.
    pub skipped: u64,
    /// What was not run and why, one sentence each.
    pub not_run: Vec<String>,
}

impl Counts {
    /// Adds another part.
    pub fn add(&mut self, other: Counts) {
        self.passed.add_assign(other.passed);
        self.failed.add_assign(other.failed);
        self.skipped.add_assign(other.skipped);
        self.not_run.extend(other.not_run);
    }

    /// Takes tests that passed but said `skipped: reason` for what they are; one reason per test.
    pub fn take_skipped(&mut self, reasons: Vec<String>) {
        let count = u64::try_from(reasons.len()).expect("tests can be counted").min(self.passed);
        self.passed -= count;
        self.skipped += count;
        let mut tests_by_reason: BTreeMap<String, u64> = BTreeMap::new();
        for reason in reasons {
            *tests_by_reason.entry(reason).or_default() += 1;
        }
        let sentences = tests_by_reason.into_iter().map(|(reason, count)| format!("{count} × {reason}"));
        self.not_run.extend(sentences);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for reason in &self.not_run {
            writeln!(f, "not run: {reason}")?;
        }
        writeln!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_ends_with_the_counts() {
        let mut counts = Counts { passed: 10, failed: 1, skipped: 2, not_run: vec!["tidy".to_owned()] };
        counts.add(Counts { passed: 5, ..Counts::default() });
        counts.take_skipped(vec!["no recordings".to_owned(), "no recordings".to_owned()]);

        let expected = "not run: tidy\nnot run: 2 × no recordings\n13 passed, 1 failed, 4 skipped\n";
        assert_eq!(counts.to_string(), expected);
    }
}
