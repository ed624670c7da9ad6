//! Redis.

use std::time::Duration;

use llmgw_boot::config::{Fault, RedisSection};
use llmgw_store_redis::{Options, OptionsError, RedisStore};
use llmgw_types::SecretString;

use crate::key_or_file;

/// How long a page waits for Redis at least.
const PAGES: Duration = Duration::from_secs(2);

/// The Redis of `[redis]`, which was not yet asked anything.
///
/// # Errors
/// When the settings make no sense.
pub fn redis(redis: &RedisSection) -> Result<RedisStore, Fault> {
    open(redis, redis.call_timeout.0)
}

/// The same for services whose pages people look at. Gateways have something else to go by when Redis is slow; a login
/// has not, and people rather wait on a busy machine than read that it did not work.
///
/// # Errors
/// When the settings make no sense.
pub fn redis_for_pages(redis: &RedisSection) -> Result<RedisStore, Fault> {
    open(redis, redis.call_timeout.0.max(PAGES))
}

fn open(redis: &RedisSection, call_timeout: Duration) -> Result<RedisStore, Fault> {
    if redis.connections == 0 {
        return Err(Fault::new(
            "redis.connections",
            "none could be used; set it to 1 or more",
        ));
    }
    let cluster = redis.cluster.iter().map(|url| SecretString::from(&*url.0));
    let options = Options {
        url: redis.address()?,
        username: redis.username.clone(),
        password: redis.secret()?,
        cluster: cluster.collect(),
        ca: redis.authority()?,
        connections: redis.connections,
        prefix: redis.prefix.clone(),
        call_timeout,
        ..Options::default()
    };
    RedisStore::open(&options).map_err(|error| match error {
        OptionsError::Ca | OptionsError::CaWithoutTls => Fault::new("redis.ca_file", error.to_string()),
        other => Fault::new(
            key_or_file("redis.url", redis.url_file.is_some()),
            format!("{other}; write an address like that one"),
        ),
    })
}
