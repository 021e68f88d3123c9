//! Contacts, lists, tags, custom fields, forms and what hangs off them.

use crate::stream::{
    Confidence::Seen, Cursor, Field, Filter, Group::ContactManagement, Matching, Read, Sideload, Stream, Total,
    int, links, sideload_ids, text, time,
};

pub(super) const STREAMS: &[Stream] = &[CONTACTS];

const CONTACTS: Stream = Stream {
    name: "contacts",
    group: ContactManagement,
    path: "contacts",
    envelope: "contacts",
    item: Some("contact"),
    key: &["id"],
    fields: CONTACT_FIELDS,
    read: Read::Keyset,
    page_size: 100,
    order: Some(("orders[id]", "ASC")),
    total: Total::String,
    filters: &[Filter { parameter: "filters[updated_after]", matching: Matching::AtOrAfter("udate"), confidence: Seen }],
    cursor: Some(Cursor { field: "udate", filter: Some("filters[updated_after]") }),
    parent: None,
    sideloads: &[Sideload { include: "contactTags", stream: "contact_tags", parent_field: "contact", confidence: Seen }],
    confidence: Seen,
    page: "List all contacts",
    quirks: &["orders[id], id_greater and id_less exist on this stream only"],
};

const CONTACT_FIELDS: &[Field] =
    &[time("cdate"), text("email"), time("udate"), sideload_ids("contactTags"), links(), int("id")];
