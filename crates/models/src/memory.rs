//! The in-memory adapter: what the port means, for tests and for a gateway that keeps nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use llmgw_types::{ModelId, Revision, StoreError};

use crate::{Model, ModelCatalog};

/// Models in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryModels(Mutex<BTreeMap<ModelId, Model>>);

impl MemoryModels {
    // Nothing in here panics while it holds the lock, so a poisoned one holds whole data.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ModelId, Model>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ModelCatalog for MemoryModels {
    async fn list(&self) -> Result<Vec<Model>, StoreError> {
        Ok(self.lock().values().cloned().collect())
    }

    async fn get(&self, id: &ModelId) -> Result<Option<Model>, StoreError> {
        Ok(self.lock().get(id).cloned())
    }

    async fn insert(&self, model: &Model) -> Result<(), StoreError> {
        match self.lock().entry(model.id.clone()) {
            Entry::Occupied(_) => Err(StoreError::Exists {
                what: format!("model {}", model.id),
            }),
            Entry::Vacant(place) => {
                place.insert(model.clone());
                Ok(())
            }
        }
    }

    async fn update(&self, model: &Model) -> Result<(), StoreError> {
        match self.lock().get_mut(&model.id) {
            Some(kept) if kept.revision != model.revision => Err(StoreError::Changed {
                what: format!("model {}", model.id),
            }),
            Some(kept) => {
                kept.clone_from(model);
                kept.revision = kept.revision.next();
                Ok(())
            }
            None => Err(StoreError::Missing {
                what: format!("model {}", model.id),
            }),
        }
    }

    async fn remove(&self, id: &ModelId, seen: Option<Revision>) -> Result<bool, StoreError> {
        match self.lock().entry(id.clone()) {
            Entry::Occupied(kept) if seen.is_some_and(|seen| seen != kept.get().revision) => {
                Err(StoreError::Changed {
                    what: format!("model {id}"),
                })
            }
            Entry::Occupied(kept) => {
                kept.remove();
                Ok(true)
            }
            Entry::Vacant(_) => Ok(false),
        }
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    crate::model_catalog_contract!(futures_executor::block_on, (MemoryModels::default(), ()));
}
