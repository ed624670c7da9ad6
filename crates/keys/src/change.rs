//! Changes of keys, which others may change at the same time.

use llmgw_types::{Change, KeyId, Revision, until_kept};

use crate::service::check_name;
use crate::{ApiKey, KeyError, KeyService};

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
        let change = &change;
        let changed = until_kept(|| async move {
            let mut key = self.get(id).await?;
            still(seen, key.revision)?;
            change(&mut key)?;
            check_name("name", &key.name)?;
            self.keys.update(&key).await?;
            key.revision = key.revision.next();
            Ok::<_, KeyError>(key)
        });
        let key = changed.await?;
        self.feed.publish(Change::Key(id)).await?;
        Ok(key)
    }
}
