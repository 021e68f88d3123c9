//! What is asked for, and whether a page can be the answer to it.

use achub_api::{
    decode::{Decoded, Kind, Unreadable},
    stream::Stream,
};
use achub_core::Error;

use crate::activecampaign::{
    intake,
    left::Reply,
    pages::{Pages, Query},
    ranges::Range,
    span::Span,
};

/// The query for the page that opens a walk.
pub(in crate::activecampaign) fn opening(contacts: &Stream, span: Span, page_size: u32) -> Query {
    let mut query = base(contacts, span, page_size);
    query.push(("orders[id]".to_owned(), "DESC".to_owned()));
    query
}

/// Whether the server orders by id when asked to: the opening page must come newest first.
pub(in crate::activecampaign) fn is_ordered(opening: &Decoded) -> bool {
    let ids = intake::ids(&opening.parts[0].batch);
    ids.windows(2).all(|pair| pair[0] > pair[1])
}

pub(super) fn base(contacts: &Stream, span: Span, page_size: u32) -> Query {
    let mut query = vec![("limit".to_owned(), page_size.to_string())];
    query.extend(span.filters(contacts));
    query
}

fn of_range(contacts: &Stream, span: Span, page_size: u32, range: Range) -> Query {
    let mut query = base(contacts, span, page_size);
    query.push(("orders[id]".to_owned(), "ASC".to_owned()));
    query.push(("id_greater".to_owned(), range.after.to_string()));
    if let Some(before) = range.before {
        query.push(("id_less".to_owned(), before.to_string()));
    }
    query
}

/// In which order the ids of a page come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// As asked for.
    Up,
    /// An account that ignores `orders[id]` and shows the newest first; its ranges are read from above.
    Down,
}

impl Direction {
    pub(super) fn of(ids: &[i64]) -> Option<Direction> {
        if ids.windows(2).all(|pair| pair[0] < pair[1]) {
            Some(Direction::Up)
        } else if ids.windows(2).all(|pair| pair[0] > pair[1]) {
            Some(Direction::Down)
        } else {
            None
        }
    }
}

/// One page of a range, held against what was asked for.
pub(super) async fn fetch(pages: &Pages, span: Span, page_size: u32, range: Range) -> Result<Reply, Error> {
    let check = |decoded: &Decoded| {
        let ids = intake::ids(&decoded.parts[0].batch);
        if let Some(id) = ids.iter().find(|&&id| !range.contains(id)) {
            let message = format!("asked for ids above {}, got {id}", range.after);
            return Err(Unreadable::new(Kind::WrongPage, message));
        }
        if Direction::of(&ids).is_none() {
            return Err(Unreadable::new(Kind::WrongPage, "asked for ids in order, got them mixed"));
        }
        pages.check_sideloads(decoded)
    };
    pages.ask(pages.main().path, of_range(pages.main(), span, page_size, range), check).await
}
