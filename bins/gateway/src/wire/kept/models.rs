//! The list of models.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use llmgw_models::{Model, ModelCatalog};
use llmgw_types::{ModelId, Revision, StoreError};

use super::Kept;

/// A [`ModelCatalog`] whose [`list`](ModelCatalog::list) answers from a file while the store is away. Everything
/// else goes to the store.
pub(in crate::wire) struct KeptModels {
    inner: Arc<dyn ModelCatalog>,
    kept: Kept<Vec<Model>>,
}

impl KeptModels {
    pub(in crate::wire) fn new(inner: Arc<dyn ModelCatalog>, file: PathBuf) -> Self {
        Self {
            inner,
            kept: Kept::new("models", file),
        }
    }
}

#[async_trait]
impl ModelCatalog for KeptModels {
    async fn list(&self) -> Result<Vec<Model>, StoreError> {
        self.kept.through(self.inner.list().await)
    }

    async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError> {
        self.inner.get(id).await
    }

    async fn insert(&self, model: &Model) -> Result<(), StoreError> {
        self.inner.insert(model).await
    }

    async fn update(&self, model: &Model) -> Result<(), StoreError> {
        self.inner.update(model).await
    }

    async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError> {
        self.inner.remove(id, seen).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    use llmgw_models::MemoryModels;
    use llmgw_types::Timestamp;

    use super::*;

    #[derive(Default)]
    struct Breakable {
        inner: MemoryModels,
        away: AtomicBool,
    }

    #[async_trait]
    impl ModelCatalog for Breakable {
        async fn list(&self) -> Result<Vec<Model>, StoreError> {
            if self.away.load(Ordering::SeqCst) {
                return Err(StoreError::unavailable("test", "away"));
            }
            self.inner.list().await
        }

        async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError> {
            self.inner.get(id).await
        }

        async fn insert(&self, model: &Model) -> Result<(), StoreError> {
            self.inner.insert(model).await
        }

        async fn update(&self, model: &Model) -> Result<(), StoreError> {
            self.inner.update(model).await
        }

        async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError> {
            self.inner.remove(id, seen).await
        }
    }

    #[test]
    fn the_next_process_serves_the_last_good_list() {
        actix_rt::System::new().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("catalog.json");
            let store = Arc::new(Breakable::default());
            let kept = || KeptModels::new(store.clone(), file.clone());
            store.away.store(true, Ordering::SeqCst);
            assert!(kept().list().await.is_err(), "there never was a list");
            store.away.store(false, Ordering::SeqCst);
            let model = Model::new(ModelId::parse("m").unwrap(), Timestamp::default());
            store.insert(&model).await.unwrap();
            assert_eq!(kept().list().await.unwrap(), std::slice::from_ref(&model));
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert_eq!(
                fs::read_dir(folder.path()).unwrap().count(),
                1,
                "no draft is left"
            );
            store.away.store(true, Ordering::SeqCst);
            assert_eq!(kept().list().await.unwrap(), [model]);
            fs::write(&file, "{").unwrap();
            assert!(kept().list().await.is_err(), "a damaged file is none");
        });
    }
}
