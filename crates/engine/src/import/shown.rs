//! Somebody as she is shown, in the types of the store; what does not fit is named.

use achub_core::{
    EmailAddress, Value,
    email::LocalParts,
    person::{BuiltIn, Link, PersonField},
    port::{
        incoming::Incoming,
        people::{RefusedPerson, ip_of},
    },
};
use serde_json::json;

use crate::import::catalogue::Names;

/// A value that the field it is for cannot take (AB-113).
const INVALID_FIELD: &str = "INVALID_FIELD";

/// Somebody in the types of the store.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// As she came.
    pub(super) incoming: Incoming,
    /// Who she is over there.
    pub(super) link: Link,
    /// Her address, where she has one.
    pub(super) email: Option<EmailAddress>,
    /// Her other values. The company's name is among them.
    pub(super) fields: Vec<(PersonField, Value)>,
    /// Values that do not fit their field and are left out; she comes in without them.
    pub(super) left_out: Vec<RefusedPerson>,
    /// Whether she is shown for the first time, and counts.
    pub(super) counts: bool,
}

/// Reads somebody. An address that cannot be one keeps her out (AB-113); any other value that does not fit is left out, so
/// that a wrong IP address never keeps an opt-out from being heard (SX-17).
pub(super) fn shown(
    incoming: Incoming,
    link: Link,
    locals: LocalParts,
    names: &Names,
    counts: bool,
) -> Result<Shown, Box<RefusedPerson>> {
    let email = match incoming.email.trim() {
        "" => None,
        text => Some(EmailAddress::parse(text, locals).map_err(|fault| {
            let reason = format!("the address {fault}: correct it over there, it comes with the next import");
            Box::new(refused(&incoming, "email", reason, names))
        })?),
    };
    let mut left_out = Vec::new();
    let mut fields = built_ins(&incoming);
    match incoming.ip.as_deref().map(ip_of) {
        None | Some(Ok(None)) => {}
        Some(Ok(Some(ip))) => fields.push((PersonField::BuiltIn(BuiltIn::Ip), Value::text(ip.to_string()))),
        Some(Err(text)) => {
            let reason = format!(
                "{text:?} is no IP address, nor the number of one; the contact came in without it: nothing has to be done \
                 unless the address is needed"
            );
            left_out.push(refused(&incoming, BuiltIn::Ip.word(), reason, names));
        }
    }
    for (key, value) in &incoming.values {
        // A field that is not in the catalogue was made while it was being read; writing its value moves her time.
        let Some(field) = names.field(key) else { continue };
        if value.field_type().is_none_or(|shown| shown == field.field_type) {
            fields.push((PersonField::Custom(field.id), value.clone()));
            continue;
        }
        let reason = format!(
            "the field {:?} holds {}, which {:?} is not; the contact came in without it: correct the value over there",
            field.name,
            field.field_type.name(),
            value.display()
        );
        left_out.push(refused(&incoming, &field.name, reason, names));
    }
    Ok(Shown { incoming, link, email, fields, left_out, counts })
}

fn built_ins(incoming: &Incoming) -> Vec<(PersonField, Value)> {
    let company = incoming.companies.first().map(|company| &company.name);
    let texts = [
        (BuiltIn::FirstName, incoming.first_name.as_ref()),
        (BuiltIn::LastName, incoming.last_name.as_ref()),
        (BuiltIn::Company, company),
    ];
    let field = |(field, text): (BuiltIn, Option<&String>)| {
        Some((PersonField::BuiltIn(field), Value::text(text?.as_str())))
    };
    texts.into_iter().filter_map(field).collect()
}

fn refused(incoming: &Incoming, field: &str, reason: String, names: &Names) -> RefusedPerson {
    RefusedPerson {
        key: incoming.key.clone(),
        field: field.to_owned(),
        code: INVALID_FIELD.to_owned(),
        reason,
        columns: columns(incoming, names).to_string(),
    }
}

/// The columns as they came, under the names people know.
fn columns(incoming: &Incoming, names: &Names) -> serde_json::Value {
    let companies: Vec<&str> = incoming.companies.iter().map(|company| company.name.as_str()).collect();
    let mut columns = json!({
        "id": incoming.key,
        "email": incoming.email,
        "first_name": incoming.first_name,
        "last_name": incoming.last_name,
        "company": companies.join(", "),
        "ip": incoming.ip,
    });
    if let Some(columns) = columns.as_object_mut() {
        for (key, value) in &incoming.values {
            let name = names.field(key).map_or(key.as_str(), |field| field.name.as_str());
            columns.insert(name.to_owned(), value.display().into());
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use achub_core::{
        FieldType,
        person::{CustomField, FieldId},
        port::{
            incoming::{Catalogue, ShownField},
            people::Adopted,
        },
    };

    use super::*;
    use crate::import::sample::{incoming, link};

    fn names() -> Names {
        let shown = ShownField {
            key: "4".to_owned(),
            name: "Score".to_owned(),
            field_type: FieldType::Float,
            options: Vec::new(),
            tag: None,
        };
        let field = CustomField {
            id: FieldId(40),
            name: "Score".to_owned(),
            field_type: FieldType::Float,
            options: Vec::new(),
            link: None,
            tag: None,
        };
        let catalogue = Catalogue { lists: Vec::new(), fields: vec![shown] };
        Names::new(&catalogue, &Adopted { fields: vec![field], ..Adopted::default() })
    }

    fn read(incoming: Incoming) -> Result<Shown, Box<RefusedPerson>> {
        shown(incoming, link("7"), LocalParts::FoldCase, &names(), true)
    }

    /// SX-17: numbers are addresses, zero is none, and what is neither goes into the row log with its columns.
    #[test]
    fn ip_is_read_or_put_into_row_log() {
        for (text, expected) in [
            ("2130706433", Some("127.0.0.1")),
            ("0", None),
            ("", None),
            ("::1", Some("::1")),
            ("10.0.0.9", Some("10.0.0.9")),
        ] {
            let shown = read(Incoming { ip: Some(text.to_owned()), ..incoming("7", "ann@example.com") });
            let shown = shown.expect("she can be read");
            let ip = shown.fields.iter().find(|(field, _)| *field == PersonField::BuiltIn(BuiltIn::Ip));
            assert_eq!(ip.map(|(_, value)| value.display()), expected.map(str::to_owned), "{text:?}");
            assert!(shown.left_out.is_empty());
        }
        let odd = Incoming { ip: Some("4294967296".to_owned()), ..incoming("7", "ann@example.com") };
        let left_out = read(odd).expect("she can be read").left_out;
        assert_eq!((left_out[0].code.as_str(), left_out[0].field.as_str()), ("INVALID_FIELD", "ip"));
        assert!(left_out[0].columns.contains("\"ip\":\"4294967296\""), "{}", left_out[0].columns);
    }

    /// AB-113.
    #[test]
    fn address_that_is_none_is_refused() {
        let refused = read(incoming("7", "ann@a..b")).expect_err("it is no address");
        assert_eq!(
            (refused.code.as_str(), refused.field.as_str(), refused.key.as_str()),
            ("INVALID_FIELD", "email", "7")
        );
        assert!(refused.columns.contains("ann@a..b"), "{}", refused.columns);
        assert!(read(incoming("7", " ")).expect("people without an address come in").email.is_none());
    }

    #[test]
    fn value_of_another_type_is_left_out() {
        let mut ann = incoming("7", "ann@example.com");
        ann.values = vec![("4".to_owned(), Value::text("soon")), ("5".to_owned(), Value::text("new field"))];
        let shown = read(ann).expect("she can be read");
        assert!(shown.fields.is_empty());
        assert_eq!(shown.left_out.len(), 1, "{:?}", shown.left_out);
        assert!(shown.left_out[0].reason.contains("holds float"), "{}", shown.left_out[0].reason);
    }
}
