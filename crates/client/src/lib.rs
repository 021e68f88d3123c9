//! The only thing that opens connections to ActiveCampaign.
#![deny(missing_docs)]
