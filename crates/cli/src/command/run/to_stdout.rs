//! `run --stdout`: the rows of one stream on standard output, as they are read.
//!
//! What was printed cannot be taken back: where the run fails half way, the rows before the failure are there, and the exit
//! code tells.

use achub_connectors::file::{Format, PipeTarget};

use super::Call;
use crate::{
    command::replication,
    config::replication_file::{AdHoc, Overrides, ReplicationFile, Style},
    output::{self, Failure, Output},
};

/// What stands where a target has its place. Nothing is made there.
const PLACE: &str = "standard_output";

/// Reads the stream that the flags name from `source` and prints its rows: CSV with a header, or JSON lines.
pub(super) async fn run(call: &Call<'_>, source: &str) -> Result<(), Failure> {
    let (format, word) = match call.output.is_json {
        true => (Format::JsonLines, "jsonl"),
        false => (Format::Csv, "csv"),
    };
    let stream = call.flags.src_stream.clone().unwrap_or_default();
    let ad_hoc = AdHoc {
        source: source.to_owned(),
        stream,
        target: format!("file://{PLACE}?format={word}"),
        object: Some("rows".to_owned()),
    };
    let file = ReplicationFile::ad_hoc(&ad_hoc, &call.reading)?;
    let mut context = call.context(&file)?;
    // Of the data there is only one kind: the rows.
    context.output = Output { is_json: false, ..context.output };
    // A row that was printed meets no other one, so each record passes once.
    let overrides = Overrides { primary_key: Some(Vec::new()), ..call.overrides.clone() };
    let Some(mut ready) = replication::of_file(&context, &file, Style::Sling, &overrides).await? else {
        return Ok(());
    };
    if ready.is_dry {
        return replication::execute_under(&context.output, "run", &ready, &call.interrupt).await;
    }
    let target = PipeTarget::new(output::data_writer(), format);
    ready.target = Box::new(target.clone());
    let summary = replication::start(&ready, call.interrupt.stop()).await?;
    if target.is_closed() {
        ready.store.close().await;
        return Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into());
    }
    replication::conclude(&context.output, "run", &ready, &summary, &call.interrupt).await
}
