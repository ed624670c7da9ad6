//! From the text a client shows to the key's record and its owner: from the cache, else from the stores.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llmgw_types::{KeyId, Principal, StoreError, Timestamp, UserId};
use moka::sync::Cache;

use crate::{ApiKey, KeyHash, KeyState, KeyStore, KeyText, KeyTextError, Pepper, User, UserState, UserStore};

const KNOWN_FOR: Duration = Duration::from_secs(30);
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
const CAPACITY: u64 = 100_000;

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

#[derive(Clone)]
struct Entry {
    loaded_at: Timestamp,
    found: Option<Arc<Grant>>,
}

/// Looks keys up. Entries live 30 s at most (unknown keys 5 s); a change that is told to
/// [`forget_key`](Self::forget_key) or [`forget_user`](Self::forget_user) is seen by the next look-up, also
/// when one was under way.
pub struct KeyLookup {
    keys: Arc<dyn KeyStore>,
    users: Arc<dyn UserStore>,
    peppers: Vec<Pepper>,
    cache: Cache<KeyHash, Entry>,
    // Counts what was forgotten: a look-up keeps its answer only when nothing was forgotten meanwhile.
    epoch: AtomicU64,
}

impl fmt::Debug for KeyLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLookup")
            .field("cached", &self.cache.entry_count())
            .finish_non_exhaustive()
    }
}

impl KeyLookup {
    /// Looks keys up in `keys`, their owners in `users`; `peppers` has the newest first.
    #[must_use]
    pub fn new(keys: Arc<dyn KeyStore>, users: Arc<dyn UserStore>, peppers: Vec<Pepper>) -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .support_invalidation_closures()
            .build();
        Self {
            keys,
            users,
            peppers,
            cache,
            epoch: AtomicU64::new(0),
        }
    }

    /// The key that `text` is, if it may be used at `now`.
    ///
    /// # Errors
    /// When the cache does not know it and a store failed.
    pub async fn find(&self, text: &str, now: Timestamp) -> Result<Lookup, StoreError> {
        let key = match parse(text) {
            Ok(key) => key,
            Err(error) => return Ok(Err(KeyRefusal::NotAKey(error))),
        };
        for (age, pepper) in self.peppers.iter().enumerate() {
            let hash = pepper.hash(&key);
            if let Some(grant) = self.by_hash(hash, now).await? {
                if age > 0 {
                    self.hash_again(&grant, &key).await;
                }
                return Ok(check(grant, now));
            }
        }
        Ok(Err(KeyRefusal::Unknown))
    }

    /// Forgets what is cached of this key.
    pub fn forget_key(&self, id: KeyId) {
        self.forget(move |grant| grant.is_none_or(|grant| grant.key.id == id));
    }

    /// Forgets what is cached of this user's keys.
    pub fn forget_user(&self, id: UserId) {
        self.forget(move |grant| grant.is_some_and(|grant| grant.user.id == id));
    }

    /// Forgets everything, after news may have been missed.
    pub fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate_all();
    }

    fn forget(&self, which: impl Fn(Option<&Grant>) -> bool + Send + Sync + 'static) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        let registered = self
            .cache
            .invalidate_entries_if(move |_, entry| which(entry.found.as_deref()));
        if registered.is_err() {
            self.cache.invalidate_all();
        }
    }

    async fn by_hash(&self, hash: KeyHash, now: Timestamp) -> Result<Option<Arc<Grant>>, StoreError> {
        if let Some(entry) = self.cache.get(&hash) {
            let lives = if entry.found.is_some() {
                KNOWN_FOR
            } else {
                UNKNOWN_FOR
            };
            if now.since(entry.loaded_at) < lives {
                return Ok(entry.found);
            }
        }
        let epoch = self.epoch.load(Ordering::SeqCst);
        let found = self.load(hash).await?;
        if self.epoch.load(Ordering::SeqCst) == epoch {
            self.cache.insert(
                hash,
                Entry {
                    loaded_at: now,
                    found: found.clone(),
                },
            );
            // Something may have been forgotten between the look and the insert.
            if self.epoch.load(Ordering::SeqCst) != epoch {
                self.cache.invalidate(&hash);
            }
        }
        Ok(found)
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
    // hash still finds it.
    async fn hash_again(&self, grant: &Grant, text: &KeyText) {
        let Some(newest) = self.peppers.first() else {
            return;
        };
        let key = ApiKey {
            hash: newest.hash(text),
            ..grant.key.clone()
        };
        if self.keys.update(&key).await.is_ok() {
            self.forget_key(key.id);
        }
    }
}

// Keys brought from elsewhere have no checksum and do not begin like ours.
fn parse(text: &str) -> Result<KeyText, KeyTextError> {
    match KeyText::parse(text) {
        Err(KeyTextError::NotOurs) => KeyText::import(text).map_err(|_| KeyTextError::NotOurs),
        parsed => parsed,
    }
}

fn check(grant: Arc<Grant>, now: Timestamp) -> Lookup {
    if grant.key.state == KeyState::Revoked {
        return Err(KeyRefusal::Revoked);
    }
    if let Some(end) = grant.key.expires_at.filter(|end| *end <= now) {
        return Err(KeyRefusal::Expired(end));
    }
    if grant.user.state == UserState::Suspended {
        return Err(KeyRefusal::Suspended);
    }
    Ok(grant)
}
