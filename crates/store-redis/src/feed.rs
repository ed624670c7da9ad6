//! News of changes among processes, by pub/sub. What is said while nobody is connected is lost, so whoever listens
//! is told of each new connection as well.

use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::aio::PubSub;
use deadpool_redis::redis::{Client, Msg, RedisResult, Value};
use futures_util::StreamExt;
use llmgw_types::{Change, ChangeFeed, KeyId, ModelId, StoreError, UserId};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::RedisStore;
use crate::cache::{Name, Shelf};
use crate::error::CallError;

/// How long a connection may be silent before it is asked whether it lives, and may take to say so: a dead one is
/// left after the sum of both.
const SILENCE: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(2);

/// How long to wait before the first and, doubled each time, before a later attempt to connect.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// This changed.
    Change(Change),
    /// Anything may have changed: the connection is new, or something was said that this version does not
    /// understand. Caches must be emptied.
    Reconnected,
}

// What stands on the channel.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Key(KeyId),
    User(UserId),
    Model(ModelId),
    Limits,
}

/// Tells the services that share this Redis of changes. It tells nobody within this process: a composition root
/// puts that before it.
#[derive(Debug)]
pub struct RedisFeed {
    store: RedisStore,
    shelf: Shelf,
    channel: String,
}

impl RedisFeed {
    /// News over `store`.
    #[must_use]
    pub fn new(store: RedisStore) -> Self {
        Self {
            channel: store.base("changes"),
            shelf: Shelf::new(store.clone()),
            store,
        }
    }

    /// Calls `hear` for every change, and each time the connection was made, the first time included. Connects
    /// again by itself; a connection that died without a word is noticed within 5 s. While `hear` runs nothing else
    /// is heard. Never ends; drop the future to stop.
    pub async fn listen(&self, mut hear: impl FnMut(Heard)) -> Infallible {
        let mut wait = FIRST_WAIT;
        for turn in 0_usize.. {
            match timeout(self.store.connect_timeout(), self.subscribe(turn)).await {
                Ok(Ok(connection)) => {
                    tracing::info!("changes are heard");
                    hear(Heard::Reconnected);
                    hear_all(connection, &mut hear).await;
                    tracing::warn!("changes are not heard, the connection to Redis is lost");
                    wait = FIRST_WAIT;
                }
                // Logged when it was lost, and by everything else that needs Redis.
                Ok(Err(_)) | Err(_) => wait = (2 * wait).min(LONGEST_WAIT),
            }
            sleep(wait).await;
        }
        std::future::pending().await
    }

    // A cluster passes news on among its nodes: one after the other is tried.
    async fn subscribe(&self, turn: usize) -> Result<PubSub, CallError> {
        let nodes = self.store.nodes();
        let client = Client::open(nodes[turn % nodes.len()].clone())?;
        let mut connection = client.get_async_pubsub().await?;
        connection.subscribe(&self.channel).await?;
        Ok(connection)
    }
}

#[async_trait]
impl ChangeFeed for RedisFeed {
    async fn publish(&self, change: Change) -> Result<(), StoreError> {
        let name = Name::of_change(&change);
        let told = serde_json::to_vec(&Told::from(change))
            .map_err(|error| StoreError::unavailable(crate::error::STORE, error))?;
        self.shelf
            .forget_and_tell(name.as_slice(), &self.channel, &told)
            .await
    }
}

// Until the connection is lost.
async fn hear_all(connection: PubSub, hear: &mut impl FnMut(Heard)) {
    let (mut sink, mut messages) = connection.split();
    loop {
        match timeout(SILENCE, messages.next()).await {
            Ok(Some(message)) => hear(understand(&message)),
            Ok(None) => return,
            Err(_) => {
                let answer: Result<RedisResult<Value>, _> = timeout(ANSWER, sink.ping()).await;
                if !matches!(answer, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

fn understand(message: &Msg) -> Heard {
    match serde_json::from_slice(message.get_payload_bytes()) {
        Ok(Told::Key(id)) => Heard::Change(Change::Key(id)),
        Ok(Told::User(id)) => Heard::Change(Change::User(id)),
        Ok(Told::Model(id)) => Heard::Change(Change::Model(id)),
        Ok(Told::Limits) => Heard::Change(Change::Limits),
        Err(_) => Heard::Reconnected,
    }
}

impl From<Change> for Told {
    fn from(change: Change) -> Self {
        match change {
            Change::Key(id) => Self::Key(id),
            Change::User(id) => Self::User(id),
            Change::Model(id) => Self::Model(id),
            Change::Limits => Self::Limits,
        }
    }
}
