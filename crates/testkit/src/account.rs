//! An account played in this process, and the strings by which a test pulls it.

use std::sync::Arc;

use achub_client::{BaseUrl, Client, Limits, Pace, Settings};
use achub_core::{
    Secret,
    port::{budget::BudgetStore, clock::Clock, progress::Progress},
};
use axum::{Router, body::Body};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::in_process::InProcess;

/// The key every played account takes.
pub const KEY: &str = "demo";

/// A simulator without a network, until [`Account::serve`] gives it one.
#[derive(Clone)]
pub struct Account {
    sim: achub_sim::Sim,
    router: Router,
}

/// An account that listens on loopback until this is dropped.
pub struct Served {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Served {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Account {
    /// Plays an account with these settings.
    ///
    /// # Panics
    /// Where the settings are refused: a mistake of the test.
    pub fn new(settings: achub_sim::Settings) -> Account {
        let sim = achub_sim::Sim::new(settings).expect("a test's settings are right");
        Account { router: sim.router(), sim }
    }

    /// Listens on a free port of loopback, for programs of their own.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn serve(&self) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let sim = self.sim.clone();
        let task = tokio::spawn(async move {
            sim.serve(listener, std::future::pending()).await.expect("the listener goes on");
        });
        Served { url: format!("http://{address}"), task }
    }

    /// A client of this account.
    pub fn client(
        &self,
        pace: Pace,
        budget: Arc<dyn BudgetStore>,
        clock: Arc<dyn Clock>,
        progress: Arc<dyn Progress>,
    ) -> Client {
        let pasted = BaseUrl::parse("http://127.0.0.1:8075").expect("the simulator's own address is one");
        let settings = Settings {
            base_url: pasted.url,
            key: Secret::new(KEY),
            pace,
            allow_private_address: true,
            limits: Limits::default(),
        };
        Client::new(settings, Arc::new(InProcess(self.router.clone())), budget, clock, progress)
    }

    /// Makes, changes or deletes rows, now or between pages: the body of `POST /_sim/mutate`.
    pub async fn mutate(&self, mutation: Value) -> Value {
        self.control(Method::POST, "/_sim/mutate", Some(mutation)).await
    }

    /// Adds fault rules: the body of `POST /_sim/faults`.
    pub async fn faults(&self, rules: Value) {
        self.control(Method::POST, "/_sim/faults", Some(rules)).await;
    }

    /// Ends all faults, and all changes between pages.
    pub async fn calm(&self) {
        self.control(Method::DELETE, "/_sim/faults", None).await;
        self.control(Method::DELETE, "/_sim/mutate", None).await;
    }

    /// Chooses answers to open questions: the body of `POST /_sim/switches`.
    pub async fn switches(&self, switches: Value) {
        self.control(Method::POST, "/_sim/switches", Some(switches)).await;
    }

    /// Counts of the requests so far: `total`, `by_status`, `most_in_a_second`.
    pub async fn requests(&self) -> Value {
        self.control(Method::GET, "/_sim/requests", None).await
    }

    /// All rows of a stream as they are now, as an answer holds them.
    pub async fn truth(&self, stream: &str) -> Vec<Value> {
        let body = self.send(Method::GET, &format!("/_sim/truth?stream={stream}"), None).await;
        let text = String::from_utf8(body).expect("the simulator writes UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is a row")).collect()
    }

    /// Sends a request to the API as somebody else would, with the key: `POST`, `/api/3/fields`.
    pub async fn api(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = method.parse().expect("a test names a method of HTTP");
        self.control(method, path, body).await
    }

    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let body = self.send(method, path, body).await;
        if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).expect("the simulator writes JSON")
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Vec<u8> {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("api-token", KEY)
            .body(body)
            .expect("a control request is well formed");
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let body = response.into_body().collect().await.expect("the body is in memory").to_bytes().to_vec();
        assert!(
            status == StatusCode::OK || status == StatusCode::NO_CONTENT || status == StatusCode::CREATED,
            "{path} answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        body
    }
}
