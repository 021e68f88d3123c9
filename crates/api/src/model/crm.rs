//! Companies, deals, pipelines and users.

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{
    model::{members::FromMember, models},
    wire::Money,
};

models! {
    /// A company; the API calls it an account.
    Company of "accounts" {
        /// Its name, unique.
        name: String = "name",
        /// Its web address.
        url: String = "accountUrl",
        /// The user who looks after it.
        owner: i64 = "owner",
        /// When it was made.
        created: Timestamp = "createdTimestamp",
        /// When it last changed.
        updated: Timestamp = "updatedTimestamp",
    }

    /// That a contact works at a company; a contact has at most one.
    Association of "account_contacts" {
        /// The contact.
        contact: i64 = "contact",
        /// The company.
        company: i64 = "account",
        /// What the contact does there.
        job_title: String = "jobTitle",
        /// When it was made.
        created: Timestamp = "createdTimestamp",
        /// When it last changed.
        updated: Timestamp = "updatedTimestamp",
    }

    /// A deal. Without rights on its pipeline it has title, status and id only.
    Deal of "deals" {
        /// Its title.
        title: String = "title",
        /// Its primary contact.
        contact: i64 = "contact",
        /// Its company.
        company: i64 = "customerAccount",
        /// The pipeline it is in.
        pipeline: i64 = "group",
        /// The stage it is in.
        stage: i64 = "stage",
        /// The user who looks after it.
        owner: i64 = "owner",
        /// Its worth in minor units of `currency`; see [`Deal::amount`].
        value_minor: i64 = "value",
        /// The currency, lower case on the wire.
        currency: String = "currency",
        /// How it stands.
        status: DealStatus = "status",
        /// When it was made.
        created: Timestamp = "cdate",
        /// When it last changed.
        modified: Timestamp = "mdate",
        /// Whether the rights of the key hide the rest.
        disabled: bool = "isDisabled",
    }

    /// A pipeline; the API calls it a deal group.
    Pipeline of "deal_pipelines" {
        /// Its title.
        title: String = "title",
        /// The currency of its deals.
        currency: String = "currency",
        /// Its stages in their order.
        stages: Vec<i64> = "stages",
    }

    /// A stage of a pipeline.
    Stage of "deal_stages" {
        /// Its title.
        title: String = "title",
        /// Its pipeline.
        pipeline: i64 = "group",
        /// Its place in the pipeline, from 1.
        order: i64 = "order",
    }

    /// A user of the account.
    User of "users" {
        /// The name for signing in.
        username: String = "username",
        /// The given name.
        first_name: String = "firstName",
        /// The family name.
        last_name: String = "lastName",
        /// The address.
        email: String = "email",
    }
}

impl Deal {
    /// Its worth; `None` where amount or currency is missing or odd.
    pub fn amount(&self) -> Option<Money> {
        Money::new(self.value_minor?, self.currency.as_deref()?).ok()
    }
}

/// How a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DealStatus {
    /// Open (0).
    Open,
    /// Won (1).
    Won,
    /// Lost (2).
    Lost,
    /// A status that is not documented.
    Other(i64),
}

impl FromMember for DealStatus {
    fn from_member(member: &Json) -> Option<DealStatus> {
        i64::from_member(member).map(|number| match number {
            0 => DealStatus::Open,
            1 => DealStatus::Won,
            2 => DealStatus::Lost,
            other => DealStatus::Other(other),
        })
    }
}
