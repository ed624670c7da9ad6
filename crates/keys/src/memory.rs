//! The in-memory adapters: what the ports mean, for tests and for a gateway that keeps nothing.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use llmgw_types::{KeyId, StoreError, Timestamp, UserId};

use crate::{ApiKey, KeyHash, KeyState, KeyStore, Page, User, UserStore};

/// Keys in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryKeys(Mutex<KeyTable>);

#[derive(Debug, Default)]
struct KeyTable {
    by_id: BTreeMap<KeyId, ApiKey>,
    by_hash: HashMap<KeyHash, KeyId>,
}

#[async_trait]
impl KeyStore for MemoryKeys {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        if table.by_id.contains_key(&key.id) || table.by_hash.contains_key(&key.hash) {
            return Err(StoreError::Exists {
                what: format!("key {}", key.id),
            });
        }
        table.by_hash.insert(key.hash, key.id);
        table.by_id.insert(key.id, key.clone());
        Ok(())
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let table = lock(&self.0);
        Ok(table
            .by_hash
            .get(hash)
            .and_then(|id| table.by_id.get(id))
            .cloned())
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        Ok(lock(&self.0).by_id.get(&id).cloned())
    }

    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        let table = lock(&self.0);
        let keys = table.by_id.range(after(&page)).map(|(_, key)| key);
        let keys = keys.filter(|key| owner.is_none_or(|owner| key.owner == owner));
        Ok(keys.take(page.limit).cloned().collect())
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        let table = &mut *lock(&self.0);
        let Some(kept) = table.by_id.get_mut(&key.id) else {
            return Err(StoreError::Missing {
                what: format!("key {}", key.id),
            });
        };
        if kept.revision != key.revision {
            return Err(StoreError::Changed {
                what: format!("key {}", key.id),
            });
        }
        if table.by_hash.get(&key.hash).is_some_and(|id| *id != key.id) {
            return Err(StoreError::Exists {
                what: "another key with this hash".to_owned(),
            });
        }
        let revoked = kept.state == KeyState::Revoked;
        table.by_hash.remove(&kept.hash);
        table.by_hash.insert(key.hash, key.id);
        kept.clone_from(key);
        kept.revision = kept.revision.next();
        if revoked {
            kept.state = KeyState::Revoked;
        }
        Ok(())
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let mut table = lock(&self.0);
        for (id, at) in used {
            if let Some(key) = table.by_id.get_mut(id) {
                // `None` sorts before every time.
                key.last_used_at = key.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }
}

/// Users in this process's memory. Names are looked up by going through all users: that is done at log-in
/// and by administrators, never for a request.
#[derive(Debug, Default)]
pub struct MemoryUsers(Mutex<BTreeMap<UserId, User>>);

#[async_trait]
impl UserStore for MemoryUsers {
    async fn insert(&self, user: &User) -> Result<(), StoreError> {
        let mut users = lock(&self.0);
        if users.contains_key(&user.id) {
            return Err(StoreError::Exists {
                what: format!("user {}", user.id),
            });
        }
        check_unique(&users, user)?;
        users.insert(user.id, user.clone());
        Ok(())
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(lock(&self.0).get(&id).cloned())
    }

    async fn by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(lock(&self.0).values().find(|user| user.name == name).cloned())
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<User>, StoreError> {
        let users = lock(&self.0);
        Ok(users
            .values()
            .find(|user| user.external_id.as_deref() == Some(external_id))
            .cloned())
    }

    async fn list(&self, search: Option<&str>, page: Page<UserId>) -> Result<Vec<User>, StoreError> {
        let users = lock(&self.0);
        let search = search.map(str::to_lowercase);
        let has = |text: &str, word: &str| text.to_lowercase().contains(word);
        let found = |user: &&User| {
            search.as_ref().is_none_or(|word| {
                has(&user.name, word) || user.mail.as_ref().is_some_and(|mail| has(mail, word))
            })
        };
        Ok(users
            .range(after(&page))
            .map(|(_, user)| user)
            .filter(found)
            .take(page.limit)
            .cloned()
            .collect())
    }

    async fn update(&self, user: &User) -> Result<(), StoreError> {
        let mut users = lock(&self.0);
        let what = || format!("user {}", user.id);
        match users.get(&user.id).map(|kept| kept.revision) {
            None => return Err(StoreError::Missing { what: what() }),
            Some(revision) if revision != user.revision => {
                return Err(StoreError::Changed { what: what() });
            }
            Some(_) => {}
        }
        check_unique(&users, user)?;
        let changed = User {
            revision: user.revision.next(),
            ..user.clone()
        };
        users.insert(user.id, changed);
        Ok(())
    }
}

fn check_unique(users: &BTreeMap<UserId, User>, user: &User) -> Result<(), StoreError> {
    let same_account = |other: &User| user.external_id.is_some() && other.external_id == user.external_id;
    let mut others = users.values().filter(|other| other.id != user.id);
    if others.any(|other| other.name == user.name || same_account(other)) {
        return Err(StoreError::Exists {
            what: "a user with this name or external id".to_owned(),
        });
    }
    Ok(())
}

fn after<Id: Copy>(page: &Page<Id>) -> (Bound<Id>, Bound<Id>) {
    (
        page.after.map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded,
    )
}

// Nothing in here panics while it holds a lock, so a poisoned one holds whole data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    mod keys {
        use super::*;

        crate::key_store_contract!(futures_executor::block_on, (MemoryKeys::default(), ()));
    }

    mod users {
        use super::*;

        crate::user_store_contract!(futures_executor::block_on, (MemoryUsers::default(), ()));
    }
}
