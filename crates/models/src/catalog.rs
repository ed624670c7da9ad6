//! The models as requests see them: all in memory, looked up by name or alias, refreshed when one changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use llmgw_types::{ModelId, StoreError, TargetId};

use crate::{Model, ModelCatalog, ModelState, SecretRef, Target};

/// A place to try, in the order in which to try them.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The place.
    pub target: Arc<Target>,
    /// The name to send as `model`.
    pub model: Arc<str>,
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
    by_name: HashMap<ModelId, Arc<Served>>,
    ordered: Vec<Arc<Served>>,
}

/// The catalogue in memory. Look-ups never wait; [`refresh`](Self::refresh) reads the store anew.
pub struct Catalog {
    store: Arc<dyn ModelCatalog>,
    default_url: Option<String>,
    index: ArcSwap<Index>,
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
        }
    }

    /// Reads all models anew.
    ///
    /// # Errors
    /// When the store failed; the catalogue stays as it was.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let models = self.store.list().await?;
        self.index.store(Arc::new(self.index_of(models)));
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

    fn index_of(&self, models: Vec<Model>) -> Index {
        let mut index = Index::default();
        for model in models
            .into_iter()
            .filter(|model| model.state == ModelState::Active)
        {
            let targets = self.stops(&model);
            let served = Arc::new(Served {
                targets,
                turn: AtomicU64::new(0),
                model,
            });
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
        };
        if !model.targets.is_empty() {
            return model.targets.iter().cloned().map(stop).collect();
        }
        let default = self
            .default_url
            .as_ref()
            .and_then(|url| default_target(url, &model.id));
        default.into_iter().map(stop).collect()
    }
}

fn default_target(url: &str, model: &ModelId) -> Option<Target> {
    Some(Target {
        id: TargetId::parse("default").ok()?,
        base_url: format!("{}/{model}", url.trim_end_matches('/')),
        model: None,
        secret: SecretRef::Default,
        weight: 1,
        max_in_flight: None,
        quirks: Vec::new(),
    })
}
