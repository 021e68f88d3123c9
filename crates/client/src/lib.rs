//! The only thing that opens connections to ActiveCampaign.
//!
//! A [`Client`] reads from one account: it keeps within the account's budget, which all processes share through a
//! [`BudgetStore`](achub_core::port::budget::BudgetStore), repeats what may be repeated, and gives up with one of the
//! codes of [`achub_core::Code`]. [`check()`] is the connection test. [`HttpTransport`] carries requests over the
//! network; tests put another [`Transport`] in its place.
#![deny(missing_docs)]

pub mod address;
mod backoff;
mod base_url;
mod breaker;
mod budget;
mod chance;
mod check;
mod client;
mod distrust;
mod exchange;
mod failure;
mod headers;
mod http_transport;
mod latency;
mod limits;
mod lookup;
mod outbound;
mod pace;
mod refusal;
mod request;
mod retry;
pub mod rule;
mod transport;

pub use backoff::Backoff;
pub use base_url::{BaseUrl, Pasted};
pub use check::{Check, Checks, Readable, Step, StepResult, check};
pub use client::{Client, Settings};
pub use http_transport::{HttpTransport, Proxy};
pub use limits::Limits;
pub use lookup::{Lookup, SystemLookup};
pub use outbound::{Letter, Outbound, Receipt};
pub use pace::Pace;
pub use request::{Answer, Get, Reply};
pub use retry::Repeat;
pub use transport::{Body, Stage, Transport, TransportError};
