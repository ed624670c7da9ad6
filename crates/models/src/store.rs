//! The ports: where models are kept, and where secrets come from.

use async_trait::async_trait;
use llmgw_types::{ModelId, SecretString, StoreError};

use crate::{Model, SecretRef};

/// Keeps models.
#[async_trait]
pub trait ModelCatalog: Send + Sync {
    /// Every model, in order of id.
    async fn list(&self) -> Result<Vec<Model>, StoreError>;

    /// The model with this id (not an alias).
    async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError>;

    /// Keeps a new model.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when its id is there already.
    async fn insert(&self, model: &Model) -> Result<(), StoreError>;

    /// Replaces the model with the same id and revision, all fields; it has the next revision then.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none; [`StoreError::Changed`] when it has another revision.
    async fn update(&self, model: &Model) -> Result<(), StoreError>;

    /// Removes the model; `false` when there was none.
    async fn remove(&self, id: &ModelId) -> Result<bool, StoreError>;
}

/// Finds the secret a reference names.
#[async_trait]
pub trait SecretResolver: Send + Sync {
    /// The secret, or `None` where the reference names none.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the place it names is empty, without saying what else is there.
    async fn resolve(&self, secret: &SecretRef) -> Result<Option<SecretString>, StoreError>;
}
