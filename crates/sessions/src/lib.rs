//! Web sessions, values that can be taken once, and a memory of what was used already.
//!
//! A browser holds a [`Token`]; stores hold its [`TokenHash`] and nothing that leads back, so what leaks from a
//! store opens no session. Every moment comes from the caller. This crate knows nothing of HTTP, cookies, SAML
//! messages or any database; stores are behind the ports [`SessionStore`] and [`OneTimeStore`].
//!
//! ```
//! use std::time::Duration;
//!
//! use llmgw_sessions::{MemorySessions, Session, SessionStore, Token};
//! use llmgw_types::{StoreError, Timestamp};
//!
//! # futures_executor::block_on(async {
//! let sessions = MemorySessions::default();
//! let now = Timestamp::from_millis(1_800_000_000_000);
//!
//! let token = Token::generate([7; 32]); // from the caller's source of randomness
//! let session = Session::new(now, Duration::from_secs(8 * 3_600), Duration::from_secs(1_800));
//! sessions.insert(&token.hash(), &session, now).await?;
//!
//! // What comes back in a cookie is checked before any store is asked.
//! let shown = Token::parse(token.expose()).expect("it is one of ours");
//! assert_eq!(sessions.get(&shown.hash(), now).await?, Some(session));
//!
//! // Nobody came back for half an hour.
//! let later = now.plus(Duration::from_secs(1_800));
//! assert_eq!(sessions.get(&shown.hash(), later).await?, None);
//! # Ok::<(), StoreError>(())
//! # })?;
//! # Ok::<(), StoreError>(())
//! ```

#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod memory;
mod session;
mod store;
mod token;

pub use error::TokenError;
pub use memory::{MemoryOneTime, MemorySessions};
pub use session::{Login, Session};
pub use store::{OneTimeStore, SessionStore};
pub use token::{Token, TokenHash};
