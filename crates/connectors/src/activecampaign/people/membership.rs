//! What a membership says about consent (SX-18).

use achub_core::{
    Batch, Value,
    consent::{Cause, ListStatus, Permission},
};
use jiff::Timestamp;

/// The columns of memberships that are looked at.
pub(super) struct Columns {
    contact: usize,
    list: usize,
    status: usize,
    opted_in: usize,
    opted_out: usize,
    form: usize,
    campaign: usize,
    automation: usize,
}

/// Contact, list and what is allowed.
pub(super) type Row = (i64, i64, Permission);

impl Columns {
    /// Where they are in `batch`; `None` where it has no memberships.
    pub(super) fn of(batch: &Batch) -> Option<Columns> {
        let column = |name: &str| batch.schema().index_of(name);
        Some(Columns {
            contact: column("contact")?,
            list: column("list")?,
            status: column("status")?,
            opted_in: column("sdate")?,
            opted_out: column("udate")?,
            form: column("form")?,
            campaign: column("campaign")?,
            automation: column("unsubscribeAutomation")?,
        })
    }

    /// A membership. `None` for one that names no contact or no list.
    pub(super) fn read(&self, values: &[Value]) -> Option<Row> {
        let (Value::Integer(contact), Value::Integer(list)) = (&values[self.contact], &values[self.list])
        else {
            return None;
        };
        let status = match values[self.status] {
            Value::Integer(number) => ListStatus::of_number(number),
            // Not a number: nothing that anybody could have agreed to.
            _ => ListStatus::Other(-1),
        };
        let since = match status {
            ListStatus::Unsubscribed => moment(&values[self.opted_out]),
            // When an address failed is told by the contact, and 91 is no opt-out: sdate says when it began.
            ListStatus::Bounced | ListStatus::Other(_) => None,
            ListStatus::Active | ListStatus::Unconfirmed => moment(&values[self.opted_in]),
        };
        Some((*contact, *list, Permission { status, cause: self.cause(status, values), since }))
    }

    /// Who made it so, where that can be told.
    ///
    /// A subscription with a form came through it, and an opt-out with a campaign through a link in its mail: both are the
    /// person's own doing [inferred from the names of the columns]. An opt-out with an automation is that of whoever
    /// built it [inferred]. `sourceid` tells nothing: 3 is any use of the API, 4 is re-subscribing *or* an admin, and the
    /// others are unpublished (activecampaign-api.md §7.3).
    fn cause(&self, status: ListStatus, values: &[Value]) -> Cause {
        let names = |column: usize| matches!(values[column], Value::Integer(id) if id > 0);
        match status {
            ListStatus::Unsubscribed if names(self.campaign) => Cause::Person,
            ListStatus::Unsubscribed if names(self.automation) => Cause::Admin,
            ListStatus::Active | ListStatus::Unconfirmed if names(self.form) => Cause::Person,
            _ => Cause::Import,
        }
    }
}

fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Timestamp(moment) => Some(*moment),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use achub_api::{decode, streams};

    use super::*;

    fn check(columns: &[(&str, Value)], status: ListStatus, cause: Cause, since: Option<&str>) {
        let schema = decode::schema(streams::find("contact_lists").expect("there are memberships"));
        let mut values = vec![Value::Null; schema.fields.len()];
        for (name, value) in
            columns.iter().chain(&[("contact", Value::Integer(7)), ("list", Value::Integer(2))])
        {
            values[schema.index_of(name).expect("the column is there")] = value.clone();
        }
        let batch = Batch::new(schema);
        let read = Columns::of(&batch).expect("the columns are there").read(&values);
        let since = since.map(|text| text.parse().expect("a timestamp"));
        assert_eq!(read, Some((7, 2, Permission { status, cause, since })), "{columns:?}");
    }

    fn at(text: &str) -> Value {
        Value::Timestamp(text.parse().expect("a timestamp"))
    }

    #[test]
    fn memberships_say_since_when_and_by_whom() {
        let (opted_in, opted_out) = ("2026-01-02T00:00:00Z", "2026-02-03T00:00:00Z");
        let dates = [("sdate", at(opted_in)), ("udate", at(opted_out))];
        let with = |more: &[(&'static str, i64)]| {
            let more = more.iter().map(|(name, number)| (*name, Value::Integer(*number)));
            dates.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        let (active, out) = (ListStatus::Active, ListStatus::Unsubscribed);
        check(&with(&[("status", 1)]), active, Cause::Import, Some(opted_in));
        check(&with(&[("status", 1), ("form", 5)]), active, Cause::Person, Some(opted_in));
        check(&with(&[("status", 2)]), out, Cause::Import, Some(opted_out));
        check(&with(&[("status", 2), ("campaign", 9)]), out, Cause::Person, Some(opted_out));
        check(&with(&[("status", 2), ("unsubscribeAutomation", 9)]), out, Cause::Admin, Some(opted_out));
        check(&with(&[("status", 2), ("sourceid", 4)]), out, Cause::Import, Some(opted_out));
        check(&with(&[("status", 3)]), ListStatus::Bounced, Cause::Import, None);
        check(&with(&[("status", 91)]), ListStatus::Other(91), Cause::Import, None);
        check(&with(&[]), ListStatus::Other(-1), Cause::Import, None);
    }
}
