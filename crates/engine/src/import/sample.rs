//! People for tests.

use achub_core::{
    ConnectionName, EmailAddress,
    email::LocalParts,
    person::{Link, Person, PersonId},
    port::incoming::Incoming,
};
use jiff::Timestamp;

/// Somebody with an address and nothing else.
pub(super) fn person(id: i64, email: &str) -> Person {
    Person {
        id: PersonId(id),
        version: 1,
        email: EmailAddress::parse(email, LocalParts::FoldCase).ok(),
        first_name: None,
        last_name: None,
        company: None,
        companies: Vec::new(),
        ip: None,
        source: None,
        source_page: None,
        lifetime_value: None,
        marks: Vec::new(),
        memberships: Vec::new(),
        tags: Vec::new(),
        values: Vec::new(),
        links: Vec::new(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

/// The contact of this key in the account of the tests.
pub(super) fn link(key: &str) -> Link {
    Link { connection: ConnectionName::new("shop"), key: key.to_owned() }
}

/// Somebody as she is shown, with nothing but an address.
pub(super) fn incoming(key: &str, email: &str) -> Incoming {
    Incoming {
        key: key.to_owned(),
        email: email.to_owned(),
        first_name: None,
        last_name: None,
        companies: Vec::new(),
        ip: None,
        bounced: None,
        values: Vec::new(),
        memberships: Vec::new(),
        created_at: None,
        updated_at: None,
    }
}
