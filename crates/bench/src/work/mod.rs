//! What is done to account and target, one kind of scenario per file.

pub mod again;
pub mod churn;
pub mod first;
pub mod growth;
pub mod killed;
