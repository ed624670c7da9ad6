//! API keys and the users who own them.

mod admin_key;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod key;
mod lookup;
mod memory;
mod service;
mod store;
mod user;

pub use admin_key::AdminKey;
pub use error::{KeyError, KeyTextError};
pub use key::{ApiKey, KeyHash, KeyState, KeyText, Pepper};
pub use lookup::{Grant, KeyLookup, KeyRefusal, Lookup};
pub use memory::{MemoryKeys, MemoryUsers};
pub use service::{KeyService, MadeKey, NewKey};
pub use store::{KeyStore, Page, UserStore};
pub use user::{User, UserState};
