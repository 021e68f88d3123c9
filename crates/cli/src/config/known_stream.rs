//! The streams a replication may name, as far as configuration needs to know them.

use achub_api::{
    stream::{Role, Stream, Type},
    streams,
};
use achub_core::{Code, Error};

use crate::config::nearest::{listed, nearest};

/// The names a Sling user knows, in the order of Sling's own documentation. `*` in a file means these.
pub const SLING: &[&str] = &[
    "contacts",
    "lists",
    "tags",
    "contact_tags",
    "custom_fields",
    "forms",
    "deals",
    "deal_pipelines",
    "deal_stages",
    "accounts",
    "notes",
    "tasks",
    "campaigns",
    "automations",
    "users",
];

/// A stream by name and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownStream {
    /// Its name.
    pub name: String,
    /// The fields that can become columns, in order.
    pub fields: Vec<String>,
    /// The fields that carry nothing a reader needs; our own landing leaves them out.
    pub noise: Vec<String>,
    /// The fields of the key.
    pub key: Vec<String>,
    /// The fields of text.
    pub texts: Vec<String>,
}

/// All streams of the table, in its order, and those made of them. The columns that a derived stream gets from the account
/// are not among its fields here.
pub fn all() -> Vec<KnownStream> {
    streams::all().chain(streams::derived()).map(known).collect()
}

/// Whether a stream is made of others: `contacts_wide`. Who wants all streams, or those of a pattern, does not mean these:
/// they hold nothing of their own.
pub fn is_derived(name: &str) -> bool {
    streams::derived().any(|stream| stream.name == name)
}

fn known(stream: &'static Stream) -> KnownStream {
    let names = |wanted: &dyn Fn(Role) -> bool| {
        stream.fields.iter().filter(|field| wanted(field.role)).map(|field| field.name.to_owned()).collect()
    };
    KnownStream {
        name: stream.name.to_owned(),
        fields: names(&|role| role != Role::Sideload),
        noise: names(&|role| role == Role::Noise),
        key: stream.key.iter().map(|&name| name.to_owned()).collect(),
        texts: stream
            .fields
            .iter()
            .filter(|field| matches!(field.ty, Type::Text | Type::IpNumber) && field.role != Role::Sideload)
            .map(|field| field.name.to_owned())
            .collect(),
    }
}

impl KnownStream {
    /// The field called `name`, without regard to case or underscores: `first_name` finds `firstName`.
    pub fn field(&self, name: &str) -> Option<&str> {
        let plain = |name: &str| name.replace('_', "").to_lowercase();
        let exact = self.fields.iter().find(|field| field.eq_ignore_ascii_case(name));
        exact.or_else(|| self.fields.iter().find(|field| plain(field) == plain(name))).map(String::as_str)
    }
}

/// The name as streams are compared: without quotes, lower case.
pub fn normal(name: &str) -> String {
    name.trim().trim_matches(['"', '`']).to_lowercase()
}

/// The failure that no stream is called `name`: says the nearest, else all.
pub fn unknown(streams: &[KnownStream], name: &str) -> Error {
    let names = || streams.iter().map(|stream| stream.name.as_str());
    let error = Error::new(Code::UnknownStream, format!("there is no stream {name:?}"));
    match nearest(name, names()) {
        Some(near) => error.with_hint(format!("did you mean {near:?}? `achub streams list` shows all")),
        None => error.with_hint(format!("there are: {}. `achub streams list` shows all", listed(names()))),
    }
}

#[cfg(test)]
mod tests {
    use super::{SLING, all};

    #[test]
    fn every_name_of_sling_is_a_stream() {
        let known = all();
        for name in SLING {
            assert!(known.iter().any(|stream| &stream.name == name), "{name}");
        }
    }

    #[test]
    fn fields_are_found_in_any_casing() {
        let known = all();
        let contacts = known.iter().find(|stream| stream.name == "contacts").unwrap();
        assert_eq!(contacts.field("first_name"), Some("firstName"));
        assert_eq!(contacts.field("ID"), Some("id"));
        assert_eq!(contacts.field("contactTags"), None, "ids of sideloads are no columns");
        assert_eq!(contacts.noise, ["links"]);
    }
}
