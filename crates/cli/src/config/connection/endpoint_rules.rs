//! `inputs.rules`: what a refusal means at one endpoint of an account.

use std::ops::RangeInclusive;

use achub_client::rule::{Action, Rule};
use achub_core::{Code, Error};

use crate::config::{
    keys::{Keys, Origin},
    nearest::advice,
    yaml::{Kind, Node},
};

const RULE: &[&str] = &["endpoint", "status", "action"];
const ACTIONS: &[(&str, Action)] = &[
    ("retry", Action::Retry),
    ("continue", Action::Continue),
    ("skip", Action::Skip),
    ("break", Action::Break),
    ("stop", Action::Stop),
    ("fail", Action::Fail),
];

/// The rules in `node`, in their order: the first that fits decides.
pub(super) fn read(origin: &Origin, what: &str, node: &Node) -> Result<Vec<Rule>, Error> {
    let Kind::List(items) = &node.kind else {
        let text = format!("{what}: `rules` must be a list, got {}", node.describe());
        let hint = "write it like `rules: [{endpoint: messageActivities, status: 404, action: stop}]`";
        return Err(origin.error(Code::BadConnection, node.place, text).with_hint(hint));
    };
    items.iter().enumerate().map(|(index, node)| rule(origin, what, index, node)).collect()
}

fn rule(origin: &Origin, what: &str, index: usize, node: &Node) -> Result<Rule, Error> {
    let what = format!("{what}, rule {}", index + 1);
    let keys = Keys::of(origin, Code::BadConnection, what, node, RULE)?;
    Ok(Rule::written(endpoint(&keys)?, statuses(&keys)?, action(&keys)?))
}

/// The path below `/api/3/`, which may be written with it.
fn endpoint(keys: &Keys<'_>) -> Result<String, Error> {
    let text = keys.needed("endpoint")?;
    let path = text.trim_start_matches('/');
    let path = path.strip_prefix("api/3/").unwrap_or(path).trim_end_matches('/');
    if path.is_empty() || path.contains(['?', '{', ' ']) || path.split('/').any(str::is_empty) {
        return Err(keys
            .error_at("endpoint", format!("must be a path without parameters, got {text:?}"))
            .with_hint(
                "write it as it stands in the API below /api/3/, `*` for one segment: deals/*/notes",
            ));
    }
    Ok(path.to_owned())
}

/// One status, a range, or a class such as 5xx; only statuses of errors.
fn statuses(keys: &Keys<'_>) -> Result<RangeInclusive<u16>, Error> {
    let text = keys.needed("status")?;
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let range = match (text.to_ascii_lowercase().as_str(), text.split_once('-')) {
        ("4xx", _) => Some(400..=499),
        ("5xx", _) => Some(500..=599),
        (_, Some((from, to))) => number(from).zip(number(to)).map(|(from, to)| from..=to),
        (_, None) => number(text).map(|status| status..=status),
    };
    let is_error = |range: &RangeInclusive<u16>| {
        range.start() <= range.end() && *range.start() >= 400 && *range.end() <= 599
    };
    range.filter(is_error).ok_or_else(|| {
        keys.error_at("status", format!("must be a status from 400 to 599, got {text:?}"))
            .with_hint("write one status (404), a range (400-499) or a class (5xx)")
    })
}

fn action(keys: &Keys<'_>) -> Result<Action, Error> {
    let word = keys.needed("action")?;
    let found = ACTIONS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    found.map(|(_, action)| *action).ok_or_else(|| {
        let names = ACTIONS.iter().map(|(name, _)| *name);
        keys.error_at("action", format!("must be retry, continue, skip, break, stop or fail, got {word:?}"))
            .with_hint(advice(word, names))
    })
}

/// The word for an action.
pub fn action_word(action: Action) -> &'static str {
    ACTIONS.iter().find(|(_, listed)| *listed == action).map_or("fail", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use achub_client::rule::{Action, Rule};

    use super::read;
    use crate::config::{keys::Origin, yaml::parse};

    fn rules(text: &str) -> Result<Vec<Rule>, achub_core::Error> {
        read(&Origin::new("env.yaml"), "connection SHOP, inputs", &parse(text).unwrap())
    }

    /// SL-43.
    #[test]
    fn rules_name_endpoint_statuses_and_action() {
        let read = rules(
            "[{endpoint: /api/3/deals/*/notes/, status: 404, action: Skip},\n\
             {endpoint: linkData, status: 400-499, action: stop}, {endpoint: tags, status: 5XX, action: retry}]",
        )
        .unwrap();

        let written = |endpoint: &str, statuses, action| Rule::written(endpoint.to_owned(), statuses, action);
        assert_eq!(
            read,
            [
                written("deals/*/notes", 404..=404, Action::Skip),
                written("linkData", 400..=499, Action::Stop),
                written("tags", 500..=599, Action::Retry),
            ]
        );
    }

    #[test]
    fn wrong_rules_name_place_and_way_out() {
        for (text, message, hint) in [
            (
                "{}",
                "env.yaml:1:1: connection SHOP, inputs: `rules` must be a list, got a map",
                "write it like",
            ),
            ("[a]", "env.yaml:1:2: connection SHOP, inputs, rule 1 must be a map, got a single value", ""),
            (
                "[{endpoint: a, status: 404}]",
                "env.yaml:1:2: connection SHOP, inputs, rule 1: `action` is missing",
                "",
            ),
            ("[{endpoint: a, status: 200, action: skip}]", "env.yaml:1:24: ", "write one status"),
            ("[{endpoint: a, status: 499-400, action: skip}]", "env.yaml:1:24: ", "write one status"),
            ("[{endpoint: a, status: all, action: skip}]", "env.yaml:1:24: ", "write one status"),
            ("[{endpoint: 'a?b=1', status: 404, action: skip}]", "env.yaml:1:13: ", "write it as it stands"),
            ("[{endpoint: a, status: 404, action: skp}]", "env.yaml:1:37: ", "did you mean \"skip\""),
            ("[{endpoint: a, stats: 404, action: skip}]", "env.yaml:1:16: ", "did you mean \"status\""),
        ] {
            let error = rules(text).unwrap_err();
            assert!(error.message().starts_with(message), "{text}\n{}", error.message());
            assert!(error.hint().starts_with(hint), "{text}\n{}", error.hint());
        }
    }
}
