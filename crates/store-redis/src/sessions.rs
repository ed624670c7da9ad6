//! Web sessions that several services share. What the operations mean is said by the port; each that changes
//! something is one Lua script and so one step. Times are compared with the caller's `now`: that Redis lets keys go
//! by its own clock is only how they are cleaned up.

mod fields;
mod scripts;

use async_trait::async_trait;
use llmgw_sessions::{Session, SessionStore, TokenHash};
use llmgw_types::{StoreError, Timestamp, UserId};

use crate::RedisStore;
use crate::store::Script;
use fields::Fields;

/// Part of the names of keys: another layout of values has another one.
const LAYOUT: &str = "s1";

/// Sessions that one call removes at most. More would keep other calls waiting.
const AT_ONCE: usize = 256;

/// Sessions in Redis.
#[derive(Debug)]
pub struct RedisSessions {
    store: RedisStore,
    base: String,
}

impl RedisSessions {
    /// The sessions kept in `store`.
    #[must_use]
    pub fn new(store: RedisStore) -> Self {
        Self {
            base: store.base(LAYOUT),
            store,
        }
    }

    async fn run(&self, script: &Script, arguments: &[Vec<u8>]) -> Result<u64, StoreError> {
        self.store.run(script, &self.base, arguments).await
    }

    // Both: [now, hash, fields and indexes].
    async fn write(
        &self,
        script: &Script,
        hash: &TokenHash,
        session: &Session,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut arguments = vec![fields::micros(now), hash.as_bytes().to_vec()];
        arguments.extend(fields::arguments(session)?);
        Ok(self.run(script, &arguments).await? > 0)
    }

    // All sessions that one index leads to.
    async fn remove_all(&self, index: Vec<u8>) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let arguments = [index.clone(), AT_ONCE.to_string().into_bytes()];
            let (gone, looked_at): (u64, usize) = self
                .store
                .run(&scripts::REMOVE_ALL, &self.base, &arguments)
                .await?;
            removed += gone;
            if looked_at < AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn insert(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        if self.write(&scripts::INSERT, hash, session, now).await? {
            return Ok(());
        }
        Err(StoreError::Exists {
            what: "a session with this token".to_owned(),
        })
    }

    async fn get(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let key = [self.base.as_bytes(), b"s", hash.as_bytes()].concat();
        let kept: Fields = self.store.ask(&fields::read(&key)).await?;
        Ok(fields::session(kept)?.filter(|session| !session.is_over(now)))
    }

    async fn update(&self, hash: &TokenHash, session: &Session, now: Timestamp) -> Result<bool, StoreError> {
        self.write(&scripts::UPDATE, hash, session, now).await
    }

    async fn touch(&self, hash: &TokenHash, seen_at: Timestamp) -> Result<bool, StoreError> {
        let arguments = [fields::micros(seen_at), hash.as_bytes().to_vec()];
        Ok(self.run(&scripts::TOUCH, &arguments).await? > 0)
    }

    async fn remove(&self, hash: &TokenHash) -> Result<bool, StoreError> {
        let arguments = [hash.as_bytes().to_vec()];
        Ok(self.run(&scripts::REMOVE, &arguments).await? > 0)
    }

    async fn remove_user(&self, user: UserId) -> Result<u64, StoreError> {
        self.remove_all(fields::of_user(user)).await
    }

    async fn remove_login(
        &self,
        issuer: &str,
        name_id: &str,
        session_indexes: &[String],
    ) -> Result<u64, StoreError> {
        if session_indexes.is_empty() {
            return self.remove_all(fields::of_name_id(issuer, name_id)).await;
        }
        let mut removed = 0;
        for session_index in session_indexes {
            let index = fields::of_session_index(issuer, name_id, session_index);
            removed += self.remove_all(index).await?;
        }
        Ok(removed)
    }
}
