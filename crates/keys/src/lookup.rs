//! From the text a client shows to the key's record and its owner: from the cache, else from the stores.

mod cache;

use std::fmt;
use std::sync::Arc;

use llmgw_types::{Clock, Event, Observer, Principal, StoreError, Timestamp};

use crate::{ApiKey, KeyHash, KeyState, KeyStore, KeyText, KeyTextError, Pepper, User, UserState, UserStore};
use cache::Cache;

/// A key that may be used, and whose it is.
#[derive(Debug)]
pub struct Grant {
    /// The key.
    pub key: ApiKey,
    /// Its owner.
    pub user: User,
    /// Both ids and the owner's groups, as records hold them.
    pub principal: Principal,
}

/// Why a key may not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRefusal {
    /// It is no key, or was mistyped. No store was asked.
    NotAKey(KeyTextError),
    /// Nobody made it.
    Unknown,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired(Timestamp),
    /// Its owner is suspended.
    Suspended,
}

/// The answer to a look-up.
pub type Lookup = Result<Arc<Grant>, KeyRefusal>;

/// Looks keys up. Answers are kept for 30 s at most (of unknown keys for 5 s); a change that is told to
/// [`forget`](Self::forget) is seen by the next look-up, also when one was under way.
pub struct KeyLookup {
    keys: Arc<dyn KeyStore>,
    users: Arc<dyn UserStore>,
    peppers: Vec<Pepper>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    // By the hash under the newest pepper, whichever it was found under.
    cache: Cache,
}

impl fmt::Debug for KeyLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLookup").finish_non_exhaustive()
    }
}

impl KeyLookup {
    /// Looks keys up in `keys`, their owners in `users`; `peppers` has the newest first. Answers grow old by
    /// `clock`'s monotonic time; `observer` is told how long the stores took.
    #[must_use]
    pub fn new(
        keys: Arc<dyn KeyStore>,
        users: Arc<dyn UserStore>,
        peppers: Vec<Pepper>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            keys,
            users,
            peppers,
            clock,
            observer,
            cache: Cache::default(),
        }
    }

    /// The key that `text` is, if it may be used at `now`.
    ///
    /// # Errors
    /// When the cache does not know it and a store failed.
    pub async fn find(&self, text: &str, now: Timestamp) -> Result<Lookup, StoreError> {
        let key = match KeyText::ours_or_imported(text) {
            Ok(key) => key,
            Err(error) => return Ok(Err(KeyRefusal::NotAKey(error))),
        };
        let Some((newest, older)) = self.peppers.split_first() else {
            return Ok(Err(KeyRefusal::Unknown));
        };
        let hash = newest.hash(&key);
        let moment = self.cache.moment(self.clock.monotonic());
        let found = match self.cache.get(&hash, moment) {
            Some(found) => found,
            None => {
                let began = self.clock.monotonic();
                let found = self.search(hash, older, &key).await;
                self.observer.observe(&Event::StoreCalled {
                    store: "keys",
                    answered: found.is_ok(),
                    took: self.clock.monotonic().saturating_sub(began),
                });
                let found = found?;
                self.cache.put(hash, moment, found.clone());
                found
            }
        };
        Ok(found.map_or(Err(KeyRefusal::Unknown), |grant| check(grant, now)))
    }

    /// Forgets every answer. Called for each change of a key or a user, and after news of one may have been
    /// missed: changes are rare, and reading a key anew costs two look-ups by index.
    pub fn forget(&self) {
        self.cache.forget();
    }

    async fn search(
        &self,
        newest: KeyHash,
        older: &[Pepper],
        key: &KeyText,
    ) -> Result<Option<Arc<Grant>>, StoreError> {
        if let Some(grant) = self.load(newest).await? {
            return Ok(Some(grant));
        }
        for pepper in older {
            if let Some(grant) = self.load(pepper.hash(key)).await? {
                self.hash_again(&grant, newest).await;
                return Ok(Some(grant));
            }
        }
        // Another look-up may have moved it from there to here meanwhile.
        if older.is_empty() {
            Ok(None)
        } else {
            self.load(newest).await
        }
    }

    async fn load(&self, hash: KeyHash) -> Result<Option<Arc<Grant>>, StoreError> {
        let Some(key) = self.keys.by_hash(&hash).await? else {
            return Ok(None);
        };
        let Some(user) = self.users.get(key.owner).await? else {
            return Err(StoreError::Missing {
                what: format!("owner {} of key {}", key.owner, key.id),
            });
        };
        let principal = Principal {
            user: user.id,
            key: key.id,
            groups: user.groups.clone(),
        };
        Ok(Some(Arc::new(Grant { key, user, principal })))
    }

    // A key found under an older pepper is kept under the newest from now on. When that fails, the older
    // hash still finds it. Read anew, so that no change since the grant was loaded is undone.
    async fn hash_again(&self, grant: &Grant, newest: KeyHash) {
        if let Ok(Some(kept)) = self.keys.get(grant.key.id).await
            && kept.hash == grant.key.hash
        {
            let moved = ApiKey { hash: newest, ..kept };
            // Not an error of this request.
            let _ = self.keys.update(&moved).await;
        }
    }
}

// Keys brought from elsewhere have no checksum and do not begin like ours.
fn check(grant: Arc<Grant>, now: Timestamp) -> Lookup {
    if grant.key.state == KeyState::Revoked {
        return Err(KeyRefusal::Revoked);
    }
    if let Some(end) = grant.key.expires_at.filter(|end| *end <= now) {
        return Err(KeyRefusal::Expired(end));
    }
    if grant.user.state != UserState::Active {
        return Err(KeyRefusal::Suspended);
    }
    Ok(grant)
}

#[cfg(test)]
mod tests;
