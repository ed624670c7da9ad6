//! The limits that administrators set.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use llmgw_types::StoreError;
use llmgw_usage::admission::{LimitStore, SetLimits};

use super::Kept;

/// A [`LimitStore`] that answers from a file while the store is away.
pub(in crate::wire) struct KeptLimits {
    inner: Arc<dyn LimitStore>,
    kept: Kept<SetLimits>,
}

impl KeptLimits {
    pub(in crate::wire) fn new(inner: Arc<dyn LimitStore>, file: PathBuf) -> Self {
        Self {
            inner,
            kept: Kept::new("limits", file),
        }
    }
}

#[async_trait]
impl LimitStore for KeptLimits {
    async fn get(&self) -> Result<SetLimits, StoreError> {
        self.kept.through(self.inner.get().await)
    }

    async fn set(&self, limits: &SetLimits) -> Result<(), StoreError> {
        self.inner.set(limits).await
    }
}
