//! Which columns of a contact are attributes of a person (SX-8).
//!
//! Email, names, company and IP have fields of their own; bounces are a mark. What is left is either something a user
//! would look for beside a person, or machinery of ActiveCampaign's: ids, tokens, mirrors of other columns, and counters
//! that move with every mail that is sent and would make every hourly import change everybody.
//! Source: the contact row, activecampaign-api.md §6.3.

use achub_core::FieldType;

/// A column that becomes a custom field of the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    /// The column, which is also the key of the field.
    pub(super) column: &'static str,
    /// The title of the field.
    pub(super) title: &'static str,
    /// What its values are.
    pub(super) field_type: FieldType,
}

/// Columns that become custom fields.
pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute { column: "phone", title: "Phone", field_type: FieldType::Text },
    Attribute { column: "cdate", title: "Created in ActiveCampaign", field_type: FieldType::Timestamp },
    Attribute { column: "sms_consent", title: "SMS consent", field_type: FieldType::Integer },
    Attribute { column: "whatsapp_username", title: "WhatsApp", field_type: FieldType::Text },
];

/// Columns that do not, and why.
#[cfg(test)]
const OTHERS: &[(&str, &str)] = &[
    ("email", "a field of its own"),
    ("firstName", "a field of its own"),
    ("lastName", "a field of its own"),
    ("ip", "a field of its own"),
    ("orgname", "the company where there is no association"),
    ("accountContacts", "the companies"),
    ("id", "the link"),
    ("bounced_hard", "the mark"),
    ("bounced_date", "the date of the mark"),
    ("bounced_soft", "says nothing that lasts"),
    ("udate", "when it changed: passed on, not stored"),
    ("orgid", "deprecated"),
    ("organization", "mirror of orgid"),
    ("segmentio_id", "an id of another system"),
    ("ua", "the browser of the last visit"),
    ("hash", "a token in links, as good as a password"),
    ("socialdata_lastcheck", "legacy, never filled in recordings"),
    ("rating_tstamp", "legacy, never filled in recordings"),
    ("email_local", "always empty in recordings"),
    ("email_domain", "part of the address"),
    ("email_empty", "says that there is no address"),
    ("sentcnt", "moves with every mail"),
    ("gravatar", "whether a picture was found"),
    ("deleted", "machinery"),
    ("deleted_at", "machinery"),
    ("anonymized", "machinery"),
    ("adate", "moves with every activity; meaning unpublished"),
    ("edate", "moves with every activity; meaning unpublished"),
    ("created_utc_timestamp", "mirror of cdate"),
    ("created_timestamp", "mirror of cdate"),
    ("updated_utc_timestamp", "mirror of udate"),
    ("updated_timestamp", "mirror of udate"),
    ("created_by", "a user of the account"),
    ("updated_by", "a user of the account"),
    ("mpp_tracking", "machinery of open tracking"),
    ("last_click_date", "moves with every mail"),
    ("last_open_date", "moves with every mail"),
    ("last_mpp_open_date", "moves with every mail"),
    ("best_send_hour", "a forecast of ActiveCampaign's"),
    ("sms_consent_updated_at", "goes with SMS consent; moves with it"),
    ("whatsapp_id", "an id of another system"),
    ("sentiment", "no longer sent since 2026"),
    ("scoreValues", "ids of scores, another stream"),
    ("contactLists", "memberships"),
    ("contactTags", "not imported (SX-13)"),
    ("fieldValues", "custom fields of their own"),
    ("contactAutomations", "not imported (SX-11)"),
    ("contactData", "another stream"),
    ("contactDeals", "another stream"),
    ("deals", "another stream"),
    ("geoIps", "another stream"),
    ("contactGoals", "another stream"),
    ("trackingLogs", "another stream"),
    ("bounceLogs", "another stream"),
    ("notes", "another stream"),
    ("links", "machinery"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use achub_api::{decode, streams};

    use super::{ATTRIBUTES, OTHERS};

    /// SX-8: every column is either kept or left out for a reason, and a new one fails this.
    #[test]
    fn every_column_is_judged() {
        let contacts = streams::find("contacts").expect("there are contacts");
        let columns: BTreeSet<&str> = contacts.fields.iter().map(|field| field.name).collect();
        let kept = ATTRIBUTES.iter().map(|attribute| attribute.column);
        let judged: Vec<&str> = kept.chain(OTHERS.iter().map(|(column, _)| *column)).collect();

        assert_eq!(judged.iter().copied().collect::<BTreeSet<_>>(), columns);
        assert_eq!(judged.len(), columns.len(), "a column is judged twice");
    }

    #[test]
    fn types_are_those_of_the_columns() {
        let schema = decode::schema(streams::find("contacts").expect("there are contacts"));
        for attribute in ATTRIBUTES {
            let index = schema.index_of(attribute.column).expect("the column is there");
            assert_eq!(schema.fields[index].ty, attribute.field_type, "{}", attribute.column);
        }
    }
}
