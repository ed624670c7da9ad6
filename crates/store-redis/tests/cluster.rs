//! The same on a Redis Cluster, whose every script has to name a slot and to stay in it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool_redis::redis;
use llmgw_keys::MemoryKeys;
use llmgw_servers::Redis;
use llmgw_store_redis::{CachedKeys, Heard, Options, RedisAdmission, RedisFeed, RedisOneTime, RedisSessions};
use llmgw_types::{Change, ChangeFeed, KeyId, SecretString, Timestamp};
use llmgw_usage::admission::AdmissionStore;
use llmgw_usage::admission::contract::calendar;

use crate::server;

/// A cluster of one.
static CLUSTER: LazyLock<Redis> = LazyLock::new(|| {
    let redis = Redis::start_with(&["--cluster-enabled", "yes"]);
    let mut node = redis::Client::open(redis.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let mut slots = redis::cmd("CLUSTER");
    slots
        .arg("ADDSLOTSRANGE")
        .arg(0)
        .arg(16_383)
        .exec(&mut node)
        .unwrap();
    let begun = Instant::now();
    loop {
        let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut node).unwrap();
        if info.contains("cluster_state:ok") {
            return redis;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{info}");
    }
});

fn options() -> Options {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let url = CLUSTER.url();
    Options {
        prefix: format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        cluster: vec![SecretString::from(url.as_str())],
        call_timeout: Duration::from_secs(5),
        ..Options::at(&url)
    }
}

fn admission() -> RedisAdmission {
    let admission = RedisAdmission::new(server::open(&options()), calendar());
    server::block_on(admission.seed(Timestamp::default(), &[])).unwrap();
    admission
}

llmgw_usage::admission_contract!(server::block_on, (admission(), ()));

mod keys {
    use super::*;

    llmgw_keys::key_store_contract!(
        server::block_on,
        (
            CachedKeys::new(
                server::open(&options()),
                std::sync::Arc::new(MemoryKeys::default())
            ),
            ()
        )
    );
}

mod sessions {
    use super::*;

    llmgw_sessions::session_store_contract!(
        server::block_on,
        (RedisSessions::new(server::open(&options())), ())
    );
}

mod one_time {
    use super::*;

    llmgw_sessions::one_time_store_contract!(
        server::block_on,
        (RedisOneTime::new(server::open(&options())), ())
    );
}

#[test]
fn it_is_looked_at_and_tells_the_time() {
    let store = server::open(&options());
    server::block_on(store.prepare()).unwrap();
    assert!(server::block_on(store.time()).unwrap() > Timestamp::default());
}

#[test]
fn changes_are_heard() {
    let options = options();
    let (say, heard) = std::sync::mpsc::channel();
    let feed = RedisFeed::new(server::open(&options));
    let listening = server::spawn(async move {
        feed.listen(move |heard| {
            let _ = say.send(heard);
        })
        .await;
    });
    let patience = Duration::from_secs(25);
    assert_eq!(heard.recv_timeout(patience), Ok(Heard::Reconnected));
    let change = Change::Key(KeyId::from_bytes([1; 16]));
    let feed = RedisFeed::new(server::open(&options));
    server::block_on(feed.publish(change.clone())).unwrap();
    assert_eq!(heard.recv_timeout(patience), Ok(Heard::Change(change)));
    listening.abort();
}
