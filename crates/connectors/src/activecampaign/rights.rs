//! Which right a key lacks when a stream is refused to it.
//!
//! A 403 rarely names the right, so the part of the permissions of a user group in which it is found is named here.
//! Source: the permission columns of `/groups` in recorded answers; activecampaign-api.md §4.8 and §11.4.

use achub_api::stream::{Group, Stream};
use achub_core::{Code, Error};

/// Streams, and the permission of a user group under which they fall.
const RIGHTS: &[(&[&str], &str)] = &[
    (
        &[
            "deals",
            "deal_pipelines",
            "deal_stages",
            "tasks",
            "deal_custom_field_meta",
            "deal_custom_field_data",
            "deal_activities",
            "deal_task_types",
            "deal_roles",
            "contact_deals",
            "deal_group_users",
        ],
        "deals (pgDeal), and access to the pipeline",
    ),
    (
        &["accounts", "account_contacts", "account_custom_field_meta", "account_custom_field_data"],
        "accounts (pgAccount)",
    ),
    (&["lists", "list_groups", "contact_lists"], "lists (pgList)"),
    (&["tags"], "tags (pgTagManage)"),
    (&["forms"], "forms (pgFormEdit)"),
    (&["automations", "automation_blocks", "contact_automations"], "automations (pgAutomationManage)"),
    (&["templates"], "templates (pgTemplate)"),
    (&["saved_responses"], "saved replies (pgSavedResponsesManage)"),
    (&["users"], "users (pg_user)"),
    (&["groups"], "groups (pgGroup)"),
];

/// `error`, with the right that is missing where the key was refused this one thing.
pub(super) fn explained(error: Error, stream: &Stream) -> Error {
    if error.code() != Code::NotAllowed {
        return error;
    }
    let right = missing(stream);
    error
        .context(format_args!("the key's user seems to lack the right to {right}"))
        .with_detail("missing right", right)
}

fn missing(stream: &Stream) -> &'static str {
    let listed = RIGHTS.iter().find(|(streams, _)| streams.contains(&stream.name));
    listed.map_or_else(|| of_group(stream.group), |(_, right)| right)
}

fn of_group(group: Group) -> &'static str {
    match group {
        Group::ContactManagement | Group::Tracking => "contacts (pgContact)",
        Group::Crm => "deals and contacts (pgDeal, pgContact)",
        Group::Marketing => "campaigns and messages (pgMessage, pgReportsCampaign)",
        Group::Account => "the settings of the account, which are for the Admin group",
        Group::Ecommerce => "e-commerce data, which are for the Admin group",
    }
}

#[cfg(test)]
mod tests {
    use achub_api::streams;
    use achub_core::{Code, Error};

    use super::{RIGHTS, explained};

    #[test]
    fn rights_are_of_streams_there_are() {
        for name in RIGHTS.iter().flat_map(|(streams, _)| streams.iter()) {
            assert!(streams::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn only_missing_rights_are_explained() {
        let deals = streams::find("deals").expect("a known stream");
        let refused = explained(Error::new(Code::NotAllowed, "refused"), deals);
        assert!(refused.message().contains("pgDeal"), "{refused}");
        assert_eq!(refused.details()[0].0, "missing right");

        let broken = explained(Error::new(Code::ServerError, "broken"), deals);
        assert_eq!((broken.message(), broken.details().len()), ("broken", 0));
    }
}
