//! How an answer goes out: whole, packed, cut, slow or not at all.

use std::{io, io::Write, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, write::GzEncoder};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, header};

use super::Shared;
use crate::answer::Answer;

/// The way a body goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole,
    /// Already packed with gzip.
    Packed,
    /// The connection ends after so many bytes.
    CutAt(usize),
    /// The connection ends in the middle.
    CutHalf,
    Slow {
        bytes_per_second: u64,
    },
    /// The connection ends without an answer.
    Dropped,
}

/// Below this size packing saves nothing.
const PACKED_MIN: usize = 1_024;

/// What [`bomb`] unpacks to, in bytes.
const BOMB_SIZE: usize = 1 << 30;

/// The answer to a request with these headers.
pub(super) fn response(shared: &Arc<Shared>, asked: &HeaderMap, answer: Answer, shape: Shape) -> Response {
    let Answer { status, mut headers, mut body, .. } = answer;
    if shape == Shape::Packed || (body.len() >= PACKED_MIN && takes_gzip(asked)) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        if shape != Shape::Packed {
            body = packed(&body);
        }
    }
    // The promised length is what makes a cut body visible as one.
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let length = body.len();
    let body = match shape {
        Shape::Whole | Shape::Packed => Body::from(body),
        Shape::CutAt(bytes) => cut(body, bytes.min(length)),
        Shape::CutHalf => cut(body, length / 2),
        Shape::Slow { bytes_per_second } => slow(Arc::clone(shared), body, bytes_per_second),
        Shape::Dropped => {
            headers.remove(header::CONTENT_LENGTH);
            cut(Vec::new(), 0)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = *headers;
    response
}

/// An answer of the control interface, or one from before anything was decided.
pub(crate) fn plain(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = *answer.headers;
    response
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let accepted = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && quality.trim() != "q=0"
    })
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body).expect("packing into memory does not fail");
    encoder.finish().expect("packing into memory does not fail")
}

/// About a megabyte that unpacks to a gigabyte of zeros.
///
/// One packed megabyte, again and again: a full flush leaves the packer without memory, so its output can be repeated,
/// and only the checksum has to be worked out for the whole.
pub(super) fn bomb() -> Vec<u8> {
    const PIECE: usize = 1 << 20;
    let zeros = vec![0u8; PIECE];
    let mut packer = Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(PIECE);
    packer.compress_vec(&zeros, &mut piece, FlushCompress::Full).expect("packing into memory does not fail");
    let (mut checksum, mut once) = (Crc::new(), Crc::new());
    checksum.update(&zeros);
    once.update(&zeros);
    let pieces = BOMB_SIZE / PIECE;
    for _ in 1..pieces {
        checksum.combine(&once);
    }
    // Header of RFC 1952 without name or time, then an empty last block of RFC 1951, checksum and length.
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    bomb.extend(piece.repeat(pieces));
    bomb.extend([0x03, 0x00]);
    bomb.extend(checksum.sum().to_le_bytes());
    bomb.extend((BOMB_SIZE as u32).to_le_bytes());
    bomb
}

/// The first `kept` bytes, then a broken connection.
fn cut(mut body: Vec<u8>, kept: usize) -> Body {
    body.truncate(kept);
    let chunks = stream::unfold(Some(body), |rest| async move {
        let body = rest?;
        if !body.is_empty() {
            return Some((Ok(Bytes::from(body)), Some(Vec::new())));
        }
        // The server writes what it has only when it has to wait; without this the kept bytes would never leave.
        tokio::task::yield_now().await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
    });
    Body::from_stream(chunks)
}

/// The bytes one tenth of a second at a time, until serving ends.
fn slow(shared: Arc<Shared>, body: Vec<u8>, bytes_per_second: u64) -> Body {
    const TICKS_PER_SECOND: u64 = 10;
    let step = usize::try_from(bytes_per_second.div_ceil(TICKS_PER_SECOND)).unwrap_or(usize::MAX);
    let wait = Duration::from_secs_f64(step as f64 / bytes_per_second as f64);
    let chunks = stream::unfold((shared, Bytes::from(body)), move |(shared, mut rest)| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.closed() => return Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), (shared, Bytes::new()))),
        }
        let chunk = rest.split_to(step.min(rest.len()));
        Some((Ok(chunk), (shared, rest)))
    });
    Body::from_stream(chunks)
}
