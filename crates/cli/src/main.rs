//! ActiveCampaign hub: replicate, import, sync, push, verify.

fn main() {}
