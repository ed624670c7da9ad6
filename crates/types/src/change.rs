//! News that something was changed, so that whoever cached it forgets it.

use async_trait::async_trait;

use crate::{KeyId, ModelId, StoreError, UserId};

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This key: made, changed or revoked.
    Key(KeyId),
    /// This user: state, groups or limits.
    User(UserId),
    /// This model: made, changed or removed.
    Model(ModelId),
    /// Limits of groups, of each user or of everyone.
    Limits,
}

/// Tells every running service of a change.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Publishes `change`. When this returns, services in this process have forgotten what they cached of
    /// it; others forget within one second.
    ///
    /// # Errors
    /// When the change could not be told to others; they then forget when their entries grow old.
    async fn publish(&self, change: Change) -> Result<(), StoreError>;
}
