//! Making, changing and removing models.

use std::sync::Arc;

use llmgw_types::{Change, ChangeFeed, ModelId, StoreError, TargetId};

use crate::{Model, ModelCatalog, ModelError, Target};

/// Use cases around models.
pub struct ModelService {
    store: Arc<dyn ModelCatalog>,
    feed: Arc<dyn ChangeFeed>,
}

impl std::fmt::Debug for ModelService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelService").finish_non_exhaustive()
    }
}

impl ModelService {
    /// Models in `store`, changes told to `feed`.
    #[must_use]
    pub fn new(store: Arc<dyn ModelCatalog>, feed: Arc<dyn ChangeFeed>) -> Self {
        Self { store, feed }
    }

    /// Every model, in order of id.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list(&self) -> Result<Vec<Model>, ModelError> {
        Ok(self.store.list().await?)
    }

    /// The model with this id.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] when there is none.
    pub async fn get(&self, id: &ModelId) -> Result<Model, ModelError> {
        self.store
            .get(id)
            .await?
            .ok_or_else(|| ModelError::NotFound(id.to_string()))
    }

    /// Keeps a new model; clients see it when this returns.
    ///
    /// # Errors
    /// [`ModelError::NameTaken`] when its id or an alias is in use, [`ModelError::Invalid`] when a field makes
    /// no sense.
    pub async fn create(&self, model: &Model) -> Result<(), ModelError> {
        self.check(model).await?;
        match self.store.insert(model).await {
            Err(StoreError::Exists { .. }) => Err(ModelError::NameTaken(model.id.to_string())),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(self.feed.publish(Change::Model(model.id.clone())).await?),
        }
    }

    /// Replaces a model, all fields; clients see it when this returns.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] when there is none, and as for [`create`](Self::create).
    pub async fn replace(&self, model: &Model) -> Result<(), ModelError> {
        self.check(model).await?;
        match self.store.update(model).await {
            Err(StoreError::Missing { .. }) => Err(ModelError::NotFound(model.id.to_string())),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(self.feed.publish(Change::Model(model.id.clone())).await?),
        }
    }

    /// Removes a model; clients see it gone when this returns.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] when there is none.
    pub async fn remove(&self, id: &ModelId) -> Result<(), ModelError> {
        if !self.store.remove(id).await? {
            return Err(ModelError::NotFound(id.to_string()));
        }
        Ok(self.feed.publish(Change::Model(id.clone())).await?)
    }

    async fn check(&self, model: &Model) -> Result<(), ModelError> {
        check_targets(&model.targets)?;
        if model.default_answer_tokens == 0 {
            return Err(invalid("default_answer_tokens", "must be 1 or more"));
        }
        let mut names = vec![&model.id];
        names.extend(&model.aliases);
        for other in self
            .store
            .list()
            .await?
            .iter()
            .filter(|other| other.id != model.id)
        {
            let taken = names
                .iter()
                .find(|name| other.id == ***name || other.aliases.contains(name));
            if let Some(name) = taken {
                return Err(ModelError::NameTaken(name.to_string()));
            }
        }
        Ok(())
    }
}

fn check_targets(targets: &[Target]) -> Result<(), ModelError> {
    let mut ids: Vec<&TargetId> = targets.iter().map(|target| &target.id).collect();
    ids.sort();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(invalid("targets", "two targets have the same id"));
    }
    targets.iter().try_for_each(|target| {
        check_url(&target.base_url)?;
        if !(1..=1_000).contains(&target.weight) {
            return Err(invalid("weight", "must be 1 to 1000"));
        }
        if target.max_in_flight == Some(0) {
            return Err(invalid("max_in_flight", "must be 1 or more, or left out"));
        }
        Ok(())
    })
}

fn check_url(text: &str) -> Result<(), ModelError> {
    let url =
        url::Url::parse(text).map_err(|error| invalid("base_url", &format!("is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(invalid(
            "base_url",
            "must begin with http:// or https:// and name a host",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "base_url",
            "must not hold a password: name it by `secret`",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("base_url", "must not have a query or fragment"));
    }
    Ok(())
}

fn invalid(field: &'static str, reason: &str) -> ModelError {
    ModelError::Invalid {
        field,
        reason: reason.to_owned(),
    }
}
