//! The ports: where models are kept, and where secrets come from.

use async_trait::async_trait;
use llmgw_types::{ModelId, Revision, SecretString, StoreError};

use crate::{Model, Target};

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

    /// Removes the model, if it has the revision `seen` where one is given; `false` when there was none.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it has another revision.
    async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError>;
}

/// Finds the secret of a target.
#[async_trait]
pub trait SecretResolver: Send + Sync {
    /// The secret of `target`, or `None` where it needs none.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the place it names is empty, without saying what else is there;
    /// [`StoreError::Corrupt`] when it is sealed and does not open.
    async fn resolve(&self, target: &Target) -> Result<Option<SecretString>, StoreError>;
}
