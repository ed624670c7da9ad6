//! Keys, users, models, the ledger, web sessions and the audit log in one SQLite file: the embedded default.
//!
//! This crate knows nothing of HTTP, settings or the wall clock. One thread writes and a few read, so no SQL
//! ever runs on a caller's thread; several processes may open the same file.
//!
//! ```
//! use llmgw_models::{Model, ModelCatalog};
//! use llmgw_store_sqlite::{Options, SqliteStore};
//! use llmgw_types::{ModelId, Timestamp};
//!
//! let folder = tempfile::tempdir()?;
//! let store = SqliteStore::open(&folder.path().join("llmgw.db"), &Options::default())?;
//! let models = store.models();
//! let llama = Model::new(ModelId::parse("llama")?, Timestamp::from_millis(0));
//! futures_executor::block_on(models.insert(&llama))?;
//! assert_eq!(futures_executor::block_on(models.list())?, [llama]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod audit;
mod columns;
mod connections;
mod error;
mod keys;
mod ledger;
mod limits;
mod migrations;
mod models;
mod one_time;
mod sessions;
mod store;
mod users;

pub use answers::SqliteAnswers;
pub use audit::SqliteAudit;
pub use keys::SqliteKeys;
pub use ledger::SqliteLedger;
pub use limits::SqliteLimits;
pub use models::SqliteModels;
pub use one_time::SqliteOneTime;
pub use sessions::SqliteSessions;
pub use store::{Options, SqliteStore};
pub use users::SqliteUsers;
