//! News of changes that a command makes. A change is kept whether or not somebody can be told of it.

use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;
use llmgw_store_redis::RedisFeed;
use llmgw_types::{Change, ChangeFeed, StoreError};

/// Tells running gateways over Redis, and remembers what went wrong. Without Redis nobody is told: who shares a
/// SQLite file sees its changes by itself.
#[derive(Debug)]
pub(crate) struct Told {
    feed: Option<RedisFeed>,
    failed: Mutex<Option<StoreError>>,
}

impl Told {
    pub(crate) const fn over(feed: Option<RedisFeed>) -> Self {
        Self {
            feed,
            failed: Mutex::new(None),
        }
    }

    /// Why somebody was not told.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl ChangeFeed for Told {
    async fn publish(&self, change: Change) -> Result<(), StoreError> {
        if let Some(feed) = &self.feed
            && let Err(error) = feed.publish(change).await
        {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        Ok(())
    }
}
