//! What a daemon answers about itself.

use std::time::Duration;

use achub_server::http::routes;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::rig::{Rig, Scripted, live};

async fn get(router: &axum::Router, path: &str) -> (StatusCode, String) {
    let answer = router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn daemon_tells_how_it_is() {
    let rig = Rig::new();
    let runner = Scripted::new(&rig.clock, &[]);
    let daemon = rig.daemon("one", &runner, &[("imports.shop", "every hour")]);
    let router = routes(daemon.health(), rig.clock.clone());

    assert_eq!(get(&router, "/healthz").await, (StatusCode::OK, "alive\n".to_owned()));
    assert_eq!(get(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);

    live(&[&daemon], Duration::from_secs(3_700)).await;

    assert_eq!(get(&router, "/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
    let (status, figures) = get(&router, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(figures.contains("achub_runs_ended_total{outcome=\"done\"} 1\n"), "{figures}");

    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(get(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
}
