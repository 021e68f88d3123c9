//! `run --stdout`: the rows of one stream on standard output.
//!
//! They land in a file of a folder of their own first: what is printed was read to its end, and a failure in the middle
//! prints nothing.

use achub_core::{Code, Error};

use super::Call;
use crate::{
    config::replication_file::{AdHoc, ReplicationFile},
    output::Failure,
};

/// The name of the file the rows land in.
const TABLE: &str = "rows";

/// Reads the stream that the flags name from `source` and prints its rows: CSV with a header, or JSON lines.
pub(super) async fn run(call: &Call<'_>, source: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Error::new(Code::BadFile, "cannot make a folder for the rows").with_source(error)
    };
    let folder = tempfile::Builder::new().prefix("achub-").tempdir().map_err(failed)?;
    let format = if call.output.is_json { "jsonl" } else { "csv" };
    let Some(place) = folder.path().to_str() else {
        return Err(Error::new(Code::BadFile, "the name of the temporary folder is not Unicode").into());
    };
    let stream = call.flags.src_stream.clone().unwrap_or_default();
    let ad_hoc = AdHoc {
        source: source.to_owned(),
        stream,
        target: format!("file://{place}?format={format}"),
        object: Some(TABLE.to_owned()),
    };
    let file = ReplicationFile::ad_hoc(&ad_hoc, &call.reading)?;
    let silent = Call { output: crate::output::Output { is_json: false, ..call.output }, ..call.again() };
    silent.carry_out(&file).await?;
    let rows = folder.path().join(TABLE).with_extension(format);
    // A stream without rows makes no file.
    if rows.exists() { call.output.file(&rows) } else { Ok(()) }
}
