//! Requests of hooks.

use std::time::Duration;

use achub_client::Letter;
use achub_core::{Code, Error};
use serde_json::{Value, json};

use crate::{
    config::replication_file::Action,
    hooks::{Tools, Values},
};

/// How long a request may take where the file does not say.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends the request; the answer is kept under the name the file gives. A status of 400 or more is a failure, and so is
/// a redirect, which is not followed.
pub async fn send(tools: &Tools, action: &Action, values: &Values) -> Result<Option<(String, Value)>, Error> {
    let Action::Http { url, method, headers, body, into, timeout } = action else { return Ok(None) };
    let letter = Letter {
        url: values.render(url),
        method: method.clone(),
        headers: headers.iter().map(|(name, value)| (name.clone(), values.render(value))).collect(),
        body: body.as_deref().map(|body| values.render(body)),
        timeout: timeout.unwrap_or(TIMEOUT),
    };
    let receipt = tools.outbound.send(&letter).await?;
    if receipt.status >= 300 {
        return Err(Error::new(Code::HookFailed, format!("the answer has status {}", receipt.status)));
    }
    let body: Value = serde_json::from_str(&receipt.body).unwrap_or_else(|_| receipt.body.clone().into());
    let headers: serde_json::Map<String, Value> =
        receipt.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    let answer = json!({ "status": receipt.status, "headers": headers, "body": body });
    Ok(into.clone().map(|name| (name, answer)))
}
