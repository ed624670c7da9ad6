//! API keys and the users who own them: make, check, hash, look up, revoke.
//!
//! The text of a key exists once, in the answer that makes it. What is kept is its hash under a pepper that no
//! store holds, so neither a stolen store nor a log opens anything. This crate knows nothing of HTTP, of any
//! database or of what a key is used for; stores are behind the ports [`KeyStore`] and [`UserStore`].
//!
//! ```
//! use llmgw_keys::{KeyText, KeyTextError, Pepper};
//!
//! let key = KeyText::generate([7; 32]);
//! let shown = key.expose();
//! assert!(shown.starts_with("sk-llmgw-"));
//!
//! // A typo is told apart from a key that nobody made, and no store is asked.
//! let cut_off = &shown[..shown.len() - 1];
//! assert!(matches!(KeyText::parse(cut_off), Err(KeyTextError::Malformed)));
//!
//! // Found again by its hash alone.
//! let pepper = Pepper::new(b"32 bytes or more that nobody guesses")?;
//! assert_eq!(pepper.hash(&KeyText::parse(shown)?), pepper.hash(&key));
//! # Ok::<(), KeyTextError>(())
//! ```

mod admin_key;
mod change;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod failures;
mod key;
mod lookup;
mod memory;
mod own;
mod people;
mod proxies;
mod service;
mod store;
#[cfg(test)]
mod testing;
mod user;
mod users;

pub use admin_key::AdminKey;
pub use error::{KeyError, KeyTextError};
pub use failures::{Failures, Origin};
pub use key::{ApiKey, KeyHash, KeyState, KeyText, Pepper};
pub use lookup::{Grant, KeyLookup, KeyRefusal, Lookup};
pub use memory::{MemoryKeys, MemoryUsers};
pub use own::{NewOwnKey, OwnKeys};
pub use people::{Arrival, Arrived, People};
pub use proxies::Proxies;
pub use service::{KeyService, MadeKey, NewKey};
pub use store::{KeyStore, Page, UserStore};
pub use user::{User, UserState};
pub use users::{NewUser, UserService};
