//! Streams made of the answers of others.

use crate::{
    stream::{Read, Stream},
    streams::contact_management::CONTACTS,
};

pub(super) const STREAMS: &[Stream] = &[CONTACTS_WIDE];

const CONTACTS_WIDE: Stream = Stream {
    name: "contacts_wide",
    read: Read::With { stream: "contacts" },
    quirks: &[
        "a contact with a column for each custom field, read with contacts at the price of the field definitions",
        "writing a field value moves the contact's udate; another label of an option or another type of a field does not",
    ],
    ..CONTACTS
};
