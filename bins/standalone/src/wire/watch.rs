//! Sees what other processes change in the store: the command line, or a second one of these.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::sleep;
use llmgw_keys::KeyLookup;
use llmgw_models::Catalog;
use llmgw_proxy::Services;
use llmgw_store_sqlite::SqliteStore;
use llmgw_types::StoreError;
use llmgw_usage::admission::StandingLimits;

/// The pause between two looks; a change is seen within a second.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct Watch {
    file: SqliteStore,
    keys: Arc<KeyLookup>,
    catalog: Arc<Catalog>,
    limits: Arc<StandingLimits>,
}

impl Watch {
    pub(super) fn new(file: SqliteStore, services: &Services) -> Self {
        Self {
            file,
            keys: Arc::clone(&services.keys),
            catalog: Arc::clone(&services.catalog),
            limits: Arc::clone(&services.limits),
        }
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.catalog.refresh().await?;
        self.limits.refresh().await
    }

    /// Looks again and again. Never ends.
    pub(crate) async fn keep(&self) {
        let mut seen = None;
        loop {
            match self.file.changes().await {
                // The first look too: something may have changed since the start read it.
                Ok(changes) if seen != Some(changes) => {
                    self.keys.forget();
                    match self.refresh().await {
                        Ok(()) => seen = Some(changes),
                        Err(error) => {
                            tracing::debug!(%error, "a change of a model or limit cannot be read yet");
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "cannot see whether anything changed"),
            }
            sleep(PAUSE).await;
        }
    }
}
