//! An ActiveCampaign account.

use achub_client::{Backoff, rule::Rule};
use achub_connectors::activecampaign::Reading;
use achub_core::{Code, Error, Secret};
use jiff::{Timestamp, civil, tz::TimeZone};

use crate::config::{
    connection::{endpoint_rules, pauses},
    keys::{Keys, Origin},
    nearest::{advice, nearest},
    yaml::{Entry, Kind, Node, Place, parse},
};

/// How an account is reached and how fast.
#[derive(Debug, Clone)]
pub struct ActiveCampaign {
    /// The address as it was given; the client makes a base URL of it.
    pub base_url: String,
    /// The key.
    pub api_key: Secret,
    /// Where an incremental stream of `achub run` starts; `None`: a year before the run.
    pub anchor: Option<Timestamp>,
    /// The account's share.
    pub rate: Rate,
    /// Whether loopback and private addresses and plain http are allowed.
    pub allow_private_address: bool,
    /// Whether what nothing documents may be used to read with fewer requests.
    pub reading: Reading,
    /// How pauses grow where the account does not say how long to wait.
    pub backoff: Backoff,
    /// What refusals mean at single endpoints; they come before what is known of ActiveCampaign.
    pub rules: Vec<Rule>,
}

/// How many requests a second may be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// 80 % of what the account advertises.
    Auto,
    /// At most so many.
    AtMost(f64),
    /// The server has no limit.
    Off,
}

const ENTRY: &[&str] = &["type", "spec", "secrets", "inputs"];
const SECRETS: &[&str] = &["api_key", "base_url"];
const INPUTS: &[&str] =
    &["anchor_date", "requests_per_second", "allow_private_address", "reading", "backoff", "rules"];
const READINGS: &[&str] = &["documented", "accelerated"];

impl ActiveCampaign {
    pub(super) fn read(origin: &Origin, what: String, node: &Node) -> Result<ActiveCampaign, Error> {
        let keys = Keys::of(origin, Code::BadConnection, what.clone(), node, ENTRY)?;
        check_spec(&keys)?;
        let secrets = section(&keys, "secrets")?.ok_or_else(|| {
            keys.error_at("secrets", "is missing")
                .with_hint("add `secrets: {api_key: …, base_url: https://YOURACCOUNT.api-us1.com}`; both are under Settings → Developer in ActiveCampaign")
        })?;
        let secrets = Keys::of(origin, Code::BadConnection, format!("{what}, secrets"), &secrets, SECRETS)?;
        let inputs = section(&keys, "inputs")?.unwrap_or_else(|| empty_map(node.place));
        let what = format!("{what}, inputs");
        let inputs = Keys::of(origin, Code::BadConnection, what.clone(), &inputs, INPUTS)?;
        let rules = inputs.get("rules").map(|node| endpoint_rules::read(origin, &what, node)).transpose()?;
        Ok(ActiveCampaign {
            base_url: secrets.needed("base_url")?.to_owned(),
            api_key: secrets.secret("api_key")?,
            anchor: anchor(&inputs)?,
            rate: rate(&inputs)?,
            allow_private_address: inputs.switch("allow_private_address")?.unwrap_or(false),
            reading: reading(&inputs)?,
            backoff: pauses::read(&inputs)?.unwrap_or_default(),
            rules: rules.unwrap_or_default(),
        })
    }
}

fn check_spec(keys: &Keys<'_>) -> Result<(), Error> {
    let spec = keys.needed("spec").map_err(|error| error.with_hint("add `spec: activecampaign`"))?;
    if spec.eq_ignore_ascii_case("activecampaign") {
        return Ok(());
    }
    let error = keys.error_at("spec", format!("must be activecampaign, got {spec:?}"));
    Err(match nearest(spec, ["activecampaign"]) {
        Some(near) => error.with_hint(format!("did you mean {near:?}")),
        None => error.with_hint("this program reads ActiveCampaign only"),
    })
}

/// `secrets` and `inputs` may be maps or texts that are YAML themselves, as `conns set` leaves them.
fn section(keys: &Keys<'_>, key: &str) -> Result<Option<Node>, Error> {
    let Some(node) = keys.get(key) else { return Ok(None) };
    let Some(text) = node.text() else { return Ok(Some(node.clone())) };
    let mut inner = parse(text).map_err(|mistake| {
        keys.error_at(key, format!("is a text that is not readable as a map: {}", mistake.what))
    })?;
    move_to(&mut inner, node.place);
    Ok(Some(inner))
}

fn move_to(node: &mut Node, place: Place) {
    node.place = place;
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter_mut().for_each(|item| move_to(item, place)),
        Kind::Map(entries) => {
            for Entry { place: at, value, .. } in entries {
                *at = place;
                move_to(value, place);
            }
        }
    }
}

fn empty_map(place: Place) -> Node {
    Node { place, kind: Kind::Map(Vec::new()) }
}

fn anchor(inputs: &Keys<'_>) -> Result<Option<Timestamp>, Error> {
    let Some(text) = inputs.text("anchor_date")? else { return Ok(None) };
    match moment(text) {
        Some(moment) => Ok(Some(moment)),
        None => Err(inputs
            .error_at("anchor_date", format!("must be a date or a time, got {text:?}"))
            .with_hint("write it like 2024-01-01 or 2024-01-01T00:00:00Z")),
    }
}

/// A moment written as a date (its first second) or as a date and time; UTC where no offset is given.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    let wall =
        text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from));
    wall.ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn rate(inputs: &Keys<'_>) -> Result<Rate, Error> {
    let Some(text) = inputs.text("requests_per_second")? else { return Ok(Rate::Auto) };
    if text.eq_ignore_ascii_case("off") {
        return Ok(Rate::Off);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(Rate::AtMost(number)),
        _ => Err(inputs
            .error_at("requests_per_second", format!("must be a number above 0 or off, got {text:?}"))
            .with_hint("leave it out to use 80 % of what the account allows")),
    }
}

fn reading(inputs: &Keys<'_>) -> Result<Reading, Error> {
    let Some(word) = inputs.text("reading")? else { return Ok(Reading::default()) };
    word.trim().to_ascii_lowercase().parse().map_err(|_| {
        inputs
            .error_at("reading", format!("must be documented or accelerated, got {word:?}"))
            .with_hint(advice(word, READINGS.iter().copied()))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use achub_client::{
        Backoff,
        rule::{Action, Rule},
    };
    use achub_connectors::activecampaign::Reading;

    use super::{Rate, moment};
    use crate::config::{connection::Connection, keys::Origin, yaml::parse};

    fn read(text: &str) -> Result<Connection, achub_core::Error> {
        Connection::read(&Origin::new("env.yaml"), "SHOP", &parse(text).unwrap())
    }

    /// Requirements SL-3, SL-4, SL-5.
    #[test]
    fn account_is_read_from_maps_and_texts() {
        for text in [
            "{type: api, spec: ActiveCampaign, secrets: {api_key: k, base_url: 'https://a.api-us1.com'},\
             inputs: {anchor_date: 2024-01-01, requests_per_second: 4.9, allow_private_address: yes, reading: Documented,             backoff: linear 2, rules: [{endpoint: tags, status: 404, action: stop}]}}",
            "type: api\nspec: activecampaign\nsecrets: '{api_key: k, base_url: https://a.api-us1.com}'\n\
             inputs: \"anchor_date: '2024-01-01T00:00:00Z'\\nrequests_per_second: 4.9\\nallow_private_address: true\\nreading: documented\\nbackoff: linear 2\\n\
             rules: [{endpoint: tags, status: 404, action: stop}]\"",
        ] {
            let Connection::ActiveCampaign(account) = read(text).unwrap() else { panic!("an account") };
            assert_eq!(account.base_url, "https://a.api-us1.com");
            assert_eq!(account.api_key.expose(), "k");
            assert_eq!(account.anchor.unwrap().to_string(), "2024-01-01T00:00:00Z");
            assert_eq!(account.rate, Rate::AtMost(4.9));
            assert!(account.allow_private_address);
            assert_eq!(account.reading, Reading::Documented);
            assert_eq!(account.backoff, Backoff::Linear(Duration::from_secs(2)));
            assert_eq!(account.rules, [Rule::new("tags", 404..=404, Action::Stop)]);
            assert!(!format!("{account:?}").contains("\"k\""), "the key is never printed");
        }
    }

    #[test]
    fn wrong_accounts_name_place_and_nearest() {
        let full = |inner: &str| {
            format!("type: api\nspec: activecampaign\nsecrets: {{api_key: k, base_url: u}}\n{inner}")
        };
        for (text, message, hint) in [
            ("type: api".to_owned(), "env.yaml:1:1: connection SHOP: `spec` is missing", "add `spec"),
            (
                "{type: api, spec: hubspot}".to_owned(),
                "env.yaml:1:19: connection SHOP: `spec` must be",
                "this program",
            ),
            (
                "{type: api, spec: activcampaign}".to_owned(),
                "env.yaml:1:19",
                "did you mean \"activecampaign\"",
            ),
            (
                "{type: api, spec: activecampaign}".to_owned(),
                "env.yaml:1:1: connection SHOP: `secrets` is",
                "add `sec",
            ),
            (
                "type: api\nspec: activecampaign\nsecrets: {api_key: '', base_url: u}".to_owned(),
                "env.yaml:3:20: connection SHOP, secrets: `api_key` is empty",
                "",
            ),
            (
                "type: api\nspec: activecampaign\nsecrets:\n  api_kye: k\n  base_url: u".to_owned(),
                "env.yaml:4:3: connection SHOP, secrets: unknown key \"api_kye\"",
                "did you mean \"api_key\"",
            ),
            (
                full("input: {}"),
                "env.yaml:4:1: connection SHOP: unknown key \"input\"",
                "did you mean \"inputs\"",
            ),
            (
                full("inputs: {anchor_date: soon}"),
                "env.yaml:4:23: connection SHOP, inputs: `anchor_date` must be a date or a time, got \"soon\"",
                "write it like",
            ),
            (full("inputs: {requests_per_second: 0}"), "env.yaml:4:31: ", "leave it out"),
            (full("inputs: {requests_per_second: fast}"), "env.yaml:4:31: ", "leave it out"),
            (full("inputs: {allow_private_address: maybe}"), "env.yaml:4:33: ", ""),
            (full("inputs: {backoff: linear 400}"), "env.yaml:4:19: ", "write it like"),
            (
                full("inputs: {rules: [{endpoint: tags, status: 404, action: skp}]}"),
                "env.yaml:4:56: connection SHOP, inputs, rule 1: `action` must be",
                "did you mean \"skip\"",
            ),
            (full("inputs: [a]"), "env.yaml:4:9: connection SHOP, inputs must be a map, got a list", ""),
            ("type: apy".to_owned(), "env.yaml:1:1: connection SHOP: unknown type", "did you mean \"api\""),
            (
                "type: snowflake".to_owned(),
                "env.yaml:1:1: connection SHOP: type \"snowflake\" is not",
                "types: api",
            ),
            ("host: x".to_owned(), "env.yaml:1:1: connection SHOP: `type` is missing", "add `type: api`"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.message().starts_with(message), "{text}\n{}", error.message());
            assert!(error.hint().starts_with(hint), "{text}\n{}", error.hint());
            assert_eq!(error.code().id(), "CF-103", "{text}");
        }
    }

    #[test]
    fn moments_may_be_dates_or_times() {
        for (text, expected) in [
            ("2024-01-01", Some("2024-01-01T00:00:00Z")),
            ("2024-01-01T10:00:00Z", Some("2024-01-01T10:00:00Z")),
            ("2024-01-01 10:00:00", Some("2024-01-01T10:00:00Z")),
            ("2024-01-01T10:00:00-06:00", Some("2024-01-01T16:00:00Z")),
            ("2024-02-30", None),
            ("yesterday", None),
        ] {
            assert_eq!(moment(text).map(|moment| moment.to_string()).as_deref(), expected, "{text}");
        }
    }
}
