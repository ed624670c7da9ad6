//! Redis: limits that several gateways share, caches of what stores hold, news of changes, and web sessions.
//!
//! [`RedisAdmission`] keeps counters and reservations, each operation one Lua script and so one step.
//! [`CachedKeys`], [`CachedUsers`] and [`CachedModels`] stand before the stores that last. [`RedisFeed`] tells all
//! services of a change. [`RedisAnswers`] knows which target keeps which answer. [`RedisSessions`] and [`RedisOneTime`] keep what pages and log-ins need for a while. Redis
//! may be emptied at any time: counters are then made anew from the ledger, caches fill by themselves, people log in
//! again. Every call is bounded in time.
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
mod answers;
mod cache;
mod error;
mod feed;
mod one_time;
mod options;
mod sessions;
mod store;

pub use admission::RedisAdmission;
pub use answers::RedisAnswers;
pub use cache::{CachedKeys, CachedModels, CachedUsers};
pub use error::{OptionsError, PrepareError};
pub use feed::{Heard, RedisFeed};
pub use one_time::RedisOneTime;
pub use options::Options;
pub use sessions::RedisSessions;
pub use store::RedisStore;
