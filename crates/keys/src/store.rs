//! The ports: where keys and users are kept.

use async_trait::async_trait;
use llmgw_types::{KeyId, StoreError, Timestamp, UserId};

use crate::{ApiKey, KeyHash, User};

/// A page of a list: entries with ids above `after`, at most `limit` of them, in order of id (which is the
/// order in which they were made).
#[derive(Debug, Clone, Copy)]
pub struct Page<Id> {
    /// The last id of the page before.
    pub after: Option<Id>,
    /// The most entries to return.
    pub limit: usize,
}

/// Keeps keys.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Keeps a new key. When this returns, [`by_hash`](Self::by_hash) finds it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when its id or hash is there already.
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError>;

    /// The key with this hash, in whatever state it is.
    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError>;

    /// The key with this id.
    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// Keys in order of id; only those of `owner` where one is given.
    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError>;

    /// Replaces the key with the same id and revision, all fields; it has the next revision then. A revoked key
    /// stays revoked, whatever `key` says.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none; [`StoreError::Changed`] when it has another revision;
    /// [`StoreError::Exists`] when another key has its hash.
    async fn update(&self, key: &ApiKey) -> Result<(), StoreError>;

    /// Notes when keys were last used, which is no change of theirs. Unknown ids are passed over; an earlier time never replaces a later.
    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError>;
}

/// Keeps users.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Keeps a new user.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id, name or external id is there already.
    async fn insert(&self, user: &User) -> Result<(), StoreError>;

    /// The user with this id.
    async fn get(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user with exactly this name.
    async fn by_name(&self, name: &str) -> Result<Option<User>, StoreError>;

    /// The user with exactly this account at the identity provider.
    async fn by_external_id(&self, external_id: &str) -> Result<Option<User>, StoreError>;

    /// Users in order of id; only those whose name or mail has `search` somewhere in it, where one is given
    /// (capital and small letters are the same, those of ASCII at least).
    async fn list(&self, search: Option<&str>, page: Page<UserId>) -> Result<Vec<User>, StoreError>;

    /// Replaces the user with the same id and revision, all fields; it has the next revision then.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none; [`StoreError::Changed`] when it has another revision;
    /// [`StoreError::Exists`] when another has its name or external id.
    async fn update(&self, user: &User) -> Result<(), StoreError>;
}
