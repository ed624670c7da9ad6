//! The models, as gateways list them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use llmgw_models::{Model, ModelCatalog};
use llmgw_types::{ModelId, Revision, StoreError};

use super::Shelf;
use super::shelf::{Entry, Name};
use crate::RedisStore;

/// A [`ModelCatalog`] whose [`list`](ModelCatalog::list) answers from Redis: for 30 s, and for a day while the
/// store is away. Everything else goes to the store; when something is written the list is forgotten here.
pub struct CachedModels {
    inner: Arc<dyn ModelCatalog>,
    shelf: Shelf,
}

impl fmt::Debug for CachedModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedModels").finish_non_exhaustive()
    }
}

impl CachedModels {
    /// The models of `inner`, kept in `store`.
    #[must_use]
    pub fn new(store: RedisStore, inner: Arc<dyn ModelCatalog>) -> Self {
        Self {
            inner,
            shelf: Shelf::new(store),
        }
    }

    // Also after a failure: the store may have done it and not said so.
    async fn forget(&self) {
        self.shelf.forget(&[Name::models()]).await;
    }
}

#[async_trait]
impl ModelCatalog for CachedModels {
    async fn list(&self) -> Result<Vec<Model>, StoreError> {
        let read = async { self.inner.list().await.map(Some) };
        let entries = |_: &_, name, models: Option<&Vec<Model>>| {
            let record = models.and_then(|models| Entry::record(name, models));
            record.into_iter().collect()
        };
        let models = self
            .shelf
            .through(Name::models(), |_| true, read, entries)
            .await?;
        Ok(models.unwrap_or_default())
    }

    async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError> {
        self.inner.get(id).await
    }

    async fn insert(&self, model: &Model) -> Result<(), StoreError> {
        let inserted = self.inner.insert(model).await;
        self.forget().await;
        inserted
    }

    async fn update(&self, model: &Model) -> Result<(), StoreError> {
        let updated = self.inner.update(model).await;
        self.forget().await;
        updated
    }

    async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError> {
        let removed = self.inner.remove(id, seen).await;
        self.forget().await;
        removed
    }
}
