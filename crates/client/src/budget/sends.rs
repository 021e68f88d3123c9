//! What this process sent in the last moments.

use std::{collections::VecDeque, time::Duration};

use achub_core::port::budget::BudgetState;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::pace;

/// The window over which the account counts.
const WINDOW: Duration = Duration::from_secs(1);
/// How much longer than the window our own count looks back: two requests may travel at different speeds.
const WINDOW_BLUR: Duration = Duration::from_millis(100);
/// By how much a timer may be late without the requests behind it catching up with the ones before it.
const LATENESS_LEFT: Duration = Duration::from_millis(8);
/// With more requests a second than this a late timer moves no window noticeably.
const LIMIT_GUARDED_MAX: f64 = 64.0;

/// The sends of this process, and what the row of the budget tells about those of others that share it.
#[derive(Debug, Default)]
pub(super) struct Sends {
    /// Oldest first, those of the last window and the blur.
    recent: VecDeque<Instant>,
    /// Spans in which no process of ours was allowed to send, oldest first, as far as they reach into the window.
    free: VecDeque<Span>,
    /// The slot handed out last.
    slot: Option<Timestamp>,
    rate: f64,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from: Timestamp,
    to: Timestamp,
}

impl Sends {
    /// Takes note of a slot and of the time before it in which the row was free.
    pub(super) fn reserved(&mut self, state: &BudgetState) {
        let begin = window_before(state.slot);
        while self.free.front().is_some_and(|span| span.to <= begin) {
            self.free.pop_front();
        }
        if state.free_since < state.slot {
            self.free.push_back(Span { from: state.free_since, to: state.slot });
        }
        self.slot = Some(state.slot);
    }

    /// Waits while one more request would be one too many for a sliding second of `limit` requests.
    ///
    /// The slots alone keep within it; this is for a request that left late, because the ones behind it do not.
    pub(super) async fn keep_within(&mut self, limit: f64) {
        if limit > LIMIT_GUARDED_MAX {
            return;
        }
        let most = (limit as usize).max(1);
        if self.recent.len() >= most {
            let oldest = self.recent[self.recent.len() - most];
            tokio::time::sleep_until(oldest + WINDOW + LATENESS_LEFT).await;
        }
    }

    /// Takes note of a request that is sent now at `rate` requests per second.
    pub(super) fn note(&mut self, now: Instant, rate: f64) {
        self.rate = rate;
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|&sent| now.duration_since(sent) > WINDOW + WINDOW_BLUR) {
            self.recent.pop_front();
        }
    }

    /// How many requests of ours the account may have counted in the window that ends now: those of this process, and
    /// as many of others, earlier ones included, as the row had slots for. Errs on the high side, or one of our own
    /// commands would slow the next one down.
    pub(super) fn explained(&self) -> u32 {
        let own = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        own.max(self.slots_in_window())
    }

    fn slots_in_window(&self) -> u32 {
        let Some(slot) = self.slot else { return 0 };
        let begin = window_before(slot);
        let free_us: i64 = self
            .free
            .iter()
            .map(|span| span.to.as_microsecond() - span.from.max(begin).as_microsecond())
            .sum();
        let busy_us = slot.as_microsecond() - begin.as_microsecond() - free_us;
        u32::try_from(busy_us / pace::interval_us(self.rate.max(f64::MIN_POSITIVE)).max(1) + 1)
            .unwrap_or(u32::MAX)
    }
}

fn window_before(slot: Timestamp) -> Timestamp {
    slot.checked_sub(WINDOW + WINDOW_BLUR).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that left 40 ms late does not let the ones behind it, which are on time, make six in a second.
    #[tokio::test(start_paused = true)]
    async fn late_request_holds_later_ones_back() {
        let mut sends = Sends::default();
        let begun = Instant::now();
        let mut left = Vec::new();
        for number in 0..20u32 {
            let lateness = if number == 3 { 40 } else { 0 };
            let slot = begun + 204 * number * Duration::from_millis(1) + Duration::from_millis(lateness);
            tokio::time::sleep_until(slot).await;
            sends.keep_within(5.0).await;
            sends.note(Instant::now(), 4.9);
            left.push(begun.elapsed());
        }

        for window in left.windows(6) {
            assert!(window[5] - window[0] > WINDOW, "{window:?}");
        }
        assert!(left[19] < Duration::from_millis(204 * 19 + 1), "the delay does not last");
    }

    /// What was reserved before, by whom ever, explains as much as it had room for; free time explains nothing.
    #[tokio::test(start_paused = true)]
    async fn explained_counts_slots_of_all_processes() {
        /// What it is, slots as milliseconds before now with the free time before each, and how many are explained.
        type Case = (&'static str, &'static [(u64, u64)], u32);
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let ms = |before: u64| now - Duration::from_millis(before);
        let cases: [Case; 6] = [
            ("first ever", &[(0, 1_000_000)], 1),
            ("right behind others", &[(0, 0)], 5),
            ("others until half a second ago", &[(0, 500)], 3),
            ("others until a window ago", &[(0, 1_100)], 1),
            ("alone at one a second", &[(1_000, 1_000_000), (0, 750)], 2),
            ("others in between", &[(1_000, 1_000_000), (0, 0)], 5),
        ];
        for (what, slots, expected) in cases {
            let mut sends = Sends::default();
            for &(slot, free) in slots {
                let slowed_at = Timestamp::UNIX_EPOCH;
                let free_since = ms(slot) - Duration::from_millis(free);
                sends.reserved(&BudgetState {
                    slot: ms(slot),
                    free_since,
                    limit: None,
                    slowdown: 1.0,
                    slowed_at,
                });
            }
            sends.note(Instant::now(), 4.0);
            assert_eq!(sends.explained(), expected, "{what}");
        }
    }
}
