//! What this process sent in the last moments.

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::pace;

/// The window over which the account counts.
const WINDOW: Duration = Duration::from_secs(1);
/// How much longer than the window our own count looks back: two requests may travel at different speeds.
const WINDOW_BLUR: Duration = Duration::from_millis(100);
/// By how much a timer may be late without the requests behind it catching up with the ones before it.
const LATENESS_LEFT: Duration = Duration::from_millis(8);
/// A slot that begins within this time begins now.
const SLOT_GRAIN: SignedDuration = SignedDuration::from_millis(1);
/// With more requests a second than this a late timer moves no window noticeably.
const LIMIT_GUARDED_MAX: f64 = 64.0;

/// The sends of this process and the reservations they came from.
#[derive(Debug, Default)]
pub(super) struct Sends {
    /// Oldest first, those of the last window and the blur.
    recent: VecDeque<Instant>,
    /// Since when the slots of all processes follow each other without a gap, as far as this process can tell.
    busy_since: Option<Timestamp>,
    slot: Option<Timestamp>,
    rate: f64,
}

impl Sends {
    /// Takes note of the slot that was handed out at `now`.
    pub(super) fn reserved(&mut self, slot: Timestamp, now: Timestamp) {
        // Stores round slots up to whole microseconds.
        self.busy_since = if slot.duration_since(now) < SLOT_GRAIN {
            Some(slot)
        } else {
            // Slots in the future without a beginning known here: somebody else has been reserving.
            self.busy_since.or_else(|| slot.checked_sub(WINDOW).ok())
        };
        self.slot = Some(slot);
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

    /// How many requests of ours, those of other processes included, the account may have counted in the window that
    /// ends now. Errs on the high side.
    pub(super) fn explained(&self) -> u32 {
        let own = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        own.max(self.slots_in_window())
    }

    fn slots_in_window(&self) -> u32 {
        let (Some(busy_since), Some(slot)) = (self.busy_since, self.slot) else { return 0 };
        let busy = slot.duration_since(busy_since).as_secs_f64().clamp(0.0, WINDOW.as_secs_f64());
        (busy / pace::interval(self.rate.max(f64::MIN_POSITIVE)).as_secs_f64()) as u32 + 1
    }
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

    /// Slots that follow each other explain a full window whoever used them; after idling only our own sends do.
    #[tokio::test(start_paused = true)]
    async fn explained_counts_busy_slots_of_all_processes() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let mut behind_others = Sends::default();
        behind_others.reserved(now + Duration::from_millis(100), now);
        behind_others.note(Instant::now(), 4.0);

        let mut alone = Sends::default();
        alone.reserved(now, now);
        alone.note(Instant::now(), 4.0);

        assert_eq!((behind_others.explained(), alone.explained()), (5, 1));
    }
}
