//! Replication over the ports.

use std::sync::Arc;

use achub_core::{
    Code, Error,
    port::{clock::Clock, progress::Progress, source::Source, state::StateStore, target::Target},
};

use crate::{
    hub::{Preview, Stop, Summary},
    replication::Replication,
};

pub(crate) async fn preview(
    _replication: &Replication,
    _source: &dyn Source,
    _target: &dyn Target,
    _clock: &dyn Clock,
) -> Result<Preview, Error> {
    Err(Error::new(Code::Bug, "not written yet"))
}

pub(crate) async fn start(
    _replication: &Replication,
    _source: &dyn Source,
    _target: &dyn Target,
    _stop: &Stop,
    _state: &dyn StateStore,
    _clock: &dyn Clock,
    _progress: &Arc<dyn Progress>,
) -> Result<Summary, Error> {
    Err(Error::new(Code::Bug, "not written yet"))
}
