//! Which target keeps which answer, for all gateways. Each is a key of its own. Times are compared with the caller's
//! `now`; Redis lets the key go by its own clock, an hour after that.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis;
use llmgw_models::{AnswerPlace, AnswerPlaces};
use llmgw_types::{StoreError, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::RedisStore;
use crate::error::corrupt;

/// Part of the names of keys: another layout of values has another one.
const LAYOUT: &str = "w1";

/// Clocks differ less than that.
const MARGIN: Duration = Duration::from_secs(3_600);

/// Places in Redis. Where Redis is emptied, answers made before cannot be asked for any more.
#[derive(Debug)]
pub struct RedisAnswers {
    store: RedisStore,
    base: String,
}

/// As it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "u")]
    until: i64,
    #[serde(rename = "p")]
    place: AnswerPlace,
}

impl RedisAnswers {
    /// The places kept in `store`.
    #[must_use]
    pub fn new(store: RedisStore) -> Self {
        Self {
            base: store.base(LAYOUT),
            store,
        }
    }

    // A user's id has a length, so where that of the answer begins is clear.
    fn key(&self, user: UserId, answer: &str) -> Vec<u8> {
        [self.base.as_bytes(), user.as_bytes(), answer.as_bytes()].concat()
    }
}

#[async_trait]
impl AnswerPlaces for RedisAnswers {
    async fn put(
        &self,
        user: UserId,
        answer: &str,
        place: &AnswerPlace,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let kept = Kept {
            until: until.as_micros(),
            place: place.clone(),
        };
        let value = serde_json::to_vec(&kept).map_err(|_| corrupt("a place that cannot be written"))?;
        let left = until
            .plus(MARGIN)
            .as_millis()
            .saturating_sub(now.as_millis())
            .max(1);
        let mut command = redis::cmd("SET");
        command.arg(self.key(user, answer)).arg(value).arg("PX").arg(left);
        let _: redis::Value = self.store.ask(&command).await?;
        Ok(())
    }

    async fn get(
        &self,
        user: UserId,
        answer: &str,
        now: Timestamp,
    ) -> Result<Option<AnswerPlace>, StoreError> {
        let mut command = redis::cmd("GET");
        command.arg(self.key(user, answer));
        let value: Option<Vec<u8>> = self.store.ask(&command).await?;
        let Some(value) = value else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(&value).map_err(|_| corrupt("a place of another form"))?;
        Ok((now.as_micros() < kept.until).then_some(kept.place))
    }

    async fn remove(&self, user: UserId, answer: &str) -> Result<(), StoreError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.key(user, answer));
        let _: redis::Value = self.store.ask(&command).await?;
        Ok(())
    }
}
