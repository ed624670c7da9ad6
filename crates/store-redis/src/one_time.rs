//! Values that one taker gets, and ids that one caller uses first, over all services.

use std::sync::LazyLock;

use async_trait::async_trait;
use deadpool_redis::redis;
use llmgw_sessions::{OneTimeStore, TokenHash};
use llmgw_types::{StoreError, Timestamp};

use crate::RedisStore;
use crate::error::corrupt;
use crate::store::Script;

/// Part of the names of keys: another layout of values has another one.
const LAYOUT: &str = "o1";

static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&[
        include_str!("lua/expiry.lua"),
        include_str!("lua/one_time/prelude.lua"),
        include_str!("lua/one_time/put.lua"),
    ])
});
static FIRST_USE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&[
        include_str!("lua/expiry.lua"),
        include_str!("lua/one_time/prelude.lua"),
        include_str!("lua/one_time/first_use.lua"),
    ])
});

/// Values and used ids in Redis. Times are compared with the caller's `now`; Redis lets them go by its own clock, an
/// hour after that.
#[derive(Debug)]
pub struct RedisOneTime {
    store: RedisStore,
    base: String,
}

impl RedisOneTime {
    /// The values and ids kept in `store`.
    #[must_use]
    pub fn new(store: RedisStore) -> Self {
        Self {
            base: store.base(LAYOUT),
            store,
        }
    }
}

#[async_trait]
impl OneTimeStore for RedisOneTime {
    async fn put(
        &self,
        kind: &str,
        hash: &TokenHash,
        value: &[u8],
        until: Timestamp,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        let arguments = [value_name(kind, hash), micros(until), value.to_vec()];
        let _: u8 = self.store.run(&PUT, &self.base, &arguments).await?;
        Ok(())
    }

    async fn take(
        &self,
        kind: &str,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let key = [self.base.as_bytes(), &value_name(kind, hash)].concat();
        // One command, so one taker.
        let taken: Option<Vec<u8>> = self.store.ask(redis::cmd("GETDEL").arg(key)).await?;
        let Some(taken) = taken else {
            return Ok(None);
        };
        let (until, value) = parse(&taken).ok_or_else(|| corrupt("a value of another form"))?;
        Ok((now < until).then(|| value.to_vec()))
    }

    async fn first_use(
        &self,
        kind: &str,
        id: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = format!("u{}:{kind}{id}", kind.len()).into_bytes();
        let arguments = [name, micros(until), micros(now)];
        let first: u8 = self.store.run(&FIRST_USE, &self.base, &arguments).await?;
        Ok(first == 1)
    }
}

// Where a kind ends is said by its length.
fn value_name(kind: &str, hash: &TokenHash) -> Vec<u8> {
    let kind = format!("v{}:{kind}", kind.len());
    [kind.as_bytes(), hash.as_bytes()].concat()
}

fn micros(at: Timestamp) -> Vec<u8> {
    at.as_micros().to_string().into_bytes()
}

// Until when, a colon, the value.
fn parse(kept: &[u8]) -> Option<(Timestamp, &[u8])> {
    let colon = kept.iter().position(|byte| *byte == b':')?;
    let (until, value) = kept.split_at_checked(colon)?;
    let until: i64 = std::str::from_utf8(until).ok()?.parse().ok()?;
    Some((Timestamp::from_micros(until), value.get(1..)?))
}
