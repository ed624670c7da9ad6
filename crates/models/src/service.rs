//! Making, changing and removing models.

use std::sync::Arc;

use llmgw_types::{Change, ChangeFeed, ModelId, Money, Revision, StoreError, TargetId};

use crate::{AllowedTargets, Model, ModelCatalog, ModelError, Target, base_url};

/// Use cases around models. Do not drop a change halfway: what is kept but not told is seen only when the
/// catalogue is next refreshed.
pub struct ModelService {
    store: Arc<dyn ModelCatalog>,
    feed: Arc<dyn ChangeFeed>,
    allowed: AllowedTargets,
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
        Self {
            store,
            feed,
            allowed: AllowedTargets::default(),
        }
    }

    /// The same, whose targets may be at these places only.
    #[must_use]
    pub fn within(self, allowed: AllowedTargets) -> Self {
        Self { allowed, ..self }
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

    /// Removes a model, if it has the revision `seen` where one is given; clients see it gone when this returns.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] when there is none, [`StoreError::Changed`] when it has another revision.
    pub async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<(), ModelError> {
        if !self.store.remove(id, seen).await? {
            return Err(ModelError::NotFound(id.to_string()));
        }
        Ok(self.feed.publish(Change::Model(id.clone())).await?)
    }

    /// Whether the fields of a model make sense, whatever other models there are.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] when one makes no sense.
    pub fn sound(&self, model: &Model) -> Result<(), ModelError> {
        check_fields(model)?;
        check_targets(&model.targets)?;
        let mut addresses = model.targets.iter().map(|target| &target.base_url);
        addresses.try_for_each(|address| self.allowed.check(address))
    }

    async fn check(&self, model: &Model) -> Result<(), ModelError> {
        self.sound(model)?;
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

fn check_fields(model: &Model) -> Result<(), ModelError> {
    if model.default_answer_tokens == 0 {
        return Err(invalid("default_answer_tokens", "must be 1 or more"));
    }
    let price = &model.price;
    let least = price
        .prompt
        .min(price.cached_prompt)
        .min(price.completion)
        .min(price.unit);
    if least < Money::ZERO {
        return Err(invalid("price", "must be 0 or more"));
    }
    if model.timeouts.first_byte_ms == 0 || model.timeouts.idle_ms == 0 {
        return Err(invalid("timeouts", "must be 1 ms or more"));
    }
    Ok(())
}

fn check_targets(targets: &[Target]) -> Result<(), ModelError> {
    let mut ids: Vec<&TargetId> = targets.iter().map(|target| &target.id).collect();
    ids.sort();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(invalid("targets", "two targets have the same id"));
    }
    targets.iter().try_for_each(|target| {
        if base_url(&target.base_url)? != target.base_url {
            return Err(invalid("base_url", "must not end in `/` or `/v1`"));
        }
        if !(1..=1_000).contains(&target.weight) {
            return Err(invalid("weight", "must be 1 to 1000"));
        }
        if target.max_in_flight == Some(0) {
            return Err(invalid("max_in_flight", "must be 1 or more, or left out"));
        }
        Ok(())
    })
}

fn invalid(field: &'static str, reason: &str) -> ModelError {
    ModelError::Invalid {
        field,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures_executor::block_on;
    use llmgw_types::Timestamp;

    use super::*;
    use crate::{MemoryModels, SecretRef};

    struct Nobody;

    #[async_trait]
    impl ChangeFeed for Nobody {
        async fn publish(&self, _: Change) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn model() -> Model {
        let target = Target {
            id: TargetId::parse("t").unwrap(),
            base_url: "http://h:1".to_owned(),
            model: None,
            secret: SecretRef::None,
            weight: 1,
            max_in_flight: None,
            quirks: Vec::new(),
        };
        Model {
            targets: vec![target],
            ..Model::new(ModelId::parse("m").unwrap(), Timestamp::default())
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_the_name_of_its_field() {
        let service = ModelService::new(Arc::new(MemoryModels::default()), Arc::new(Nobody));
        let refused = |field: &str, change: fn(&mut Model)| {
            let mut model = model();
            change(&mut model);
            let error = block_on(service.create(&model)).unwrap_err();
            assert!(matches!(error, ModelError::Invalid { .. }), "{field}: {error}");
            assert!(error.to_string().starts_with(field), "{field}: {error}");
        };
        refused("price", |model| model.price.prompt = Money::from_nanos(-1));
        refused("price", |model| model.price.cached_prompt = Money::from_nanos(-1));
        refused("price", |model| model.price.completion = Money::from_nanos(-1));
        refused("price", |model| model.price.unit = Money::from_nanos(-1));
        refused("timeouts", |model| model.timeouts.first_byte_ms = 0);
        refused("timeouts", |model| model.timeouts.idle_ms = 0);
        refused("default_answer_tokens", |model| model.default_answer_tokens = 0);
        refused("weight", |model| model.targets[0].weight = 0);
        refused("max_in_flight", |model| model.targets[0].max_in_flight = Some(0));
        refused("base_url", |model| model.targets[0].base_url.push_str("/v1"));
        refused("targets", |model| model.targets.push(model.targets[0].clone()));
        block_on(service.create(&model())).unwrap();
    }

    #[test]
    fn a_name_belongs_to_one_model() {
        let service = ModelService::new(Arc::new(MemoryModels::default()), Arc::new(Nobody));
        block_on(service.create(&model())).unwrap();
        let other = Model {
            aliases: vec![model().id],
            ..Model::new(ModelId::parse("other").unwrap(), Timestamp::default())
        };
        let refused = block_on(service.create(&other));
        assert_eq!(refused, Err(ModelError::NameTaken("m".to_owned())));
        block_on(service.replace(&model())).unwrap();
    }
}
