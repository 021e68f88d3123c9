//! Why somebody is in an audience, or left out.

use achub_core::{
    Value,
    condition::{Comparison, Condition, Facts, Literal, Subject, is_filled},
    consent::{Cause, ListStatus, Permission, SuppressionReason},
    person::{ListId, Mark, Membership},
};
use jiff::Timestamp;

use crate::audience::{names::Names, print};

/// The most characters of a value in a sentence.
const VALUE_MAX: usize = 80;

/// One person, with what explains her case.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What conditions ask about.
    pub facts: Facts<'a>,
    /// Why and since when her address is suppressed, where it is.
    pub suppression: Option<(SuppressionReason, Timestamp)>,
}

/// Whether a condition is true of a person, and what made it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether she is in.
    pub is_included: bool,
    /// What decided, one sentence each, without a capital or a full stop. Parts that would have changed nothing are not
    /// among them; there is always at least one.
    pub reasons: Vec<String>,
}

/// Explains the case of one person.
pub fn explain(condition: &Condition, case: &Case<'_>, names: &Names) -> Explanation {
    let mut reasons = Vec::new();
    Explainer { case, names }.because(condition, &mut reasons);
    reasons.dedup();
    Explanation { is_included: condition.holds(&case.facts), reasons }
}

struct Explainer<'e> {
    case: &'e Case<'e>,
    names: &'e Names,
}

impl Explainer<'_> {
    /// Tells of the leaves that make `condition` what it is.
    fn because(&self, condition: &Condition, reasons: &mut Vec<String>) {
        let person = self.case.facts.person;
        match condition {
            Condition::Everybody => reasons.push("everybody is meant".to_owned()),
            Condition::All(parts) => self.deciding(parts, false, "nothing is asked for", reasons),
            Condition::Any(parts) => self.deciding(parts, true, "nobody is meant", reasons),
            Condition::Not(inner) => self.because(inner, reasons),
            Condition::Compare(subject, comparison, literal) => {
                reasons.push(self.comparison(condition, subject, *comparison, literal));
            }
            Condition::IsKnown(subject) => reasons.push(self.known(subject)),
            Condition::Tagged(tag) => {
                let verb = if person.tags.contains(tag) { "carries" } else { "does not carry" };
                let name = self.names.tag_name(*tag).map_or_else(|| tag.to_string(), print::quoted);
                reasons.push(format!("she {verb} the tag {name}"));
            }
            Condition::Marked(mark) => reasons.push(self.mark(*mark)),
            Condition::ActiveOn(list) | Condition::EverOn(list) => reasons.push(self.on(*list)),
            Condition::Mailable => self.mailable(reasons),
        }
    }

    /// The parts that decide a join: where one that is `decisive` is there, all such; else all parts.
    fn deciding(&self, parts: &[Condition], decisive: bool, none: &str, reasons: &mut Vec<String>) {
        let holds = |part: &&Condition| part.holds(&self.case.facts) == decisive;
        let decisive: Vec<&Condition> = parts.iter().filter(holds).collect();
        let telling = if decisive.is_empty() { parts.iter().collect() } else { decisive };
        if telling.is_empty() {
            reasons.push(none.to_owned());
        }
        telling.into_iter().for_each(|part| self.because(part, reasons));
    }

    /// The values behind a subject that say anything, as they are shown.
    fn values(&self, subject: &Subject) -> Vec<String> {
        self.case.facts.values(subject).iter().filter(|value| is_filled(value)).map(shown).collect()
    }

    fn comparison(
        &self,
        condition: &Condition,
        subject: &Subject,
        comparison: Comparison,
        literal: &Literal,
    ) -> String {
        let name = print::subject(subject, self.names);
        let wanted = print::literal(subject, literal);
        let holds = condition.holds(&self.case.facts);
        let verb = verb(comparison, matches!(literal, Literal::Instant(_)), holds);
        match self.values(subject).as_slice() {
            [] => format!("{name} is not known, so it cannot be compared with {wanted}"),
            [value] => format!("{name} is {value}, which {verb} {wanted}"),
            several if holds => {
                format!("{name} is {}, of which one {verb} {wanted}", several.join(" and "))
            }
            several => format!("{name} is {}, of which each {verb} {wanted}", several.join(" and ")),
        }
    }

    fn known(&self, subject: &Subject) -> String {
        let name = print::subject(subject, self.names);
        match self.values(subject).as_slice() {
            [] => format!("{name} is empty"),
            values => format!("{name} is {}", values.join(" and ")),
        }
    }

    fn mark(&self, mark: Mark) -> String {
        match self.case.facts.person.marks.iter().find(|(set, _)| *set == mark) {
            Some((_, since)) => format!("she is marked {} since {}", mark.word(), moment(*since)),
            None => format!("she is not marked {}", mark.word()),
        }
    }

    fn on(&self, list: ListId) -> String {
        let held = |membership: &&Membership| membership.list == list;
        match self.case.facts.person.memberships.iter().find(held) {
            Some(membership) => self.standing(membership),
            None => format!("she was never on the list {}", self.list(list)),
        }
    }

    fn standing(&self, membership: &Membership) -> String {
        let Permission { status, cause, since } = membership.permission;
        let since = since.map(|since| format!(" since {}", moment(since))).unwrap_or_default();
        let list = self.list(membership.list);
        format!("she is {} on the list {list}{since}{}", word(status), by(cause))
    }

    fn list(&self, list: ListId) -> String {
        self.names.list_name(list).map_or_else(|| list.to_string(), print::quoted)
    }

    /// All that keeps her from being mailed, or what allows it.
    fn mailable(&self, reasons: &mut Vec<String>) {
        let Facts { person, is_suppressed, .. } = self.case.facts;
        let before = reasons.len();
        if person.email.is_none() {
            reasons.push("she has no address".to_owned());
        }
        if is_suppressed {
            reasons.push(match self.case.suppression {
                Some((reason, since)) => {
                    format!("her address is suppressed since {}: {}", moment(since), why(reason))
                }
                None => "her address is suppressed".to_owned(),
            });
        }
        reasons.extend(person.marks.iter().map(|(mark, _)| self.mark(*mark)));
        let active: Vec<&Membership> = person
            .memberships
            .iter()
            .filter(|membership| membership.permission.status == ListStatus::Active)
            .collect();
        if active.is_empty() {
            match person.memberships.as_slice() {
                [] => reasons.push("she was never on any list".to_owned()),
                lists => reasons.extend(lists.iter().map(|membership| self.standing(membership))),
            }
        }
        if reasons.len() == before {
            let lists: Vec<String> = active.iter().map(|membership| self.list(membership.list)).collect();
            reasons.push(format!("she may be mailed: active on {}", lists.join(", ")));
        }
    }
}

fn verb(comparison: Comparison, is_time: bool, holds: bool) -> &'static str {
    match (comparison, is_time, holds) {
        (Comparison::Equals, _, true) => "is",
        (Comparison::Equals, _, false) => "is not",
        (Comparison::Less, true, true) | (Comparison::AtLeast, true, false) => "is before",
        (Comparison::Less, true, false) | (Comparison::AtLeast, true, true) => "is not before",
        (Comparison::Greater, true, true) | (Comparison::AtMost, true, false) => "is after",
        (Comparison::Greater, true, false) | (Comparison::AtMost, true, true) => "is not after",
        (Comparison::Less, false, true) | (Comparison::AtLeast, false, false) => "is less than",
        (Comparison::Less, false, false) | (Comparison::AtLeast, false, true) => "is not less than",
        (Comparison::Greater, false, true) | (Comparison::AtMost, false, false) => "is more than",
        (Comparison::Greater, false, false) | (Comparison::AtMost, false, true) => "is not more than",
        (Comparison::Contains, _, true) => "contains",
        (Comparison::Contains, _, false) => "does not contain",
        (Comparison::StartsWith, _, true) => "starts with",
        (Comparison::StartsWith, _, false) => "does not start with",
        (Comparison::EndsWith, _, true) => "ends with",
        (Comparison::EndsWith, _, false) => "does not end with",
    }
}

fn word(status: ListStatus) -> &'static str {
    match status {
        ListStatus::Other(_) => "in an unknown status",
        known => known.word(),
    }
}

fn by(cause: Cause) -> &'static str {
    match cause {
        Cause::Person => ", by herself",
        Cause::Admin => ", by somebody who manages the account",
        Cause::Hub => ", by this hub",
        Cause::Import => ", as the import found it",
        Cause::Unknown => "",
    }
}

fn why(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Erased => "she asked to be forgotten",
        SuppressionReason::Complained => "she called our mail spam",
        SuppressionReason::OptedOut => "she opted out of everything",
        SuppressionReason::HardBounced => "mail to it came back for good",
        SuppressionReason::Manual => "a person at the desk decided so",
    }
}

/// A value as a sentence shows it, cut where it is long.
fn shown(value: &Value) -> String {
    let text = value.display();
    let cut: String = text.chars().take(VALUE_MAX).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    match value {
        Value::Text(_) => print::quoted(&format!("{cut}{dots}")),
        Value::Timestamp(instant) => moment(*instant),
        _ => format!("{cut}{dots}"),
    }
}

fn moment(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
