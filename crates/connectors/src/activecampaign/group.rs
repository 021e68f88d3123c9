//! Which of the wanted streams are read in one walk.

use std::collections::{BTreeSet, HashSet};

use achub_api::{
    stream::{Read, Sideload, Stream},
    streams,
};
use achub_core::{Error, StreamName, port::source::Wanted};
use jiff::Timestamp;

use crate::activecampaign::{SATELLITES, find, intake::Feed, span::Span, wide};

/// Streams read in one walk.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The stream whose pages are asked for. Not necessarily wanted itself.
    pub(super) main: &'static Stream,
    /// What is wanted, in the order it was asked for.
    pub(super) wanted: Vec<Wanted>,
    /// Groups of streams of their own that may come along; what they want is among `wanted` too.
    pub(super) riders: Vec<Group>,
}

/// What is wanted, in walks: satellites go with contacts, arrays of one answer with each other, everything else alone.
pub(super) fn groups(wanted: &[Wanted]) -> Result<Vec<Group>, Error> {
    let mut groups: Vec<Group> = Vec::new();
    for wanted in wanted {
        let main = carrier(find(&wanted.stream)?)?;
        match groups.iter_mut().find(|group| group.main.name == main.name) {
            Some(group) => group.wanted.push(wanted.clone()),
            None => groups.push(Group { main, wanted: vec![wanted.clone()], riders: Vec::new() }),
        }
    }
    Ok(groups)
}

/// Walks that are opened at a time: at four requests a second their first requests take two seconds.
const OPENED_AT_ONCE: usize = 8;

/// What is wanted, in parts that are opened one after the other. Contacts with what may come along and deals with their
/// pipelines and stages come first and stay together, what needs a request for each of its parents comes last.
///
/// What is not known is left for the opening to refuse.
pub(super) fn parts(wanted: &[Wanted]) -> Vec<Vec<Wanted>> {
    let mut groups = match groups(wanted) {
        Ok(groups) if groups.len() > OPENED_AT_ONCE => groups,
        _ => return vec![wanted.to_vec()],
    };
    groups.sort_by_key(Group::turn);
    groups
        .chunks(OPENED_AT_ONCE)
        .map(|part| part.iter().flat_map(|group| group.wanted.iter().cloned()).collect())
        .collect()
}

/// The stream whose pages bring `stream`.
fn carrier(stream: &'static Stream) -> Result<&'static Stream, Error> {
    match stream.read {
        Read::With { stream } => find(&StreamName::new(stream)),
        _ if SATELLITES.contains(&stream.name) => find(&StreamName::new("contacts")),
        _ => Ok(stream),
    }
}

impl Group {
    /// When it is opened, the first with 0.
    fn turn(&self) -> u8 {
        let name = self.main.name;
        let comes_along = || {
            let contacts = streams::find("contacts").into_iter().flat_map(|contacts| contacts.sideloads);
            contacts.map(|sideload| sideload.stream).any(|stream| stream == name)
        };
        match self.main.read {
            Read::Keyset => 0,
            Read::Offset | Read::With { .. } if comes_along() => 0,
            _ if matches!(name, "deal_pipelines" | "deal_stages") => 0,
            Read::Offset | Read::With { .. } => 1,
            Read::PageNumber | Read::PerParent { .. } | Read::SegmentMatch { .. } => 2,
        }
    }

    /// Whether `stream` is wanted itself.
    pub(super) fn wants(&self, stream: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted.stream.as_str() == stream)
    }

    /// Whether the main stream's own records are wanted, as they are or laid out.
    pub(super) fn wants_main(&self) -> bool {
        self.wants(self.main.name) || self.wants_wide()
    }

    /// Whether contacts are wanted with a column for each custom field.
    pub(super) fn wants_wide(&self) -> bool {
        self.wants(wide::NAME)
    }

    /// Whether records of `stream` are needed for what is wanted.
    pub(super) fn needs(&self, stream: &str) -> bool {
        self.wants(stream) || (stream == wide::VALUES && self.wants_wide())
    }

    pub(super) fn names(&self) -> Vec<StreamName> {
        self.wanted.iter().map(|wanted| wanted.stream.clone()).collect()
    }

    /// What the walk must read: as much as any of its streams wants.
    pub(super) fn span(&self) -> Span {
        let all =
            |of: fn(&Wanted) -> Option<Timestamp>| self.wanted.iter().map(of).collect::<Option<Vec<_>>>();
        Span {
            since: all(|wanted| wanted.since).and_then(|all| all.into_iter().min()),
            until: all(|wanted| wanted.until).and_then(|all| all.into_iter().max()),
        }
    }

    /// Whether everything there is, is wanted.
    pub(super) fn wants_everything(&self) -> bool {
        let is_limited = |wanted: &Wanted| wanted.row_limit.is_some() || wanted.skip > 0;
        self.span().is_everything() && !self.wanted.iter().any(is_limited)
    }

    /// Names the streams, so that a position is used only for a walk over the same ones.
    pub(super) fn signature(&self) -> String {
        let names: BTreeSet<&str> = self.wanted.iter().map(|wanted| wanted.stream.as_str()).collect();
        names.into_iter().collect::<Vec<_>>().join(",")
    }

    /// Records worth asking for on a page: no more than all limits together leave room for.
    pub(super) fn page_size(&self) -> u32 {
        let most = self.room().and_then(|most| u32::try_from(most).ok());
        most.map_or(self.main.page_size, |most| most.clamp(1, self.main.page_size))
    }

    /// How many of `total` records will be read.
    pub(super) fn within_limits(&self, total: u64) -> u64 {
        self.room().map_or(total, |room| room.min(total))
    }

    /// The most records any of its streams may have; `None` where one has no limit.
    fn room(&self) -> Option<u64> {
        let room = |wanted: &Wanted| wanted.row_limit.map(|limit| limit.saturating_add(wanted.skip));
        let rooms: Option<Vec<u64>> = self.wanted.iter().map(room).collect();
        rooms.and_then(|rooms| rooms.into_iter().max())
    }

    /// The other streams whose records are in the main stream's answers.
    pub(super) fn companions(&self) -> Vec<&'static Stream> {
        self.wanted
            .iter()
            .filter_map(|wanted| streams::find(wanted.stream.as_str()))
            .filter(|stream| stream.name != self.main.name && matches!(stream.read, Read::With { .. }))
            .collect()
    }

    /// What of each stream is passed on: of the main stream what lies in the span that is wanted of it, of the others what
    /// comes along.
    pub(super) fn feeds(&self, includes: &[&'static Sideload]) -> Vec<Feed> {
        self.wanted
            .iter()
            .filter_map(|wanted| {
                let stream = find(&wanted.stream).ok()?;
                let is_main = stream.name == self.main.name || wide::is_wide(&wanted.stream);
                let is_satellite = SATELLITES.contains(&stream.name);
                let include = includes.iter().find(|include| is_satellite && include.stream == stream.name);
                let span = Span { since: wanted.since, until: wanted.until };
                Some(Feed {
                    stream,
                    span: if is_main { span } else { Span::default() },
                    skip: wanted.skip,
                    is_skipping: wanted.skip > 0,
                    room: wanted.row_limit,
                    met: HashSet::new(),
                    parent_field: include.map(|include| include.parent_field),
                })
            })
            .collect()
    }

    /// One of its streams, read on its own. What is made of contacts comes with them.
    pub(super) fn alone(&self, stream: &str) -> Result<Group, Error> {
        let is_main = stream == self.main.name;
        let belongs =
            |wanted: &&Wanted| wanted.stream.as_str() == stream || (is_main && wide::is_wide(&wanted.stream));
        let wanted = self.wanted.iter().filter(belongs).cloned();
        // Read on its own there is no contact whose time would say what changed.
        let wanted = wanted.map(|wanted| Wanted { since: None, until: None, ..wanted }).collect();
        let main = if stream == wide::NAME { self.main } else { find(&StreamName::new(stream))? };
        Ok(Group { main, wanted, riders: Vec::new() })
    }

    /// The group without some of its streams.
    pub(super) fn without(&self, refused: &[&'static Sideload]) -> Group {
        let mut group = self.clone();
        let is_refused = |name: &str| refused.iter().any(|refused| refused.stream == name);
        group.wanted.retain(|wanted| !is_refused(wanted.stream.as_str()));
        group.riders.retain(|rider| !is_refused(rider.main.name));
        group
    }

    /// The group without contacts that are laid out.
    pub(super) fn without_wide(&self) -> Group {
        let mut group = self.clone();
        group.wanted.retain(|wanted| !wide::is_wide(&wanted.stream));
        group
    }

    /// The group without what may come along.
    pub(super) fn without_riders(&self) -> Group {
        let mut group = self.clone();
        let riders = std::mem::take(&mut group.riders);
        group.wanted.retain(|wanted| !riders.iter().any(|rider| rider.wants(wanted.stream.as_str())));
        group
    }

    /// The group with `rider` coming along.
    pub(super) fn with_rider(mut self, rider: Group) -> Group {
        self.wanted.extend_from_slice(&rider.wanted);
        self.riders.push(rider);
        self
    }
}

#[cfg(test)]
mod tests {
    use achub_api::streams;
    use achub_core::{StreamName, port::source::Wanted};

    use super::{OPENED_AT_ONCE, groups, parts};

    fn wanted(names: &[&str]) -> Vec<Wanted> {
        let wanted = |name: &&str| Wanted::all(StreamName::new(*name));
        names.iter().map(wanted).collect()
    }

    #[test]
    fn satellites_are_read_with_contacts() {
        let groups = groups(&wanted(&[
            "lists",
            "contact_tags",
            "deals",
            "contacts",
            "field_options",
            "custom_fields",
        ]))
        .expect("known streams");

        let walks: Vec<(&str, String)> =
            groups.iter().map(|group| (group.main.name, group.signature())).collect();

        assert_eq!(
            walks,
            [
                ("lists", "lists".to_owned()),
                ("contacts", "contact_tags,contacts".to_owned()),
                ("deals", "deals".to_owned()),
                ("custom_fields", "custom_fields,field_options".to_owned()),
            ]
        );
    }

    #[test]
    fn limited_pages_are_no_larger_than_needed() {
        let mut group = groups(&wanted(&["contacts"])).expect("a known stream").remove(0);
        assert_eq!(group.page_size(), 100);

        group.wanted[0].row_limit = Some(7);
        assert_eq!((group.page_size(), group.within_limits(50), group.within_limits(5)), (7, 7, 5));
    }

    /// What is read together is opened together, and nothing gets lost on the way.
    #[test]
    fn parts_keep_walks_whole() {
        let all: Vec<Wanted> =
            streams::all().map(|stream| Wanted::all(StreamName::new(stream.name))).collect();
        let parts = parts(&all);
        let names = |part: &[Wanted]| part.iter().map(|wanted| wanted.stream.clone()).collect::<Vec<_>>();

        let mut given: Vec<StreamName> = parts.iter().flat_map(|part| names(part)).collect();
        let mut expected = names(&all);
        given.sort();
        expected.sort();
        assert_eq!(given, expected);
        assert!(parts.iter().all(|part| groups(part).unwrap().len() <= OPENED_AT_ONCE));
        for first in ["contacts", "contact_tags", "field_values", "deals", "deal_pipelines", "deal_stages"] {
            assert!(names(&parts[0]).contains(&StreamName::new(first)), "{first}: {:?}", names(&parts[0]));
        }
        assert_eq!(super::parts(&all[..5]), [all[..5].to_vec()]);
    }
}
