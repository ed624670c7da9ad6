//! Keys, users, models, the ledger and the audit log in MongoDB: what several gateways share and what lasts.
//!
//! This crate knows nothing of HTTP, settings or the wall clock. The driver runs on threads of its own, so that
//! handles work on any executor and outlive whichever runtime they were first used on; what was begun runs to
//! its end or its bound in time, also when the caller no longer waits for it.
//!
//! ```no_run
//! use llmgw_models::{Model, ModelCatalog};
//! use llmgw_store_mongo::{MongoStore, Options};
//! use llmgw_types::{ModelId, SecretString, Timestamp};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url = SecretString::from("mongodb://127.0.0.1:27017/?replicaSet=rs0");
//! let store = MongoStore::connect(&Options::new(url, "llmgw")).await?;
//! let models = store.models();
//! let llama = Model::new(ModelId::parse("llama")?, Timestamp::from_millis(0));
//! models.insert(&llama).await?;
//! assert_eq!(models.list().await?, [llama]);
//! # Ok(())
//! # }
//! ```
//!
//! It needs MongoDB 5.0 or newer as a replica set, of one node at least: a standalone has no transactions.
//!
//! # What stands where
//!
//! `api_keys`, `users` and `models` hold one document each, with the names of our fields. Ids are UUIDs (a
//! model's is its name), times are texts like `2027-01-31T12:00:00.000000Z`, which are exact to the microsecond
//! and sort as they should; a BSON date ends at the millisecond. Numbers above what BSON's integers hold are
//! decimals.
//!
//! `usage_events` holds one document per request, under the request's id. Its `time` is a date, and `micros`
//! the microseconds beyond it. `usage_hourly` holds sums by hour and everything a report tells apart, one per
//! *slot*: gateways that add to the same sum at the same time take different slots, and reports add them up.
//! `usage_hours` holds the least and greatest id of each hour's events. `audit_entries` holds one document per audit
//! entry, what stood before and after as JSON texts, and `audit_heads` the last entry of each chain, under the
//! chain's id. `meta` holds the version of this layout
//! (a newer one is refused) and since when no event was removed.

mod audit;
mod client;
mod connection;
mod error;
mod fields;
mod indexes;
mod keys;
mod ledger;
mod limits;
mod models;
mod options;
mod reading;
mod start;
mod store;
mod transaction;
mod updates;
mod users;

pub use audit::MongoAudit;
pub use error::StartError;
pub use keys::MongoKeys;
pub use ledger::MongoLedger;
pub use limits::MongoLimits;
pub use models::MongoModels;
pub use options::Options;
pub use store::MongoStore;
pub use users::MongoUsers;
