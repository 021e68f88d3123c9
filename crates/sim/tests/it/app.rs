//! A simulator in process, and requests to it.

use achub_sim::{Control, Rate, Settings, Sim};
use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// A simulator in process.
pub struct App {
    pub router: Router,
    pub control: Control,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Settings without limit: a thousand contacts.
pub fn settings() -> Settings {
    Settings { rate: Rate::Off, ..Settings::default() }
}

impl App {
    pub fn new() -> App {
        App::with(settings())
    }

    pub fn with(settings: Settings) -> App {
        let sim = Sim::new(settings).unwrap();
        App { router: sim.router(), control: sim.control() }
    }

    /// A request with the right key; the body may be cut, then an error comes back.
    pub async fn try_call(
        &self,
        method: Method,
        uri: &str,
        body: Option<&Value>,
    ) -> Result<Reply, axum::Error> {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request =
            Request::builder().method(method).uri(uri).header("Api-Token", "demo").body(body).unwrap();
        self.send(request).await
    }

    pub async fn send(&self, request: Request<Body>) -> Result<Reply, axum::Error> {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes().to_vec();
        Ok(Reply { status: parts.status, headers: parts.headers, bytes })
    }

    pub async fn call(&self, method: Method, uri: &str, body: Option<&Value>) -> Reply {
        self.try_call(method, uri, body).await.unwrap()
    }

    /// A GET below `/api/3` that must succeed, as JSON.
    pub async fn get(&self, path: &str) -> Value {
        let reply = self.call(Method::GET, &format!("/api/3{path}"), None).await;
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.bytes));
        reply.json()
    }

    /// Any request below `/api/3`, as status and JSON.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let reply = self.call(method, &format!("/api/3{path}"), body.as_ref()).await;
        (reply.status.as_u16(), reply.json())
    }
}

/// The ids of the rows under `key`.
pub fn ids(answer: &Value, key: &str) -> Vec<u64> {
    answer[key].as_array().unwrap_or_else(|| panic!("no {key} in {answer}")).iter().map(id).collect()
}

/// The id of a row.
pub fn id(row: &Value) -> u64 {
    row["id"].as_str().unwrap_or_else(|| panic!("no id in {row}")).parse().unwrap()
}
