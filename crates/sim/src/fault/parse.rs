//! Fault rules from JSON. A member that is not known is refused by name: a typo would silently test nothing.

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use super::{Cut, Fault, FaultRule, Lost, Matcher};
use crate::error::Error;

impl FaultRule {
    /// The rules in `value`: one object, or an array of them.
    ///
    /// Errors: [`Error::Fault`] with the position of the rule and what is wrong with it.
    pub fn read(value: &Value) -> Result<Vec<FaultRule>, Error> {
        let rules = match value {
            Value::Array(rules) => rules.iter().collect(),
            one => vec![one],
        };
        let read =
            |(at, rule)| FaultRule::one(rule).map_err(|problem| Error::Fault { rule: at + 1, problem });
        rules.into_iter().enumerate().map(read).collect()
    }

    /// The rules in the text of a fault file: JSON, one object or an array, or one object per line.
    ///
    /// Errors: [`Error::Fault`] with the position of the rule and what is wrong with it.
    pub fn read_text(text: &str) -> Result<Vec<FaultRule>, Error> {
        let mut rules = Vec::new();
        for (at, value) in serde_json::Deserializer::from_str(text).into_iter::<Value>().enumerate() {
            let value = value
                .map_err(|error| Error::Fault { rule: at + 1, problem: format!("is not JSON: {error}") })?;
            let position = rules.len();
            let read = FaultRule::read(&value).map_err(|error| match error {
                Error::Fault { rule, problem } => Error::Fault { rule: position + rule, problem },
                other => other,
            })?;
            rules.extend(read);
        }
        Ok(rules)
    }

    fn one(value: &Value) -> Result<FaultRule, String> {
        let rule = members(value, "the rule", &["match", "seed", "fault"])?;
        Ok(FaultRule {
            matcher: rule.get("match").map_or(Ok(Matcher::default()), matcher)?,
            seed: rule.get("seed").map_or(Ok(1), |seed| whole(seed, "seed"))?,
            fault: fault(rule.get("fault").ok_or("has no `fault`")?)?,
            given: value.clone(),
        })
    }
}

fn members<'a>(value: &'a Value, place: &str, known: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let object = value.as_object().ok_or_else(|| format!("{place} is not an object"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{place} has an unknown member `{key}`; known are {}", known.join(", "))),
        None => Ok(object),
    }
}

fn whole(value: &Value, name: &str) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("`{name}` is not a whole number"))
}

fn positive(value: &Value, name: &str) -> Result<u64, String> {
    whole(value, name)?.checked_sub(1).map(|less| less + 1).ok_or_else(|| format!("`{name}` is 0"))
}

fn matcher(value: &Value) -> Result<Matcher, String> {
    let given = members(value, "`match`", &["path", "method", "nth", "every", "probability", "times"])?;
    let text = |name: &str| {
        given.get(name).map(|value| value.as_str().ok_or(format!("`{name}` is not a text"))).transpose()
    };
    let method = text("method")?.map(|name| Method::from_bytes(name.to_uppercase().as_bytes()));
    let probability =
        given.get("probability").map(|value| value.as_f64().filter(|share| (0.0..=1.0).contains(share)));
    Ok(Matcher {
        path: text("path")?.map(str::to_owned),
        method: method.transpose().map_err(|_| "`method` is not a method".to_owned())?,
        nth: given.get("nth").map(numbers).transpose()?,
        every: given.get("every").map(|value| positive(value, "every")).transpose()?,
        probability: match probability {
            Some(None) => return Err("`probability` is not a number from 0 to 1".to_owned()),
            other => other.flatten(),
        },
        times: given.get("times").map(|value| whole(value, "times")).transpose()?,
    })
}

fn numbers(value: &Value) -> Result<Vec<u64>, String> {
    match value {
        Value::Array(numbers) => numbers.iter().map(|number| positive(number, "nth")).collect(),
        one => Ok(vec![positive(one, "nth")?]),
    }
}

/// The members by which faults are known.
const FAULTS: &[&str] = &[
    "status",
    "rate_limited",
    "cut_at",
    "empty_body",
    "empty_object",
    "html",
    "slow",
    "hang",
    "drop",
    "apply_then_fail",
    "repeat_page",
    "clock_offset_seconds",
    "meta_total",
    "gzip_bomb",
    "deep_json",
];

fn fault(value: &Value) -> Result<Fault, String> {
    let object = value.as_object().ok_or("`fault` is not an object")?;
    let kinds: Vec<&str> = FAULTS.iter().copied().filter(|kind| object.contains_key(*kind)).collect();
    let [kind] = kinds[..] else {
        return Err(format!("`fault` needs exactly one of {}", FAULTS.join(", ")));
    };
    members(
        value,
        "`fault`",
        if kind == "status" { &["status", "body", "headers"] } else { std::slice::from_ref(&kind) },
    )?;
    let argument = &object[kind];
    Ok(match kind {
        "status" => {
            Fault::Status { status: status(argument)?, body: body(object)?, headers: headers(object)? }
        }
        "rate_limited" => rate_limited(argument)?,
        "cut_at" => Fault::Cut(cut(argument)?),
        "slow" => {
            let given = members(argument, "`slow`", &["bytes_per_second"])?;
            let pace = given.get("bytes_per_second").ok_or("`slow` needs `bytes_per_second`")?;
            Fault::Slow { bytes_per_second: positive(pace, "bytes_per_second")? }
        }
        "apply_then_fail" => Fault::ApplyThenFail(lost(argument)?),
        "clock_offset_seconds" => {
            Fault::ClockOffset(argument.as_i64().ok_or("`clock_offset_seconds` is not a whole number")?)
        }
        "meta_total" => Fault::MetaTotal(argument.clone()),
        "deep_json" => Fault::DeepJson(positive(argument, "deep_json")? as usize),
        switch if argument != &Value::Bool(true) => return Err(format!("`{switch}` can only be true")),
        "empty_body" => Fault::EmptyBody,
        "empty_object" => Fault::EmptyObject,
        "html" => Fault::Html,
        "hang" => Fault::Hang,
        "drop" => Fault::Drop,
        "repeat_page" => Fault::RepeatPage,
        _ => Fault::GzipBomb,
    })
}

fn status(value: &Value) -> Result<u16, String> {
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
    // Statuses below 200 are not answers.
    number
        .filter(|number| *number >= 200 && StatusCode::from_u16(*number).is_ok())
        .ok_or_else(|| "`status` is not a status from 200".to_owned())
}

fn body(object: &Map<String, Value>) -> Result<String, String> {
    Ok(match object.get("body").map(|body| body.as_str().ok_or("`body` is not a text")).transpose()? {
        None | Some("html") => {
            "<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>\n"
                .to_owned()
        }
        Some("empty") => String::new(),
        Some("json") => r#"{"message":"Something went wrong"}"#.to_owned(),
        Some(text) => text.to_owned(),
    })
}

fn headers(object: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let Some(given) = object.get("headers") else { return Ok(Vec::new()) };
    let given = given.as_object().ok_or("`headers` is not an object")?;
    let header = |(name, value): (&String, &Value)| {
        let text = value.as_str().ok_or_else(|| format!("header `{name}` is not a text"))?;
        HeaderName::try_from(name).map_err(|_| format!("`{name}` is not a header name"))?;
        HeaderValue::from_str(text)
            .map_err(|_| format!("header `{name}` has a value that cannot be sent"))?;
        Ok((name.clone(), text.to_owned()))
    };
    given.iter().map(header).collect()
}

fn rate_limited(value: &Value) -> Result<Fault, String> {
    let given = members(value, "`rate_limited`", &["retry_after"])?;
    let retry_after = match given.get("retry_after") {
        None => Some("1".to_owned()),
        Some(Value::Null) => None,
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::String(text)) if HeaderValue::from_str(text).is_ok() => Some(text.clone()),
        Some(_) => return Err("`retry_after` is neither a text, a number nor null".to_owned()),
    };
    Ok(Fault::RateLimited { retry_after })
}

fn cut(value: &Value) -> Result<Cut, String> {
    match value {
        Value::String(text) if text == "half" => Ok(Cut::Half),
        Value::Number(_) => Ok(Cut::Byte(whole(value, "cut_at")? as usize)),
        _ => Err("`cut_at` is neither a number of bytes nor \"half\"".to_owned()),
    }
}

fn lost(value: &Value) -> Result<Lost, String> {
    let given = members(value, "`apply_then_fail`", &["status", "drop"])?;
    match (given.get("status"), given.get("drop")) {
        (Some(number), None) => Ok(Lost::Status(status(number)?)),
        (None, Some(Value::Bool(true))) => Ok(Lost::Drop),
        _ => Err("`apply_then_fail` needs either `status` or `drop: true`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_documented_fault_is_understood() {
        for fault in [
            json!({"status": 503, "body": "html", "headers": {"Retry-After": "5"}}),
            json!({"rate_limited": {"retry_after": null}}),
            json!({"rate_limited": {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}}),
            json!({"cut_at": 123}),
            json!({"cut_at": "half"}),
            json!({"empty_body": true}),
            json!({"empty_object": true}),
            json!({"html": true}),
            json!({"slow": {"bytes_per_second": 100}}),
            json!({"hang": true}),
            json!({"drop": true}),
            json!({"apply_then_fail": {"status": 502}}),
            json!({"repeat_page": true}),
            json!({"clock_offset_seconds": 3600}),
            json!({"meta_total": "many"}),
            json!({"gzip_bomb": true}),
            json!({"deep_json": 10000}),
        ] {
            FaultRule::read(&json!({"match": {"every": 2}, "fault": fault})).unwrap();
        }
    }

    #[test]
    fn wrong_rules_are_refused_by_name() {
        for (rule, named) in [
            (json!({"mach": {}, "fault": {"hang": true}}), "mach"),
            (json!({"match": {"paths": "/x"}, "fault": {"hang": true}}), "paths"),
            (json!({"fault": {"explode": true}}), "exactly one of"),
            (json!({"fault": {"hang": true, "drop": true}}), "exactly one of"),
            (json!({"fault": {"hang": false}}), "hang"),
            (json!({"fault": {"status": 503, "bdy": "x"}}), "bdy"),
            (json!({"fault": {"status": 99}}), "status"),
            (json!({"match": {"probability": 3}, "fault": {"hang": true}}), "probability"),
            (json!({"match": {"every": 0}, "fault": {"hang": true}}), "every"),
            (json!({"fault": {"slow": {}}}), "bytes_per_second"),
            (json!(7), "not an object"),
        ] {
            let error = FaultRule::read(&rule).unwrap_err().to_string();
            assert!(error.contains(named) && error.starts_with("fault rule 1"), "{rule}: {error}");
        }
    }

    #[test]
    fn fault_file_may_hold_one_object_per_line() {
        let text = "{\"fault\":{\"hang\":true}}\n{\"fault\":{\"drop\":true}}\n";
        assert_eq!(FaultRule::read_text(text).unwrap().len(), 2);
        let error = FaultRule::read_text("{\"fault\":{\"hang\":true}}\n{\"fault\":{}}").unwrap_err();
        assert!(error.to_string().starts_with("fault rule 2"), "{error}");
    }
}
