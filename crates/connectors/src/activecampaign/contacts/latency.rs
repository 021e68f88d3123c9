//! How many requests of one walk have to be under way.

use std::time::Duration;

use achub_client::Client;

/// The most: an answer to a block holds about 3 MB.
const IN_FLIGHT_MAX: usize = 12;

/// The most where there is no pace: an answer is read while the next one is made. More would only wait in memory.
const IN_FLIGHT_UNPACED: usize = 2;

/// The weight of the newest answer.
const WEIGHT: f64 = 0.3;

/// A smoothed time from sending to the last byte, of one walk. A block of contacts with what comes along takes many times
/// as long as a page of tags, and as many of them have to be under way to use the budget.
#[derive(Debug, Clone, Copy)]
pub(in crate::activecampaign) struct Latency(Duration);

impl Latency {
    /// A first guess.
    pub(in crate::activecampaign) fn about(latency: Duration) -> Latency {
        Latency(latency)
    }

    pub(super) fn observe(&mut self, latency: Duration) {
        self.0 = self.0.mul_f64(1.0 - WEIGHT) + latency.mul_f64(WEIGHT);
    }

    /// Requests to have under way: pace × latency, and one to spare.
    pub(in crate::activecampaign) fn in_flight_wanted(self, client: &Client) -> usize {
        let Some(rate) = client.requests_per_second() else { return IN_FLIGHT_UNPACED };
        let busy = (rate * self.0.as_secs_f64()).ceil() as usize;
        client.in_flight_wanted().max((busy + 1).min(IN_FLIGHT_MAX))
    }

    /// Seconds that `requests` take at the pace of `client`.
    pub(in crate::activecampaign) fn seconds(self, client: &Client, requests: u64) -> f64 {
        requests as f64 * self.0.as_secs_f64() / self.in_flight_wanted(client).max(1) as f64
    }
}
