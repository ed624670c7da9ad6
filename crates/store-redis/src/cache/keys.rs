//! Keys as gateways look them up.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use llmgw_keys::{ApiKey, KeyHash, KeyStore, Page};
use llmgw_types::{KeyId, StoreError, Timestamp, UserId};

use super::Shelf;
use super::shelf::{Entry, Moment, Name};
use crate::RedisStore;

/// A [`KeyStore`] whose [`by_hash`](KeyStore::by_hash) answers from Redis: for 30 s, of unknown hashes for 5 s,
/// and for a day while the store is away. Everything else goes to the store; what is written is forgotten here.
pub struct CachedKeys {
    inner: Arc<dyn KeyStore>,
    shelf: Shelf,
}

impl fmt::Debug for CachedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedKeys").finish_non_exhaustive()
    }
}

impl CachedKeys {
    /// The keys of `inner`, kept in `store`.
    #[must_use]
    pub fn new(store: RedisStore, inner: Arc<dyn KeyStore>) -> Self {
        Self {
            inner,
            shelf: Shelf::new(store),
        }
    }

    // Also after a failure: the store may have done it and not said so.
    async fn forget(&self, key: &ApiKey) {
        let names = [Name::key(key.id), Name::hash(key.hash.as_bytes())];
        self.shelf.forget(&names).await;
    }
}

// A change names the key and not its hash. So the record stands under the id, and the hash says which.
fn entries(moment: &Moment, hash: Name, key: Option<&ApiKey>) -> Vec<Entry> {
    let Some(key) = key else {
        return vec![Entry::absent(hash, moment)];
    };
    let link = Entry::link(hash, &Name::key(key.id));
    Entry::record(Name::key(key.id), key).map_or_else(Vec::new, |record| vec![link, record])
}

#[async_trait]
impl KeyStore for CachedKeys {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        let inserted = self.inner.insert(key).await;
        self.forget(key).await;
        inserted
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let name = Name::hash(hash.as_bytes());
        let meant = |key: &ApiKey| key.hash == *hash;
        self.shelf
            .through(name, meant, self.inner.by_hash(hash), entries)
            .await
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.inner.get(id).await
    }

    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.list(owner, page).await
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        let updated = self.inner.update(key).await;
        self.forget(key).await;
        updated
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        self.inner.touch(used).await
    }
}
