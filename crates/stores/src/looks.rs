//! Whether the stores answer: refuses at start what answers and is of no use, and waits for what does not answer.

use std::sync::Arc;
use std::time::Duration;

use llmgw_boot::config::Fault;
use llmgw_boot::{Readiness, chain};
use llmgw_keys::UserStore;
use llmgw_store_mongo::{MongoStore, StartError};
use llmgw_store_redis::{PrepareError, RedisStore};
use llmgw_types::{StoreError, UserId};
use tokio::time::{sleep, timeout};

/// How long a look at a store may take.
const LOOK_WITHIN: Duration = Duration::from_secs(3);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// A store that answers, or does not.
type Look = Result<(), StoreError>;

/// Looks at the stores, and tells health checks.
#[derive(Debug)]
pub struct Looks {
    redis: RedisStore,
    mongo: Option<MongoStore>,
    readiness: Arc<Readiness>,
}

/// Which stores answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// MongoDB; true where there is none.
    pub mongo: bool,
    /// Redis.
    pub redis: bool,
}

impl Looks {
    /// At these.
    #[must_use]
    pub const fn new(redis: RedisStore, mongo: Option<MongoStore>, readiness: Arc<Readiness>) -> Self {
        Self {
            redis,
            mongo,
            readiness,
        }
    }

    /// The first look.
    ///
    /// # Errors
    /// When a store answers and is of no use.
    pub async fn begin(&self) -> Result<Answered, Fault> {
        let (mongo, redis) = tokio::join!(self.look_at_mongo(), self.look_at_redis());
        let (mongo, redis) = (mongo?, redis?);
        for (name, look) in [("MongoDB", &mongo), ("Redis", &redis)] {
            if let Err(error) = look {
                tracing::warn!("{name} is away, and waited for: {}", chain(error));
            }
        }
        self.note(&mongo, &redis);
        Ok(Answered {
            mongo: mongo.is_ok(),
            redis: redis.is_ok(),
        })
    }

    /// Goes on looking. Never ends.
    pub async fn keep(&self) {
        let mut told = false;
        loop {
            sleep(PAUSE).await;
            let (mongo, redis) = tokio::join!(self.look_at_mongo(), self.look_at_redis());
            let fault = mongo.as_ref().err().or(redis.as_ref().err());
            if let (Some(fault), false) = (fault, told) {
                tracing::error!("a store is of no use: {fault}");
            }
            told = fault.is_some();
            let away = |fault: Fault| Err(StoreError::unavailable("store", fault));
            let (mongo, redis) = (mongo.unwrap_or_else(away), redis.unwrap_or_else(away));
            self.note(&mongo, &redis);
        }
    }

    fn note(&self, mongo: &Look, redis: &Look) {
        for (key, name, look) in [("mongo", "MongoDB", mongo), ("redis", "Redis", redis)] {
            if self.readiness.store(key, look.is_ok()) {
                match look {
                    Ok(()) => tracing::info!("{name} answers"),
                    Err(error) => tracing::warn!("{name} does not answer: {}", chain(error)),
                }
            }
        }
    }

    async fn look_at_mongo(&self) -> Result<Look, Fault> {
        let Some(mongo) = &self.mongo else {
            return Ok(Ok(()));
        };
        match timeout(LOOK_WITHIN, mongo.prepare()).await {
            // Prepared once, it is not asked again: this does.
            Ok(Ok(())) => Ok(mongo.users().get(UserId::from_bytes([0; 16])).await.map(drop)),
            Ok(Err(StartError::Store(error))) => Ok(Err(error)),
            Ok(Err(useless)) => Err(Fault::new("mongo.url", useless.to_string())),
            Err(_) => Ok(Err(no_answer("MongoDB"))),
        }
    }

    async fn look_at_redis(&self) -> Result<Look, Fault> {
        match timeout(LOOK_WITHIN, self.redis.prepare()).await {
            Ok(Ok(())) => Ok(Ok(())),
            Ok(Err(PrepareError::Store(error))) => Ok(Err(error)),
            Ok(Err(useless)) => Err(Fault::new("redis.url", useless.to_string())),
            Err(_) => Ok(Err(no_answer("redis"))),
        }
    }
}

fn no_answer(store: &'static str) -> StoreError {
    StoreError::unavailable(store, format!("no answer within {LOOK_WITHIN:?}"))
}
