//! Changes of what others may change at the same time: read, changed, and kept only if nobody was faster.

use llmgw_types::{Change, KeyId, Revision, StoreError};

use crate::service::check_name;
use crate::{ApiKey, KeyError, KeyService};

/// Somebody is faster so often only where something goes round in circles.
const ATTEMPTS: usize = 10;

/// Does `work` anew while somebody else was faster.
pub(crate) async fn again<T, F>(work: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 1..ATTEMPTS {
        match work().await {
            Err(StoreError::Changed { .. }) => {}
            done => return done,
        }
    }
    work().await
}

/// Whether somebody who saw `seen` may change what has `revision`; whoever saw nothing may.
pub(crate) fn still(seen: Option<Revision>, revision: Revision) -> Result<(), KeyError> {
    match seen {
        Some(seen) if seen != revision => Err(KeyError::Changed),
        _ => Ok(()),
    }
}

impl KeyService {
    /// The key with this id.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] when there is none.
    pub async fn get(&self, id: KeyId) -> Result<ApiKey, KeyError> {
        self.keys.get(id).await?.ok_or(KeyError::NotFound)
    }

    /// Changes a key as `change` says, in force when this returns. `seen` is the revision that the caller looked at,
    /// if they care. `change` may be called several times, each time with what is there.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] when there is none, [`KeyError::Changed`] when it is not what was seen, and what
    /// `change` says.
    pub async fn change(
        &self,
        id: KeyId,
        seen: Option<Revision>,
        change: impl Fn(&mut ApiKey) -> Result<(), KeyError>,
    ) -> Result<ApiKey, KeyError> {
        for _ in 0..ATTEMPTS {
            let mut key = self.get(id).await?;
            still(seen, key.revision)?;
            change(&mut key)?;
            check_name("name", &key.name)?;
            match self.keys.update(&key).await {
                Ok(()) => {
                    self.feed.publish(Change::Key(id)).await?;
                    key.revision = key.revision.next();
                    return Ok(key);
                }
                Err(StoreError::Changed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(KeyError::Changed)
    }
}
