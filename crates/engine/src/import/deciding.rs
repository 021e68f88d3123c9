//! What becomes of one person: who she is, what changes, and what is told about it.

use achub_core::{
    Outcome, Value,
    person::{BuiltIn, CompanyId, Mark, Person, PersonField, TagId},
    port::{
        activity::ValueChange,
        people::{Found, PermissionChange, PersonChange, Whom},
    },
};
use jiff::Timestamp;

use crate::import::{
    allowed::{Allowed, allowed},
    catalogue::Names,
    definition::Merge,
    matching::matched,
    merging::merged,
    shown::Shown,
};

/// What decides, the same for everybody of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// What happens to fields of people who are there.
    pub(super) merge: Merge,
    /// The tag everybody gets.
    pub(super) tag: Option<TagId>,
    /// Lists and fields of the store.
    pub(super) names: &'a Names,
    /// Now.
    pub(super) at: Timestamp,
}

/// What becomes of one person.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decided {
    /// What changes; `None` where nothing does.
    pub(super) change: Option<PersonChange>,
    /// What is counted and told.
    pub(super) outcome: Outcome,
    /// What was shown on lists and not taken.
    pub(super) kept: Vec<PermissionChange>,
    /// Keys of lists that are not in the catalogue.
    pub(super) unknown_lists: Vec<String>,
    /// Her address belongs to another contact, or did until now.
    pub(super) is_duplicate: bool,
}

/// Decides about somebody who was looked for. `companies` are those of the store for the companies she is shown with.
pub(super) fn decided(shown: &Shown, found: &Found, companies: &[CompanyId], rules: &Rules<'_>) -> Decided {
    let matched = matched(found, &shown.link);
    let person = matched.person;
    let merge = match rules.merge {
        Merge::Overwrite if matched.is_twin => Merge::FillMissing,
        merge => merge,
    };
    let fields = merged(person, shown.email.as_ref(), &shown.fields, merge);
    let Allowed { changes: permissions, kept, unknown } =
        allowed(person, &shown.incoming.memberships, rules.names.lists(), matched.is_twin);
    let change = PersonChange {
        whom: person.map_or(Whom::New(shown.email.clone()), |person| Whom::Known(person.id, person.version)),
        links: matched.gets_link.then(|| shown.link.clone()).into_iter().collect(),
        email: fields.email,
        fields: fields.changes,
        permissions,
        marks: bounce(person, shown, rules.at).into_iter().collect(),
        marks_cleared: Vec::new(),
        tags: rules
            .tag
            .filter(|tag| person.is_none_or(|person| !person.tags.contains(tag)))
            .into_iter()
            .collect(),
        tags_removed: Vec::new(),
        companies: joined(person, companies),
        outcome: Outcome::Same,
    };
    let outcome = match person {
        None => Outcome::Added,
        Some(_) if is_seen(&change) => Outcome::Changed,
        Some(_) if !kept.is_empty() => Outcome::Held,
        Some(_) if fields.left > 0 => Outcome::Skipped,
        Some(_) => Outcome::Same,
    };
    let is_written = outcome == Outcome::Added || is_seen(&change) || !change.links.is_empty();
    Decided {
        change: is_written.then_some(PersonChange { outcome, ..change }),
        outcome,
        kept,
        unknown_lists: unknown,
        is_duplicate: matched.is_duplicate,
    }
}

/// Whether somebody who looks at the person sees that anything is different.
fn is_seen(change: &PersonChange) -> bool {
    !(change.fields.is_empty()
        && change.permissions.is_empty()
        && change.marks.is_empty()
        && change.tags.is_empty()
        && change.companies.is_empty())
}

/// The mark of somebody whose mail comes back for good; it is set once and never taken off (SX-15, SX-16).
fn bounce(person: Option<&Person>, shown: &Shown, now: Timestamp) -> Option<(Mark, Timestamp)> {
    let since = shown.incoming.bounced?;
    let is_marked = person.is_some_and(|person| person.is_marked(Mark::Bounced));
    (!is_marked).then(|| (Mark::Bounced, since.unwrap_or(now)))
}

/// Companies she does not belong to yet (AB-93).
fn joined(person: Option<&Person>, companies: &[CompanyId]) -> Vec<CompanyId> {
    let mut joined: Vec<CompanyId> = Vec::new();
    for &company in companies {
        let belongs = person.is_some_and(|person| person.companies.contains(&company));
        if !belongs && !joined.contains(&company) {
            joined.push(company);
        }
    }
    joined
}

/// A change in words: field, before, after (AB-114).
pub(super) fn in_words(change: &PersonChange, names: &Names, tag: Option<&str>) -> Vec<ValueChange> {
    let word = |field: String, before: String, after: String| ValueChange { field, before, after };
    let fields = change
        .fields
        .iter()
        .map(|change| word(names.field_name(change.field), plain(&change.before), plain(&change.after)));
    let lists = change.permissions.iter().map(|change| {
        let before = change.before.map(|before| before.status.word()).unwrap_or_default();
        word(
            format!("list {}", names.list_name(change.list)),
            before.to_owned(),
            change.after.status.word().to_owned(),
        )
    });
    let marks =
        change.marks.iter().map(|(mark, _)| word("mark".to_owned(), String::new(), mark.word().to_owned()));
    let tags =
        change.tags.iter().map(|_| word("tag".to_owned(), String::new(), tag.unwrap_or_default().to_owned()));
    let companies = change
        .companies
        .iter()
        .filter(|_| {
            !change.fields.iter().any(|change| change.field == PersonField::BuiltIn(BuiltIn::Company))
        })
        .map(|company| word("company".to_owned(), String::new(), format!("company {company}")));
    fields.chain(lists).chain(marks).chain(tags).chain(companies).collect()
}

fn plain(value: &Value) -> String {
    value.display()
}

#[cfg(test)]
mod tests {
    use achub_core::email::LocalParts;

    use super::*;
    use crate::import::{
        sample::{incoming, link, person},
        shown::shown,
    };

    fn rules(names: &Names) -> Rules<'_> {
        Rules { merge: Merge::Overwrite, tag: Some(TagId(3)), names, at: Timestamp::UNIX_EPOCH }
    }

    fn ann(names: &Names) -> Shown {
        let ann = incoming("7", "ann@example.com");
        shown(ann, link("7"), LocalParts::FoldCase, names, true).expect("she can be read")
    }

    fn known() -> Found {
        let held = Person { links: vec![link("7")], tags: vec![TagId(3)], ..person(1, "ann@example.com") };
        Found { by_link: Some(held.clone()), by_email: Some(held) }
    }

    /// SX-10: a tag that is there is not given again.
    #[test]
    fn tag_is_given_once() {
        let names = Names::default();
        let added = decided(&ann(&names), &Found::default(), &[], &rules(&names));
        assert_eq!(added.outcome, Outcome::Added);
        assert_eq!(added.change.expect("she is new").tags, [TagId(3)]);

        let same = decided(&ann(&names), &known(), &[], &rules(&names));
        assert_eq!((same.outcome, same.change), (Outcome::Same, None));
    }

    /// SX-15, SX-16: set by a bounce, and not cleared where there is none any more.
    #[test]
    fn bounce_mark_is_set_and_stays() {
        let names = Names::default();
        let mut bounced = ann(&names);
        bounced.incoming.bounced = Some(None);
        let set = decided(&bounced, &known(), &[], &rules(&names)).change.expect("the mark is new");
        assert_eq!(set.marks, [(Mark::Bounced, Timestamp::UNIX_EPOCH)]);

        let mut found = known();
        for person in [&mut found.by_link, &mut found.by_email].into_iter().flatten() {
            person.marks.push((Mark::Bounced, Timestamp::UNIX_EPOCH));
        }
        for shown in [bounced, ann(&names)] {
            assert_eq!(decided(&shown, &found, &[], &rules(&names)).change, None);
        }
    }

    #[test]
    fn new_link_alone_is_written_and_not_told() {
        let names = Names::default();
        let mut found = known();
        found.by_link = None;
        if let Some(person) = &mut found.by_email {
            person.links.clear();
        }

        let decided = decided(&ann(&names), &found, &[], &rules(&names));

        assert_eq!((decided.outcome, decided.is_duplicate), (Outcome::Same, false));
        assert_eq!(decided.change.expect("the link is stored").links, [link("7")]);
    }

    /// AB-93: the association is kept, and one that is known is not made again.
    #[test]
    fn companies_are_joined_once() {
        let names = Names::default();
        let joined = decided(&ann(&names), &known(), &[CompanyId(5), CompanyId(5)], &rules(&names));
        assert_eq!(joined.change.expect("the company is new").companies, [CompanyId(5)]);
    }
}
