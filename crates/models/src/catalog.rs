//! The models as requests see them: all in memory, looked up by name or alias, refreshed when one changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use foldhash::HashMap;
use llmgw_types::{ModelId, StoreError, TargetId};

use crate::{Model, ModelCatalog, ModelState, Target};

/// A place to try, in the order in which to try them.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The place.
    pub target: Arc<Target>,
    /// The name to send as `model`.
    pub model: Arc<str>,
    /// The id of the model whose target it is.
    pub of: Arc<str>,
}

/// A model ready to be routed to.
#[derive(Debug)]
pub struct Served {
    /// The model.
    pub model: Model,
    targets: Vec<Stop>,
    turn: AtomicU64,
}

impl Served {
    /// Its target with this id, if it has one.
    #[must_use]
    pub fn stop(&self, target: &TargetId) -> Option<&Stop> {
        self.targets.iter().find(|stop| stop.target.id == *target)
    }

    /// Its targets, the first chosen in turn by weight, the others after it in their order.
    #[must_use]
    pub fn order(&self) -> Vec<Stop> {
        let mut order = self.targets.clone();
        if order.len() > 1 {
            let total: u64 = order.iter().map(|stop| u64::from(stop.target.weight)).sum();
            let mut turn = self.turn.fetch_add(1, Ordering::Relaxed) % total.max(1);
            let first = order.iter().position(|stop| {
                let weight = u64::from(stop.target.weight);
                let chosen = turn < weight;
                turn = turn.saturating_sub(weight);
                chosen
            });
            order.rotate_left(first.unwrap_or(0));
        }
        order
    }
}

/// Every active model, by its name and its aliases.
#[derive(Debug, Default)]
struct Index {
    // Of the refresh that read it; 0: none did.
    number: u64,
    by_name: HashMap<ModelId, Arc<Served>>,
    ordered: Vec<Arc<Served>>,
}

/// The catalogue in memory. Look-ups never wait; [`refresh`](Self::refresh) reads the store anew.
pub struct Catalog {
    store: Arc<dyn ModelCatalog>,
    default_url: Option<String>,
    index: ArcSwap<Index>,
    refreshes: AtomicU64,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog")
            .field("models", &self.index.load().ordered.len())
            .finish_non_exhaustive()
    }
}

impl Catalog {
    /// An empty catalogue over `store`; models without a target are served at
    /// `<default_url>/<model id>/v1/...` where one is given.
    #[must_use]
    pub fn new(store: Arc<dyn ModelCatalog>, default_url: Option<String>) -> Self {
        Self {
            store,
            default_url,
            index: ArcSwap::default(),
            refreshes: AtomicU64::new(0),
        }
    }

    /// Reads all models anew. Refreshes may overlap: what was asked for last stays.
    ///
    /// # Errors
    /// When the store failed; the catalogue stays as it was.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        // Taken before the store is asked: a list with a higher number has seen everything that one with a
        // lower number was asked for.
        let number = self.refreshes.fetch_add(1, Ordering::SeqCst) + 1;
        let models = self.store.list().await?;
        let next = Arc::new(self.index_of(number, models));
        self.index
            .rcu(|now| Arc::clone(if now.number < number { &next } else { now }));
        Ok(())
    }

    /// The active model with this name or alias.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Served>> {
        self.index.load().by_name.get(name).cloned()
    }

    /// Every active model, in order of id.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Served>> {
        self.index.load().ordered.clone()
    }

    fn index_of(&self, number: u64, models: Vec<Model>) -> Index {
        let before = self.index.load();
        let mut index = Index {
            number,
            ..Index::default()
        };
        for model in models
            .into_iter()
            .filter(|model| model.state == ModelState::Active)
        {
            // One that did not change keeps its turn: else a refresh would send the next request to the first
            // target each time.
            let served = match before.by_name.get(&model.id) {
                Some(served) if served.model == model => Arc::clone(served),
                _ => Arc::new(Served {
                    targets: self.stops(&model),
                    turn: AtomicU64::new(0),
                    model,
                }),
            };
            index.ordered.push(Arc::clone(&served));
            // A model's own name goes before another's alias.
            index.by_name.insert(served.model.id.clone(), served);
        }
        for served in &index.ordered {
            for alias in &served.model.aliases {
                index
                    .by_name
                    .entry(alias.clone())
                    .or_insert_with(|| Arc::clone(served));
            }
        }
        index
    }

    fn stops(&self, model: &Model) -> Vec<Stop> {
        let own: Arc<str> = Arc::from(model.id.as_str());
        let stop = |target: Target| Stop {
            model: target
                .model
                .as_deref()
                .map_or_else(|| Arc::clone(&own), Arc::from),
            target: Arc::new(target),
            of: Arc::clone(&own),
        };
        if !model.targets.is_empty() {
            return model.targets.iter().cloned().map(stop).collect();
        }
        let default = self
            .default_url
            .as_ref()
            .and_then(|url| Target::at_default(url, &model.id));
        default.into_iter().map(stop).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use futures_executor::block_on;
    use llmgw_types::{Revision, Timestamp};

    use super::*;
    use crate::MemoryModels;
    use crate::SecretRef;

    type Happening = Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Models in memory. What is put in `between` happens between the next list and its answer.
    #[derive(Default)]
    struct Watched {
        inner: MemoryModels,
        between: Mutex<Option<Happening>>,
    }

    #[async_trait]
    impl ModelCatalog for Watched {
        async fn list(&self) -> Result<Vec<Model>, StoreError> {
            let models = self.inner.list().await;
            let between = self.between.lock().unwrap().take();
            if let Some(between) = between {
                between.await;
            }
            models
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

    fn model(id: &str) -> Model {
        Model::new(ModelId::parse(id).unwrap(), Timestamp::default())
    }

    #[test]
    fn of_two_refreshes_at_once_the_newer_list_stays() {
        let store = Arc::new(Watched::default());
        let catalog = Arc::new(Catalog::new(store.clone(), None));
        // The first has read the empty list when a model is made and a second refresh overtakes it.
        let (overtaking, made) = (catalog.clone(), store.clone());
        *store.between.lock().unwrap() = Some(Box::pin(async move {
            made.insert(&model("m")).await.unwrap();
            overtaking.refresh().await.unwrap();
        }));
        block_on(catalog.refresh()).unwrap();
        assert!(catalog.find("m").is_some());
        block_on(catalog.refresh()).unwrap();
        assert!(catalog.find("m").is_some());
    }

    #[test]
    fn a_refresh_keeps_the_turn_of_a_model_that_did_not_change() {
        let store = Arc::new(MemoryModels::default());
        let target = |id| Target {
            id: TargetId::parse(id).unwrap(),
            base_url: format!("http://{id}"),
            model: None,
            secret: SecretRef::None,
            weight: 1,
            max_in_flight: None,
            quirks: Vec::new(),
        };
        let mut model = model("m");
        model.targets = vec![target("a"), target("b")];
        block_on(store.insert(&model)).unwrap();
        let catalog = Catalog::new(store.clone(), None);
        let mut firsts = Vec::new();
        for _ in 0..4 {
            block_on(catalog.refresh()).unwrap();
            let order = catalog.find("m").unwrap().order();
            firsts.push(order[0].target.id.to_string());
        }
        assert_eq!(firsts, ["a", "b", "a", "b"]);
        model.targets.remove(0);
        block_on(store.update(&model)).unwrap();
        block_on(catalog.refresh()).unwrap();
        assert_eq!(catalog.find("m").unwrap().order().len(), 1);
    }
}
