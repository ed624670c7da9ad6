//! Users as gateways look them up.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use llmgw_keys::{Page, User, UserStore};
use llmgw_types::{StoreError, UserId};

use super::Shelf;
use super::shelf::{Entry, Name};
use crate::RedisStore;

/// A [`UserStore`] whose [`get`](UserStore::get) answers from Redis: for 30 s, and for a day while the store is
/// away. Everything else goes to the store; what is written is forgotten here.
pub struct CachedUsers {
    inner: Arc<dyn UserStore>,
    shelf: Shelf,
}

impl fmt::Debug for CachedUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedUsers").finish_non_exhaustive()
    }
}

impl CachedUsers {
    /// The users of `inner`, kept in `store`.
    #[must_use]
    pub fn new(store: RedisStore, inner: Arc<dyn UserStore>) -> Self {
        Self {
            inner,
            shelf: Shelf::new(store),
        }
    }

    // Also after a failure: the store may have done it and not said so.
    async fn forget(&self, user: &User) {
        self.shelf.forget(&[Name::user(user.id)]).await;
    }
}

#[async_trait]
impl UserStore for CachedUsers {
    async fn insert(&self, user: &User) -> Result<(), StoreError> {
        let inserted = self.inner.insert(user).await;
        self.forget(user).await;
        inserted
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, StoreError> {
        // Only keys name users, and those that are there.
        let read = self.inner.get(id);
        let name = Name::user(id);
        let entries = |_: &_, name, user: Option<&User>| {
            let record = user.and_then(|user| Entry::record(name, user));
            record.into_iter().collect()
        };
        self.shelf.through(name, |_| true, read, entries).await
    }

    async fn by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.inner.by_name(name).await
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<User>, StoreError> {
        self.inner.by_external_id(external_id).await
    }

    async fn list(&self, search: Option<&str>, page: Page<UserId>) -> Result<Vec<User>, StoreError> {
        self.inner.list(search, page).await
    }

    async fn update(&self, user: &User) -> Result<(), StoreError> {
        let updated = self.inner.update(user).await;
        self.forget(user).await;
        updated
    }
}
