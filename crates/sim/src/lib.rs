//! A faithful simulator of ActiveCampaign's API v3.
#![deny(missing_docs)]
