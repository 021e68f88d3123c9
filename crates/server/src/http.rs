//! What a daemon answers on loopback: whether it lives, whether it can work, its figures.

use std::sync::Arc;

use achub_core::{Code, Error, port::clock::Clock};
use achub_engine::Stop;
use axum::{Router, extract::State, http::StatusCode, routing::get};

use tokio::net::TcpListener;

use crate::health::Health;

/// What the answers are made from.
#[derive(Clone)]
struct About {
    health: Arc<Health>,
    clock: Arc<dyn Clock>,
}

/// Answers until `stop` is asked for, and then what was asked before.
///
/// Errors: `SY-199` where the listener fails by itself.
pub async fn serve(
    listener: TcpListener,
    health: Arc<Health>,
    clock: Arc<dyn Clock>,
    stop: &Stop,
) -> Result<(), Error> {
    let stop = stop.clone();
    let ended = async move { stop.requested().await };
    let served = axum::serve(listener, routes(health, clock)).with_graceful_shutdown(ended);
    served.await.map_err(|cause| Error::new(Code::Bug, "the server ended by itself").with_source(cause))
}

/// `/healthz`: the process lives. `/readyz`: it can work, else 503 and why. `/metrics`: figures for Prometheus.
pub fn routes(health: Arc<Health>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(About { health, clock })
}

async fn ready(State(about): State<About>) -> (StatusCode, String) {
    match about.health.ready(about.clock.now()) {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", why.0)),
    }
}

async fn metrics(State(about): State<About>) -> ([(&'static str, &'static str); 1], String) {
    ([("content-type", "text/plain; version=0.0.4")], about.health.metrics(about.clock.now()))
}
