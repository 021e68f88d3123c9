//! The open questions about the API, as switches: both answers can be played.
//!
//! Numbers in brackets are the entries of the decision table (D) and of the list of open uncertainties (U) in
//! `activecampaign-api.md` §15 and §16. Every default is the answer that recordings support best.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;

/// Which answer to each open question is played.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// `/contacts?tagid=` is ignored and returns everyone, as reported for many accounts (D27, U4).
    pub tagid_ignored: bool,
    /// `/contacts?listid=` and `status=` are ignored.
    pub listid_ignored: bool,
    /// `filters[updated_after]` leaves out a row changed in exactly that second (U3).
    pub updated_after_exclusive: bool,
    /// All `filters[...]` on contacts and deals are ignored.
    pub filters_ignored: bool,
    /// A change of a list membership moves `udate` of the contact (D12, U2).
    pub list_change_bumps_udate: bool,
    /// Removing a tag leaves `udate` of the contact alone (U2); by default it moves, like adding one.
    pub tag_removal_keeps_udate: bool,
    /// `ids[]` without `limit` returns 20 rows and at most 100 with one (U5); by default all that were asked for.
    pub ids_clamped: bool,
    /// `include` is ignored.
    pub include_ignored: bool,
    /// No page holds more than 20 rows, whatever `limit` says (U7).
    pub page_clamped_to_20: bool,
    /// `PUT /lists/{id}` answers an empty body with `X-Ac-Error: Code 9001`, as in 2021 (D39).
    pub lists_put_empty_body: bool,
    /// `orders[id]` is ignored on contacts: rows come newest first.
    pub orders_id_ignored: bool,
    /// `id_greater` and `id_less` are ignored.
    pub id_window_ignored: bool,
    /// `meta.total` under `id_greater` or `id_less` counts all rows rather than those in the window.
    pub total_counts_all: bool,
    /// Every n-th deal is shown reduced to `title`, `status`, `id` and `isDisabled: true` (D41).
    pub deal_reduced_every: Option<NonZeroU64>,
    /// A missing record is answered 403 instead of 404, with the same text, where the vendor's documents say so.
    pub missing_is_forbidden: bool,
    /// A bad or missing key is answered with the HTML of a login page and status 200 (D29).
    pub bad_key_is_html: bool,
    /// Deleting a contact deletes its deals as well (D7, U20); by default they stay and keep the reference.
    pub contact_delete_takes_deals: bool,
    /// `filters[d_groupid]` on `/dealStages` is ignored.
    pub stage_filter_ignored: bool,
    /// `/contacts/{id}/...` collections are cut at 20 rows (D34); by default all rows are returned.
    pub subcollections_clamped: bool,
    /// `ids[]` is ignored on contacts: a page of everybody comes (U5).
    pub ids_ignored: bool,
    /// A request with `ids[]` is refused with 400 (U5).
    pub ids_refused: bool,
    /// `ids[]` leaves out every n-th contact that was asked for (U5).
    pub ids_leave_out_every: Option<NonZeroU64>,
    /// `include` leaves out every n-th row of a relation that can be read in full elsewhere: `deals`, `accountContacts`,
    /// `contactAutomations`.
    pub include_leaves_out_every: Option<NonZeroU64>,
    /// An evaluation of a segment that is begun never becomes ready.
    pub segments_never_ready: bool,
    /// The account starts to behave otherwise after some more requests.
    pub later: Option<Later>,
}

/// Switches that change by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// After so many more requests to the API.
    pub requests: u64,
    /// The switches that change then: an object of names and values.
    pub switches: Value,
}

impl Switches {
    /// These switches with the members of `changes`, a JSON object, put in place.
    ///
    /// Errors: [`Error::Control`] naming the member that does not exist or has the wrong type.
    pub fn with(&self, changes: &Value) -> Result<Switches, Error> {
        let Value::Object(changes) = changes else {
            return Err(Error::Control("switches are a JSON object of names and values".to_owned()));
        };
        let mut all = serde_json::to_value(self).expect("switches hold nothing JSON cannot");
        let members = all.as_object_mut().expect("a struct is an object");
        members.extend(changes.clone());
        let all: Switches =
            serde_json::from_value(all).map_err(|error| Error::Control(format!("switches: {error}")))?;
        if let Some(later) = &all.later {
            // What will be refused then is refused now.
            Switches::default().with(&later.switches)?;
        }
        Ok(all)
    }

    /// Counts a request. Returns the switches from now on where it is the one that changes them.
    pub(crate) fn counted(&mut self) -> Option<Switches> {
        let later = self.later.as_mut()?;
        if later.requests > 0 {
            later.requests -= 1;
            return None;
        }
        let later = self.later.take()?;
        self.with(&later.switches).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Switches;

    #[test]
    fn unknown_switch_is_refused_by_name() {
        let error = Switches::default().with(&json!({"tagid_ignord": true})).unwrap_err();
        assert!(error.to_string().contains("tagid_ignord"), "{error}");
    }

    #[test]
    fn later_switches_are_checked_when_set() {
        let later = json!({"later": {"requests": 2, "switches": {"ids_ignord": true}}});
        let error = Switches::default().with(&later).unwrap_err();
        assert!(error.to_string().contains("ids_ignord"), "{error}");
    }

    #[test]
    fn later_switches_change_after_their_requests() {
        let later = json!({"later": {"requests": 2, "switches": {"ids_ignored": true}}});
        let mut switches = Switches::default().with(&later).unwrap();

        let changed: Vec<bool> = (0..4)
            .map(|_| match switches.counted() {
                Some(then) => {
                    switches = then;
                    true
                }
                None => false,
            })
            .collect();

        assert_eq!(changed, [false, false, true, false]);
        assert!(switches.ids_ignored && switches.later.is_none());
    }

    #[test]
    fn named_switches_change_and_others_stay() {
        let first = Switches::default().with(&json!({"tagid_ignored": true})).unwrap();
        let second = first.with(&json!({"include_ignored": true})).unwrap();
        assert!(second.tagid_ignored && second.include_ignored && !second.ids_clamped);
    }
}
