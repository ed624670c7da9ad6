//! The last good list of models in a file, so that a gateway can start while every store is away. It holds names of
//! secrets, never secrets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use llmgw_models::{Model, ModelCatalog};
use llmgw_types::{ModelId, StoreError};

/// A [`ModelCatalog`] whose [`list`](ModelCatalog::list) answers from the file while the store is away.
/// Everything else goes to the store.
pub(super) struct KeptModels {
    inner: Arc<dyn ModelCatalog>,
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    // What the file holds, as far as this process knows.
    written: Option<Vec<Model>>,
    // Whether the last list came from it.
    away: bool,
}

impl KeptModels {
    pub(super) fn new(inner: Arc<dyn ModelCatalog>, file: PathBuf) -> Self {
        Self {
            inner,
            file,
            state: Mutex::default(),
        }
    }

    fn keep(&self, models: &[Model]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.away) {
            tracing::info!("models are read from the store again");
        }
        if state.written.as_deref() == Some(models) {
            return;
        }
        match self.write(models) {
            Ok(()) => state.written = Some(models.to_vec()),
            Err(error) => {
                tracing::warn!(path = %self.file.display(), %error, "the list of models was not kept");
            }
        }
    }

    // Whoever reads the file finds the old list or the new one.
    fn write(&self, models: &[Model]) -> io::Result<()> {
        let text = serde_json::to_vec(models).map_err(io::Error::other)?;
        // Replicas may share the folder.
        let draft = self.file.with_extension(format!("{}.draft", std::process::id()));
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, &self.file)?;
        self.file
            .parent()
            .map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }

    fn kept(&self, error: &StoreError) -> Option<Vec<Model>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let models = match &state.written {
            Some(models) => models.clone(),
            None => self.read()?,
        };
        if !std::mem::replace(&mut state.away, true) {
            tracing::warn!(%error, models = models.len(), "models cannot be read; those that were kept are served");
        }
        state.written = Some(models.clone());
        Some(models)
    }

    fn read(&self) -> Option<Vec<Model>> {
        let text = fs::read(&self.file).ok()?;
        let models = serde_json::from_slice(&text);
        models
            .inspect_err(|error| {
                tracing::warn!(path = %self.file.display(), %error, "the kept list of models cannot be read");
            })
            .ok()
    }
}

#[async_trait]
impl ModelCatalog for KeptModels {
    async fn list(&self) -> Result<Vec<Model>, StoreError> {
        match self.inner.list().await {
            Ok(models) => {
                self.keep(&models);
                Ok(models)
            }
            Err(error @ StoreError::Unavailable { .. }) => self.kept(&error).ok_or(error),
            Err(error) => Err(error),
        }
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

    async fn remove(&self, id: &ModelId) -> Result<bool, StoreError> {
        self.inner.remove(id).await
    }
}

#[cfg(test)]
mod tests {
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

        async fn remove(&self, id: &ModelId) -> Result<bool, StoreError> {
            self.inner.remove(id).await
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
