//! The in-memory adapters: what the ports mean, for tests and for one process that may forget at its end.

mod expiring;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use llmgw_types::{StoreError, Timestamp, UserId};

use crate::{Login, OneTimeStore, Session, SessionStore, TokenHash};
use expiring::Expiring;

/// Sessions in this process's memory. Those of a user or log-in are found by going through all: that is done at
/// a log-out elsewhere and by administrators, never for a page.
#[derive(Debug, Default)]
pub struct MemorySessions(Mutex<Expiring<TokenHash, Session>>);

#[async_trait]
impl SessionStore for MemorySessions {
    async fn insert(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        let mut sessions = lock(&self.0);
        sessions.sweep(now);
        if sessions.get(hash, now).is_some() {
            return Err(StoreError::Exists {
                what: "a session with this token".to_owned(),
            });
        }
        sessions.put(*hash, session.clone(), session.expires_at());
        Ok(())
    }

    async fn get(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        Ok(lock(&self.0).get(hash, now).cloned())
    }

    async fn update(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<bool, StoreError> {
        let mut sessions = lock(&self.0);
        let Some(seen_at) = sessions.get(hash, now).map(|kept| kept.seen_at) else {
            return Ok(false);
        };
        let mut session = session.clone();
        session.seen_at = session.seen_at.max(seen_at);
        let until = session.expires_at();
        sessions.put(*hash, session, until);
        Ok(true)
    }

    async fn touch(&self, hash: &TokenHash, seen_at: Timestamp) -> Result<bool, StoreError> {
        let mut sessions = lock(&self.0);
        let Some(mut session) = sessions.get(hash, seen_at).cloned() else {
            return Ok(false);
        };
        session.seen_at = session.seen_at.max(seen_at);
        let until = session.expires_at();
        sessions.put(*hash, session, until);
        Ok(true)
    }

    async fn remove(&self, hash: &TokenHash) -> Result<bool, StoreError> {
        Ok(lock(&self.0).remove(hash).is_some())
    }

    async fn remove_user(&self, user: UserId) -> Result<u64, StoreError> {
        Ok(lock(&self.0).remove_all(|session| session.user == Some(user)))
    }

    async fn remove_login(
        &self,
        issuer: &str,
        name_id: &str,
        session_indexes: &[String],
    ) -> Result<u64, StoreError> {
        let named = |login: &Login| {
            let index = login.session_index.as_ref();
            login.issuer == issuer
                && login.name_id == name_id
                && (session_indexes.is_empty() || index.is_some_and(|index| session_indexes.contains(index)))
        };
        Ok(lock(&self.0).remove_all(|session| session.login.as_ref().is_some_and(named)))
    }
}

/// Values and used ids in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryOneTime {
    values: Mutex<Expiring<(String, TokenHash), Vec<u8>>>,
    used: Mutex<Expiring<(String, String), ()>>,
}

#[async_trait]
impl OneTimeStore for MemoryOneTime {
    async fn put(
        &self,
        kind: &str,
        hash: &TokenHash,
        value: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut values = lock(&self.values);
        values.sweep(now);
        values.put((kind.to_owned(), *hash), value.to_vec(), until);
        Ok(())
    }

    async fn take(
        &self,
        kind: &str,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let taken = lock(&self.values).remove(&(kind.to_owned(), *hash));
        Ok(taken.and_then(|(value, until)| (now < until).then_some(value)))
    }

    async fn first_use(
        &self,
        kind: &str,
        id: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut used = lock(&self.used);
        used.sweep(now);
        let id = (kind.to_owned(), id.to_owned());
        if used.get(&id, now).is_some() {
            return Ok(false);
        }
        used.put(id, (), until);
        Ok(true)
    }
}

// Nothing in here panics while it holds a lock, so a poisoned one holds whole data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    mod sessions {
        use super::*;

        crate::session_store_contract!(futures_executor::block_on, (MemorySessions::default(), ()));
    }

    mod one_time {
        use super::*;

        crate::one_time_store_contract!(futures_executor::block_on, (MemoryOneTime::default(), ()));
    }
}
