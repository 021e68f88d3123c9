//! What all stores of audiences share: how rows become audiences, and which are asked for.

use std::cmp::Reverse;

use achub_core::{
    AudienceName, Code, Error,
    port::audiences::{
        Audience, AudienceKind, AudienceOrder, AudienceQuery, AudienceStatus, Definition, SourceType,
    },
};

use crate::stored::timestamp;

/// An audience as a row: name, kind, source, definition, status, count, made, updated.
pub(crate) type Columns = (String, String, String, String, String, Option<i64>, i64, i64);

/// The audience of a row. Errors: what is wrong with it.
pub(crate) fn audience(columns: Columns) -> Result<Audience, String> {
    let (name, kind, source, definition, status, member_count, created_ns, updated_ns) = columns;
    let unknown = |what: &str, word: &str| format!("no {what} of audiences is called {word:?}");
    Ok(Audience {
        name: AudienceName::new(name),
        kind: AudienceKind::find(&kind).ok_or_else(|| unknown("kind", &kind))?,
        definition: match SourceType::find(&source).ok_or_else(|| unknown("source", &source))? {
            SourceType::Condition => Definition::Condition(definition),
            SourceType::Sql => Definition::Sql(definition),
            SourceType::Hand => Definition::Hand,
        },
        status: AudienceStatus::find(&status).ok_or_else(|| unknown("status", &status))?,
        member_count: member_count.and_then(|count| u64::try_from(count).ok()),
        created_at: timestamp(created_ns),
        updated_at: timestamp(updated_ns),
    })
}

/// What an audience is found by.
pub(crate) fn key(name: &AudienceName) -> String {
    name.as_str().to_lowercase()
}

/// A count as databases keep it.
pub(crate) fn stored_count(count: Option<u64>) -> Option<i64> {
    count.map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

/// Those of `all` that pass, in order.
pub(crate) fn selected(mut all: Vec<Audience>, query: &AudienceQuery) -> Vec<Audience> {
    let search = query.search.as_deref().map(str::to_lowercase);
    all.retain(|audience| {
        search.as_deref().is_none_or(|search| key(&audience.name).contains(search))
            && query.source.is_none_or(|source| audience.definition.source() == source)
            && query.kind.is_none_or(|kind| audience.kind == kind)
            && query.status.is_none_or(|status| audience.status == status)
    });
    all.sort_by_cached_key(|audience| key(&audience.name));
    match query.order {
        AudienceOrder::Name => {}
        AudienceOrder::UpdatedAt => all.sort_by_key(|audience| Reverse(audience.updated_at)),
        AudienceOrder::MemberCount => all.sort_by_key(|audience| Reverse(audience.member_count)),
    }
    all
}

/// `CF-111`.
pub(crate) fn unknown(name: &AudienceName) -> Error {
    Error::new(Code::UnknownAudience, format!("there is no audience {:?}", name.as_str()))
}

/// `CF-112` where the kind is not static.
pub(crate) fn check_static(name: &AudienceName, kind: AudienceKind) -> Result<(), Error> {
    match kind {
        AudienceKind::Static => Ok(()),
        AudienceKind::Dynamic => {
            Err(Error::new(Code::DynamicAudience, format!("the audience {:?} is dynamic", name.as_str())))
        }
    }
}

/// `RN-109`.
pub(crate) fn gone() -> Error {
    Error::new(Code::ChangedMeanwhile, "cannot put people in who are not in the store any more")
}
