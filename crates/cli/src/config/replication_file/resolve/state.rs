//! Where the state lives: `SLING_STATE`. Why it cannot live elsewhere: docs/decisions/0015.

use achub_core::{Code, Error};

use super::Setting;
use crate::config::replication_file::ReplicationFile;

/// The schema of the state table, `None` for the target's default.
///
/// Errors: `CF-105` for a state apart from the rows it stands for, `CF-104` for a place that is no schema.
pub(super) fn schema(file: &ReplicationFile, setting: &Setting<'_>) -> Result<Option<String>, Error> {
    let Some(place) = &setting.switches.state else { return Ok(None) };
    let (connection, schema) = place.split_once('/').unwrap_or((place, ""));
    let (connection, schema) = (connection.trim(), schema.trim().trim_matches('/'));
    let is_target =
        [setting.target.0, &file.target.text].iter().any(|name| name.eq_ignore_ascii_case(connection));
    if !is_target {
        let what = format!(
            "SLING_STATE: the state of a stream lives beside its rows, so its connection must be the target {}, got {connection}",
            setting.target.0
        );
        return Err(Error::new(Code::NotGranted, what)
            .with_hint(format!("write `SLING_STATE: {}/SCHEMA`, or leave it out", setting.target.0)));
    }
    match schema {
        "" => Ok(None),
        schema if schema.contains(['/', '.', '"']) => {
            Err(Error::new(Code::BadFile, format!("SLING_STATE: {schema:?} is not the name of a schema"))
                .with_hint(format!("write `SLING_STATE: {}/SCHEMA`", setting.target.0)))
        }
        schema => Ok(Some(schema.to_owned())),
    }
}
