//! ActiveCampaign's API v3 as data: streams, models, errors, limits. Touches no network.
#![deny(missing_docs)]

pub mod custom_field;
pub mod decode;
pub mod docs;
pub mod encode;
pub mod error;
pub mod model;
pub mod stream;
pub mod streams;
pub mod wire;
