//! Stores that can be away, that count what they are asked, and that let something happen while they answer.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use llmgw_keys::{ApiKey, KeyHash, KeyStore, MemoryKeys, MemoryUsers, Page, User, UserStore};
use llmgw_models::{MemoryModels, Model, ModelCatalog};
use llmgw_types::{KeyId, ModelId, Revision, StoreError, Timestamp, UserId};

type Happening = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
pub(super) struct Shaky<S> {
    pub(super) inner: S,
    pub(super) away: AtomicBool,
    pub(super) broken: AtomicBool,
    pub(super) asked: AtomicUsize,
    // Happens after the next reading and before its answer.
    pub(super) between: Mutex<Option<Happening>>,
}

impl<S> Shaky<S> {
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    async fn answer<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("shaky", "it is away"));
        }
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Corrupt {
                store: "shaky",
                detail: "it is broken".to_owned(),
            });
        }
        let answer = answer.await;
        let between = self.between.lock().unwrap().take();
        if let Some(between) = between {
            between.await;
        }
        answer
    }
}

#[async_trait]
impl KeyStore for Shaky<MemoryKeys> {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.answer(self.inner.insert(key)).await
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.answer(self.inner.by_hash(hash)).await
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.answer(self.inner.get(id)).await
    }

    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        self.answer(self.inner.list(owner, page)).await
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.answer(self.inner.update(key)).await
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        self.answer(self.inner.touch(used)).await
    }
}

#[async_trait]
impl UserStore for Shaky<MemoryUsers> {
    async fn insert(&self, user: &User) -> Result<(), StoreError> {
        self.answer(self.inner.insert(user)).await
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.answer(self.inner.get(id)).await
    }

    async fn by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.answer(self.inner.by_name(name)).await
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<User>, StoreError> {
        self.answer(self.inner.by_external_id(external_id)).await
    }

    async fn list(&self, search: Option<&str>, page: Page<UserId>) -> Result<Vec<User>, StoreError> {
        self.answer(self.inner.list(search, page)).await
    }

    async fn update(&self, user: &User) -> Result<(), StoreError> {
        self.answer(self.inner.update(user)).await
    }
}

#[async_trait]
impl ModelCatalog for Shaky<MemoryModels> {
    async fn list(&self) -> Result<Vec<Model>, StoreError> {
        self.answer(self.inner.list()).await
    }

    async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError> {
        self.answer(self.inner.get(id)).await
    }

    async fn insert(&self, model: &Model) -> Result<(), StoreError> {
        self.answer(self.inner.insert(model)).await
    }

    async fn update(&self, model: &Model) -> Result<(), StoreError> {
        self.answer(self.inner.update(model)).await
    }

    async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError> {
        self.answer(self.inner.remove(id, seen)).await
    }
}
