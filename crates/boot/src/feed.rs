//! News of changes within one process.

use std::sync::Arc;

use async_trait::async_trait;
use llmgw_keys::KeyLookup;
use llmgw_models::Catalog;
use llmgw_types::{Change, ChangeFeed, StoreError};
use llmgw_usage::admission::StandingLimits;

/// Tells this process's caches; there is no other process to tell.
#[derive(Debug)]
pub struct LocalFeed {
    keys: Arc<KeyLookup>,
    catalog: Arc<Catalog>,
    limits: Arc<StandingLimits>,
}

impl LocalFeed {
    /// Tells `keys`, `catalog` and `limits`.
    #[must_use]
    pub fn new(keys: Arc<KeyLookup>, catalog: Arc<Catalog>, limits: Arc<StandingLimits>) -> Self {
        Self {
            keys,
            catalog,
            limits,
        }
    }
}

#[async_trait]
impl ChangeFeed for LocalFeed {
    async fn publish(&self, change: Change) -> Result<(), StoreError> {
        match change {
            Change::Key(_) | Change::User(_) => self.keys.forget(),
            Change::Model(_) => self.catalog.refresh().await?,
            Change::Limits => self.limits.refresh().await?,
        }
        Ok(())
    }
}
