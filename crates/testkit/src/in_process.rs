//! The simulator without a network: the client's requests go straight into its router.

use achub_client::{Body, Stage, Transport, TransportError};
use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use futures_util::StreamExt;
use tower::ServiceExt;

/// Carries requests into a router of this process.
#[derive(Debug, Clone)]
pub struct InProcess(pub Router);

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Body>, TransportError> {
        let response = self.0.clone().oneshot(request.map(axum::body::Body::from)).await;
        let response = response.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let body = body.into_data_stream();
        let body =
            body.map(|chunk| chunk.map_err(|error| TransportError::new(Stage::Body).with_source(error)));
        Ok(http::Response::from_parts(parts, body.boxed()))
    }
}
