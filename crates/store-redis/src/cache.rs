//! What stores hold, kept in Redis for a while: a port's decorator each. All gateways share it, so that a store is
//! asked once and not by each; and what it said last goes on being true while it is away.
//!
//! Entries hold records as JSON: hashes of keys, never their text; names of secrets, never secrets.

mod away;
mod keys;
mod models;
mod shelf;
mod users;

pub use keys::CachedKeys;
pub use models::CachedModels;
pub use users::CachedUsers;

pub(crate) use shelf::{Name, Shelf};
