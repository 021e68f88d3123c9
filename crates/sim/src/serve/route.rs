//! From method and path to an answer.

use http::{Method, StatusCode};
use serde_json::Value;

use crate::{
    account::Account,
    answer::{Answer, Query, error_body, list, single, special, subcollection},
    write,
};

/// A request to the API as the account sees it.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    /// The segments below `/api/3/`; an empty last one stands for a trailing slash.
    pub(crate) path: Vec<&'a str>,
    pub(crate) query: Query,
    pub(crate) body: &'a [u8],
    /// Scheme and host for links.
    pub(crate) base: &'a str,
}

/// The segments of `path` below `/api/3`, when it is there. Doubled slashes count once; a trailing one stays visible,
/// because it is an empty id for a write.
pub(crate) fn below_api(path: &str) -> Option<Vec<&str>> {
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if segments.len() < 2 || segments[0] != "api" || segments[1] != "3" {
        return None;
    }
    segments.drain(..2);
    if path.ends_with('/') && !segments.is_empty() {
        segments.push("");
    }
    Some(segments)
}

/// Answers a request.
pub(crate) fn answer(account: &mut Account, asked: &Asked<'_>) -> Answer {
    match *asked.method {
        Method::GET | Method::HEAD => read(account, asked),
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE => write::answer(account, asked),
        _ => error_body::message(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
    }
}

fn read(account: &Account, asked: &Asked<'_>) -> Answer {
    let mut path = asked.path.clone();
    if path.last() == Some(&"") {
        path.pop();
    }
    if let Some(answer) = special::answer(account, &path, &asked.query, asked.base) {
        return answer;
    }
    let answer = match path[..] {
        [name] => account.at(name).map(|table| list::list(account, table, &asked.query, asked.base)),
        [first, second] if account.at(&format!("{first}/{second}")).is_some() => account
            .at(&format!("{first}/{second}"))
            .map(|table| list::list(account, table, &asked.query, asked.base)),
        [first, second, id] if account.at(&format!("{first}/{second}")).is_some() => account
            .at(&format!("{first}/{second}"))
            .map(|table| single::single(account, table, id, &asked.query, asked.base)),
        [name, id] => {
            account.at(name).map(|table| single::single(account, table, id, &asked.query, asked.base))
        }
        [name, id, relation] => {
            account.at(name).and_then(|table| subcollection::answer(account, table, id, relation, asked.base))
        }
        _ => None,
    };
    answer.unwrap_or_else(not_found)
}

/// No such address.
pub(crate) fn not_found() -> Answer {
    Answer::value(StatusCode::NOT_FOUND, &serde_json::json!({"message": "Not Found"}))
}

/// The body of a write as JSON; a body that is none counts as an empty object, the way PHP reads it.
pub(crate) fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::Object(serde_json::Map::new()))
}

#[cfg(test)]
mod tests {
    use super::below_api;

    #[test]
    fn slashes_are_forgiven() {
        assert_eq!(below_api("/api/3/contacts"), Some(vec!["contacts"]));
        assert_eq!(below_api("//api/3//contacts/7"), Some(vec!["contacts", "7"]));
        assert_eq!(below_api("/api/3/accounts/"), Some(vec!["accounts", ""]));
        assert_eq!(below_api("/api/3/"), Some(vec![]));
        assert_eq!(below_api("/api/2/contacts"), None);
    }
}
