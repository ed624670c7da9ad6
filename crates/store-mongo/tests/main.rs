//! What only a real mongod shows. One program, because a second would link the driver once more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests poll with a deadline and hold promised bounds against the clock"
)]

#[path = "main/audit.rs"]
mod audit;
#[path = "main/contract.rs"]
mod contract;
#[path = "main/documents.rs"]
mod documents;
#[path = "main/exactly_once.rs"]
mod exactly_once;
#[path = "main/login.rs"]
mod login;
#[path = "main/outage.rs"]
mod outage;
#[path = "main/retention.rs"]
mod retention;
#[path = "main/rollups.rs"]
mod rollups;
#[path = "main/setup.rs"]
mod setup;
#[path = "main/start.rs"]
mod start;
