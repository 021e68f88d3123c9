//! How a command ends when it does not end well.

use std::{error::Error as _, io};

use achub_core::{Error, code::Class};
use serde_json::{Value, json};

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A failure to be shown.
    #[error(transparent)]
    Error(#[from] Box<Error>),
    /// What was to be said has been said; only the exit code is left.
    #[error("exit {0}")]
    Said(u8),
    /// Standard output cannot be written to. A closed pipe is a quiet end.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(Box::new(error))
    }
}

/// The exit code for a class of failure.
pub fn exit_code(class: Class) -> u8 {
    match class {
        Class::Failed => 1,
        Class::Usage => 2,
        Class::Refused => 3,
        Class::Credentials => 4,
        Class::Guard => 5,
        Class::Busy => 6,
        Class::Unreachable => 7,
        Class::Interrupted => 130,
    }
}

/// The failure as a block of lines.
pub fn block(error: &Error, paint: &dyn Fn(&str) -> String) -> String {
    let page = error.code().page();
    let mut lines = vec![format!("{} {}  {}.", paint("error"), page.id, page.title)];
    let mut line = |name: &str, text: &str| {
        let text = text.replace('\n', "\n          ");
        lines.push(format!("  {name:<7} {text}"));
    };
    line("got", error.message());
    for (name, text) in error.details() {
        line(name, text);
    }
    for cause in causes(error) {
        line("cause", &cause);
    }
    line("means", page.meaning);
    line("likely", page.cause);
    line("try", error.hint());
    line("more", &format!("achub explain {}", page.id));
    lines.join("\n")
}

/// The failure as JSON.
pub fn json(error: &Error, format_version: u32) -> Value {
    let page = error.code().page();
    let details: Vec<Value> =
        error.details().iter().map(|(name, text)| json!({"name": name, "text": text})).collect();
    json!({
        "format_version": format_version,
        "view": "error",
        "code": page.id,
        "title": page.title,
        "message": error.message(),
        "details": details,
        "causes": causes(error),
        "means": page.meaning,
        "likely": page.cause,
        "try": error.hint(),
        "exit_code": exit_code(error.class()),
    })
}

/// The words of those whose failure led to this one, outermost first.
fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use achub_core::{Code, Error};

    use super::{block, exit_code};

    #[test]
    fn block_says_what_means_likely_and_try() {
        let error = Error::new(Code::NotTheApi, "the answer is a web page")
            .with_detail("address", "https://shop.example/app")
            .with_source(std::io::Error::other("their words"));
        insta::assert_snapshot!(block(&error, &str::to_owned), @r"
        error AC-104  That address answered with a web page, not the ActiveCampaign API.
          got     the answer is a web page
          address https://shop.example/app
          cause   their words
          means   Nothing was read or written.
          likely  The address of a page in the browser was copied, or a sign-in page of a network stands in between.
          try     The API address is under Settings → Developer and looks like https://YOURACCOUNT.api-us1.com.
          more    achub explain AC-104
        ");
    }

    #[test]
    fn every_code_has_an_exit_code() {
        let codes: std::collections::BTreeSet<u8> =
            Code::ALL.iter().map(|code| exit_code(code.page().class)).collect();
        assert!(!codes.contains(&0));
    }
}
