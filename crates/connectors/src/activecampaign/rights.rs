//! Which right a key may lack when a stream is refused to it.
//!
//! Only one refusal is known to name the right: that to view lists (activecampaign-api.md §4.8, vendor reference). For
//! everything else the permission whose name fits is named, and said to be a guess: the names are those of the columns of
//! `/groups` in recorded answers (§12.6), which no document ties to endpoints. Rights to single pipelines are no refusals:
//! deals come without their contents (§11.4).

use achub_api::stream::{Group, Stream};
use achub_core::{Code, Error};

/// Streams whose refusal is documented to be about a right, and which.
const DOCUMENTED: &[(&[&str], &str)] = &[(&["lists"], "view lists")];

/// Streams, and the permission of a user group under which they fall by its name.
const GUESSED: &[(&[&str], &str)] = &[
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
        "deals (pgDeal)",
    ),
    (
        &["accounts", "account_contacts", "account_custom_field_meta", "account_custom_field_data"],
        "accounts (pgAccount)",
    ),
    (&["list_groups", "contact_lists"], "lists (pgList)"),
    (&["tags"], "tags (pgTagManage)"),
    (&["forms"], "forms (pgFormEdit)"),
    (&["automations", "automation_blocks", "contact_automations"], "automations (pgAutomationManage)"),
    (&["templates"], "templates (pgTemplate)"),
    (&["saved_responses"], "saved replies (pgSavedResponsesManage)"),
    (&["users"], "users (pg_user)"),
    (&["groups"], "groups (pgGroup)"),
];

/// `error`, with the right that is or may be missing where the key was refused this one thing.
pub(super) fn explained(error: Error, stream: &Stream) -> Error {
    if error.code() != Code::NotAllowed {
        return error;
    }
    let name = stream.name;
    if let Some(right) = listed(DOCUMENTED, name) {
        return error
            .context(format_args!("the key's user lacks the right to {right}"))
            .with_detail("missing right", right);
    }
    let right = listed(GUESSED, name).unwrap_or_else(|| of_group(stream.group));
    error
        .context(format_args!(
            "the key's user may not read {name}; ActiveCampaign does not say which right is missing, going by the names \
             of rights it may be {right}"
        ))
        .with_detail("right that may be missing (a guess)", right)
}

fn listed(rights: &[(&[&str], &'static str)], stream: &str) -> Option<&'static str> {
    rights.iter().find(|(streams, _)| streams.contains(&stream)).map(|(_, right)| *right)
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

    use super::{DOCUMENTED, GUESSED, explained};

    #[test]
    fn rights_are_of_streams_there_are() {
        for name in DOCUMENTED.iter().chain(GUESSED).flat_map(|(streams, _)| streams.iter()) {
            assert!(streams::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn guessed_rights_are_said_to_be_guessed() {
        let deals = streams::find("deals").expect("a known stream");
        let refused = explained(Error::new(Code::NotAllowed, "refused"), deals);
        assert!(
            refused.message().contains("does not say which right") && refused.message().contains("pgDeal")
        );
        assert_eq!(refused.details()[0].0, "right that may be missing (a guess)");

        let lists = streams::find("lists").expect("a known stream");
        let refused = explained(Error::new(Code::NotAllowed, "refused"), lists);
        assert!(refused.message().contains("lacks the right to view lists"), "{refused}");
        assert_eq!(refused.details()[0], ("missing right", "view lists".to_owned()));

        let broken = explained(Error::new(Code::ServerError, "broken"), deals);
        assert_eq!((broken.message(), broken.details().len()), ("broken", 0));
    }
}
