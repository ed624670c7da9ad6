//! Redis: limits that several gateways share, caches of what stores hold, and news of changes.
//!
//! [`RedisAdmission`] keeps counters and reservations, each operation one Lua script and so one step.
//! [`CachedKeys`], [`CachedUsers`] and [`CachedModels`] stand before the stores that last. [`RedisFeed`] tells all
//! services of a change. Redis may be emptied at any time: counters are then made anew from the ledger, caches fill
//! by themselves. Every call is bounded in time.
//!
//! This crate knows nothing of HTTP, settings, the ledger or the wall clock, and starts nothing in the background.
//!
//! ```no_run
//! use llmgw_store_redis::{Options, RedisAdmission, RedisStore};
//! use llmgw_types::SecretString;
//! use llmgw_usage::admission::{AdmissionStore, Calendar};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options {
//!     password: Some(SecretString::from("p@ss:w/rd")),
//!     ..Options::at("redis://127.0.0.1:6379/0")
//! };
//! let store = RedisStore::open(&options)?;
//! store.prepare().await?; // refuses a server that would forget counters
//! let admission = RedisAdmission::new(store.clone(), Calendar::named("Europe/Berlin")?);
//! let left = admission.state(store.time().await?, &[]).await?;
//! # Ok(())
//! # }
//! ```

mod admission;
mod cache;
mod error;
mod feed;
mod options;
mod store;

pub use admission::RedisAdmission;
pub use cache::{CachedKeys, CachedModels, CachedUsers};
pub use error::{OptionsError, PrepareError};
pub use feed::{Heard, RedisFeed};
pub use options::Options;
pub use store::RedisStore;
