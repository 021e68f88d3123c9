//! `inputs.backoff`: how pauses grow where an account does not say how long to wait.

use std::time::Duration;

use achub_client::Backoff;
use achub_core::Error;

use crate::config::{keys::Keys, nearest::advice};

/// No pause is longer (rule R15), so none need be asked for.
const SECONDS_MAX: f64 = 300.0;

const KINDS: &[&str] = &["none", "constant", "linear", "exponential"];

/// The backoff under `backoff`, `None` where nothing is said: a kind, and for all but `none` the seconds of the first
/// pause, one where they are left out.
pub(super) fn read(inputs: &Keys<'_>) -> Result<Option<Backoff>, Error> {
    let Some(text) = inputs.text("backoff")? else { return Ok(None) };
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default().to_ascii_lowercase();
    let seconds = words.next();
    if words.next().is_some() || kind == "none" && seconds.is_some() {
        return Err(wrong(inputs, text));
    }
    let pause = match seconds.map(|text| text.strip_suffix('s').unwrap_or(text).parse::<f64>()) {
        None => Duration::from_secs(1),
        Some(Ok(seconds)) if seconds > 0.0 && seconds <= SECONDS_MAX => Duration::from_secs_f64(seconds),
        Some(_) => return Err(wrong(inputs, text)),
    };
    match kind.as_str() {
        "none" => Ok(Some(Backoff::None)),
        "constant" => Ok(Some(Backoff::Constant(pause))),
        "linear" => Ok(Some(Backoff::Linear(pause))),
        "exponential" => Ok(Some(Backoff::Exponential(pause))),
        _ => Err(inputs
            .error_at("backoff", format!("must be none, constant, linear or exponential, got {kind:?}"))
            .with_hint(advice(&kind, KINDS.iter().copied()))),
    }
}

fn wrong(inputs: &Keys<'_>, text: &str) -> Error {
    inputs
        .error_at("backoff", format!("must be a kind and seconds up to {SECONDS_MAX}, got {text:?}"))
        .with_hint("write it like `backoff: none`, `backoff: constant 5` or `backoff: exponential 1`")
}

/// A backoff as it is written.
pub fn written(backoff: Backoff) -> String {
    match backoff {
        Backoff::None => "none".to_owned(),
        Backoff::Constant(pause) => format!("constant {}", pause.as_secs_f64()),
        Backoff::Linear(pause) => format!("linear {}", pause.as_secs_f64()),
        Backoff::Exponential(pause) => format!("exponential {}", pause.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use achub_client::Backoff;
    use achub_core::Code;

    use super::{read, written};
    use crate::config::{
        keys::{Keys, Origin},
        yaml::parse,
    };

    fn backoff(value: &str) -> Result<Option<Backoff>, achub_core::Error> {
        let node = parse(&format!("backoff: {value}")).unwrap();
        let origin = Origin::new("env.yaml");
        read(&Keys::of(&origin, Code::BadConnection, "inputs", &node, &["backoff"]).unwrap())
    }

    /// SL-42.
    #[test]
    fn backoff_is_a_kind_and_seconds() {
        let second = Duration::from_secs(1);
        for (value, expected, again) in [
            ("none", Backoff::None, "none"),
            ("Constant 2.5", Backoff::Constant(second * 5 / 2), "constant 2.5"),
            ("linear 3s", Backoff::Linear(3 * second), "linear 3"),
            ("exponential", Backoff::Exponential(second), "exponential 1"),
        ] {
            assert_eq!(backoff(value).unwrap(), Some(expected), "{value}");
            assert_eq!(written(expected), again);
        }
        assert_eq!(backoff("null").unwrap(), None);
    }

    #[test]
    fn wrong_backoffs_say_how_to_write_them() {
        for (value, hint) in [
            ("none 1", "write it like"),
            ("linear 0", "write it like"),
            ("linear -1", "write it like"),
            ("linear 301", "write it like"),
            ("linear NaN", "write it like"),
            ("linear soon", "write it like"),
            ("linear 1 2", "write it like"),
            ("linaer 1", "did you mean \"linear\""),
            ("''", "known"),
            ("[1]", ""),
        ] {
            let error = backoff(value).unwrap_err();
            assert!(error.message().starts_with("env.yaml:1:10: inputs: `backoff` must be"), "{error}");
            if hint != "known" {
                assert!(error.hint().starts_with(hint), "{value}: {}", error.hint());
            }
        }
    }
}
