//! The ports: where sessions, values that can be taken once, and used ids are kept.

use async_trait::async_trait;
use llmgw_types::{StoreError, Timestamp, UserId};

use crate::{Session, TokenHash};

/// Keeps sessions. One that is over is not there any more: no method finds, changes or counts on it, though a
/// store may hold it for a while. Nothing but [`insert`](Self::insert) makes a session, so one that was removed
/// does not come back, whoever else was about to change it.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a new session.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is one under this hash.
    async fn insert(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<(), StoreError>;

    /// The session under this hash.
    async fn get(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Replaces the session under this hash, all fields; `seen_at` keeps the later of both. Returns whether it
    /// was there.
    async fn update(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<bool, StoreError>;

    /// Notes that the session was used at `seen_at`; an earlier time never replaces a later. Returns whether it
    /// was there at that time; of one that is over meanwhile it may say either.
    async fn touch(&self, hash: &TokenHash, seen_at: Timestamp) -> Result<bool, StoreError>;

    /// Ends the session. Returns whether it was there; of one that is over it may say either.
    async fn remove(&self, hash: &TokenHash) -> Result<bool, StoreError>;

    /// Ends all sessions of this user. Returns how many there were; those that are over may be counted.
    async fn remove_user(&self, user: UserId) -> Result<u64, StoreError>;

    /// Ends the sessions that came from log-ins of `name_id` at `issuer`: those with one of `session_indexes`, or
    /// where none is given all of them (SAML core 3.7.3.2). Returns how many there were; those that are over may
    /// be counted.
    async fn remove_login(
        &self,
        issuer: &str,
        name_id: &str,
        session_indexes: &[String],
    ) -> Result<u64, StoreError>;
}

/// Keeps values until they are taken, and remembers what was used already. A `kind` tells apart what different
/// uses keep: the same hash or id under another kind is another one.
#[async_trait]
pub trait OneTimeStore: Send + Sync {
    /// Keeps `value` until `until`; it replaces another one under the same kind and hash.
    async fn put(
        &self,
        kind: &str,
        hash: &TokenHash,
        value: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The value, which from then on is not there any more: of all who ask, in whatever process, one gets it.
    /// From `until` on nobody does.
    async fn take(&self, kind: &str, hash: &TokenHash, now: Timestamp)
    -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether nobody used `id` before: of all who ask before `until`, in whatever process, one hears `true`.
    /// From `until` on, which lies after `now`, the id is forgotten.
    async fn first_use(
        &self,
        kind: &str,
        id: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
