//! All streams, one file per group.

use crate::stream::Stream;

mod account;
mod contact_management;
mod crm;
mod derived;
mod ecommerce;
mod marketing;
mod tracking;

#[cfg(test)]
mod tests;

/// Every stream in the order in which they are shown.
pub fn all() -> impl Iterator<Item = &'static Stream> {
    [
        contact_management::STREAMS,
        crm::STREAMS,
        marketing::STREAMS,
        account::STREAMS,
        ecommerce::STREAMS,
        tracking::STREAMS,
    ]
    .into_iter()
    .flatten()
}

/// The stream called `name`, without regard to case.
pub fn find(name: &str) -> Option<&'static Stream> {
    all().find(|stream| stream.name.eq_ignore_ascii_case(name))
}

/// Streams that are made of the answers of others, with their fixed fields only: what else they have depends on the
/// account. They have no address of their own, and [`all`] and [`find`] do not know them.
pub fn derived() -> impl Iterator<Item = &'static Stream> {
    derived::STREAMS.iter()
}
