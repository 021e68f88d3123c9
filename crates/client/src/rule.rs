//! What a refusal means at one endpoint, where that is something else than anywhere else.

use std::{borrow::Cow, ops::RangeInclusive};

/// What follows an answer with an error status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The request is sent again, as after a disturbance.
    Retry,
    /// The answer is read as if its status were one of success.
    Continue,
    /// This request is left out, the ones after it go on.
    Skip,
    /// This series of requests ends here: the pages of one parent, one window.
    Break,
    /// Nothing more of this endpoint is read.
    Stop,
    /// The request fails at once.
    Fail,
}

/// How to go on without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Without this request only.
    Skip,
    /// Without the rest of this series of requests.
    Break,
    /// Without anything more of this endpoint.
    Stop,
}

/// A line of the table: what answers of an endpoint with certain statuses mean.
///
/// A wish to slow down is obeyed whatever a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The path below `/api/3/` without parameters; `*` stands for one segment: `contacts/*/notes`.
    pub endpoint: Cow<'static, str>,
    /// Which statuses, for example `404..=404`. Statuses of success are never looked at.
    pub statuses: RangeInclusive<u16>,
    /// What then.
    pub action: Action,
}

impl Rule {
    /// A line of the table.
    pub const fn new(endpoint: &'static str, statuses: RangeInclusive<u16>, action: Action) -> Rule {
        Rule { endpoint: Cow::Borrowed(endpoint), statuses, action }
    }

    /// A line that somebody has written down.
    pub fn written(endpoint: String, statuses: RangeInclusive<u16>, action: Action) -> Rule {
        Rule { endpoint: Cow::Owned(endpoint), statuses, action }
    }

    fn fits(&self, path: &str, status: u16) -> bool {
        self.statuses.contains(&status) && endpoint_fits(&self.endpoint, path)
    }
}

/// What is known about ActiveCampaign.
///
/// Source: activecampaign-api.md §4.8 (a record that is gone is a 404, custom objects without a schema are too) and §5
/// ("404 on some plans").
pub const KNOWN: &[Rule] = &[
    // A parent that was deleted since it was listed.
    Rule::new("contacts/*/*", 404..=404, Action::Skip),
    Rule::new("deals/*/*", 404..=404, Action::Skip),
    Rule::new("accounts/*/*", 404..=404, Action::Skip),
    Rule::new("ecomOrders/*/*", 404..=404, Action::Skip),
    Rule::new("customObjects/records/*", 404..=404, Action::Break),
    // Parts of the API that are not in every plan.
    Rule::new("linkData", 404..=404, Action::Stop),
    Rule::new("messageActivities", 404..=404, Action::Stop),
];

/// What the first fitting line of `rules` says.
pub(crate) fn action(rules: &[Rule], path: &str, status: u16) -> Option<Action> {
    rules.iter().find(|rule| rule.fits(path, status)).map(|rule| rule.action)
}

fn endpoint_fits(endpoint: &str, path: &str) -> bool {
    let (mut wanted, mut there) = (endpoint.split('/'), path.split('/'));
    loop {
        match (wanted.next(), there.next()) {
            (None, None) => return true,
            (Some(wanted), Some(there)) if wanted == "*" || wanted == there => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_fitting_line_decides() {
        let rules = [
            Rule::new("contacts/*/notes", 403..=404, Action::Skip),
            Rule::new("contacts/*/*", 400..=499, Action::Break),
            Rule::new("contacts", 400..=499, Action::Stop),
        ];
        let cases = [
            ("contacts/12/notes", 403, Some(Action::Skip)),
            ("contacts/12/notes", 422, Some(Action::Break)),
            ("contacts/12/geoIps", 404, Some(Action::Break)),
            ("contacts", 404, Some(Action::Stop)),
            ("contacts/12", 404, None),
            ("contacts/12/notes/3", 404, None),
            ("contacts", 500, None),
            ("contact", 404, None),
            ("", 404, None),
        ];
        for (path, status, expected) in cases {
            assert_eq!(action(&rules, path, status), expected, "{path} {status}");
        }
    }
}
