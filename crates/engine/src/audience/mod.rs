//! Audiences: the language in which people are selected, and why somebody is in or out.
//!
//! The language is described in `docs/audiences.md`; every example there is read by a test.

mod explain;
mod fault;
mod fill;
mod grammar;
mod moment;
mod names;
mod print;
mod subject;
#[cfg(test)]
mod tests;

use achub_core::{Error, condition::Condition};
use jiff::Timestamp;

pub use explain::{Case, Explanation, explain};
pub use fill::{Members, NAME_MAX, Ports, SAMPLE, Selected, count, draft, fill, members, preview, why};
pub use names::Names;
pub use print::print;

/// Reads a condition. Names are looked up in `names`, times such as `30 days ago` are counted from `now`.
///
/// The text is at most 20,000 characters long, nested at most 32 deep, and has at most 500 statements.
/// Errors: `CF-108` with the place (detail `at`: the line, and `^` under the character), what was expected, and what comes
/// near (in the message, and as detail `near` where it is several).
pub fn parse(text: &str, names: &Names, now: Timestamp) -> Result<Condition, Error> {
    grammar::parse(text, names, now).map_err(|fault| fault.error(text))
}
