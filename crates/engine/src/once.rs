//! Lets each record of a walk pass once, where the table has no key by which the target could do so.

use std::collections::{BTreeMap, HashSet};

use achub_core::{Batch, Value};

/// Keys that have passed. Whole numbers that follow each other, as the ids of a vendor do, are kept as spans, so that the
/// memory taken grows with the gaps between them.
#[derive(Debug, Default)]
pub(crate) struct Once {
    /// First and last number of each span; spans neither overlap nor touch.
    spans: BTreeMap<i64, i64>,
    others: HashSet<Box<str>>,
}

impl Once {
    /// Takes records out of `batch` whose key, the values at these indexes, has passed before.
    ///
    /// Of a record that comes several times the first one passes: it was there when the run began, and what changed since
    /// then comes with the next.
    pub(crate) fn pass(&mut self, batch: &mut Batch, key: &[usize]) {
        batch.retain(|values| self.is_new(values, key));
    }

    fn is_new(&mut self, values: &[Value], key: &[usize]) -> bool {
        if let &[index] = key
            && let Value::Integer(number) = values[index]
        {
            return self.insert(number);
        }
        let parts: Vec<String> = key.iter().map(|&index| format!("{:?}", values[index])).collect();
        self.others.insert(parts.join(",").into())
    }

    /// Whether a key that is text passes for the first time.
    pub(crate) fn is_first(&mut self, key: &str) -> bool {
        match key.parse::<i64>() {
            Ok(number) if number.to_string() == key => self.insert(number),
            _ => self.others.insert(key.into()),
        }
    }

    fn insert(&mut self, number: i64) -> bool {
        let before = self.spans.range(..=number).next_back().map(|(&first, &last)| (first, last));
        if before.is_some_and(|(_, last)| number <= last) {
            return false;
        }
        let first = match before {
            Some((first, last)) if last.checked_add(1) == Some(number) => first,
            _ => number,
        };
        let after = number.checked_add(1).and_then(|next| self.spans.remove(&next));
        self.spans.insert(first, after.unwrap_or(number));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Once;

    #[test]
    fn numbers_pass_exactly_once() {
        // A linear congruence visits numbers in no order, many of them twice.
        let mut number: i64 = 1;
        let (mut once, mut known) = (Once::default(), HashSet::new());
        for _ in 0..5_000 {
            number = (number * 1_103_515_245 + 12_345) % 3_001;

            assert_eq!(once.insert(number), known.insert(number), "{number}");
        }
        for number in [i64::MAX, i64::MAX - 1, i64::MIN, i64::MAX] {
            assert_eq!(once.insert(number), known.insert(number), "{number}");
        }
    }

    #[test]
    fn numbers_in_a_row_are_one_span() {
        let mut once = Once::default();

        for number in (0..1_000).rev().chain(1_000..2_000) {
            once.insert(number);
        }

        assert_eq!(once.spans.len(), 1);
    }
}
