//! Keys.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use llmgw_keys::{ApiKey, KeyHash, KeyState, KeyStore, MemoryKeys};
use llmgw_store_redis::{CachedKeys, Options, RedisFeed};
use llmgw_types::{Change, ChangeFeed, KeyId, Revision, StoreError, Timestamp, UserId};

use super::shaky::Shaky;
use crate::server;

mod contract {
    use std::sync::Arc;

    use llmgw_keys::MemoryKeys;
    use llmgw_store_redis::CachedKeys;

    use crate::server;

    llmgw_keys::key_store_contract!(
        server::block_on,
        (
            CachedKeys::new(server::open(&server::options()), Arc::new(MemoryKeys::default())),
            ()
        )
    );
}

fn key(number: u8) -> ApiKey {
    ApiKey {
        id: KeyId::from_bytes([number; 16]),
        hash: KeyHash::from_bytes([number; 32]),
        hint: "sk-llmgw-abc...wxyz".to_owned(),
        name: "notebook".to_owned(),
        owner: UserId::from_bytes([1; 16]),
        models: Vec::new(),
        limits: Vec::new(),
        expires_at: None,
        state: KeyState::Active,
        created_at: Timestamp::from_millis(5),
        revision: Revision::default(),
        last_used_at: None,
        replaces: None,
    }
}

fn revoked(key: &ApiKey) -> ApiKey {
    ApiKey {
        state: KeyState::Revoked,
        ..key.clone()
    }
}

/// A store with one key, and two gateways that look keys up in it.
struct Setup {
    options: Options,
    store: Arc<Shaky<MemoryKeys>>,
    gateways: [CachedKeys; 2],
    key: ApiKey,
}

impl Setup {
    fn new() -> Self {
        Self::at(server::options())
    }

    fn at(options: Options) -> Self {
        let store = Arc::new(Shaky::<MemoryKeys>::default());
        let key = key(7);
        server::block_on(store.inner.insert(&key)).unwrap();
        let gateway = || CachedKeys::new(server::open(&options), store.clone());
        Self {
            gateways: [gateway(), gateway()],
            options,
            store,
            key,
        }
    }

    fn look(&self, gateway: usize) -> Result<Option<ApiKey>, StoreError> {
        server::block_on(self.gateways[gateway].by_hash(&self.key.hash))
    }

    fn found(&self, gateway: usize) -> ApiKey {
        self.look(gateway).unwrap().expect("the key is there")
    }

    fn grow_older(&self, by: Duration) {
        server::grow_older(&self.options.prefix, b"k", by);
    }
}

#[test]
fn the_store_is_asked_once_for_all_gateways() {
    let setup = Setup::new();
    for gateway in [0, 1, 0] {
        assert_eq!(setup.found(gateway), setup.key);
    }
    assert_eq!(setup.store.asked(), 1);
}

#[test]
fn a_hash_that_nobody_has_is_asked_for_once_and_found_when_it_is_made() {
    let setup = Setup::new();
    let other = key(8);
    for gateway in &setup.gateways {
        assert_eq!(server::block_on(gateway.by_hash(&other.hash)).unwrap(), None);
    }
    assert_eq!(setup.store.asked(), 1);
    server::block_on(setup.gateways[0].insert(&other)).unwrap();
    let found = server::block_on(setup.gateways[1].by_hash(&other.hash)).unwrap();
    assert_eq!(found, Some(other));
}

#[test]
fn a_key_made_past_the_cache_is_found_once_that_is_told() {
    let setup = Setup::new();
    let other = key(8);
    assert_eq!(
        server::block_on(setup.gateways[0].by_hash(&other.hash)).unwrap(),
        None
    );
    server::block_on(setup.store.inner.insert(&other)).unwrap();
    let feed = RedisFeed::new(server::open(&setup.options));
    server::block_on(feed.publish(Change::Key(other.id))).unwrap();
    assert_eq!(
        server::block_on(setup.gateways[0].by_hash(&other.hash)).unwrap(),
        Some(other)
    );
}

#[test]
fn an_entry_of_half_a_minute_is_read_anew() {
    let setup = Setup::new();
    setup.found(0);
    setup.grow_older(Duration::from_secs(25));
    setup.found(0);
    assert_eq!(setup.store.asked(), 1);
    setup.grow_older(Duration::from_secs(6));
    setup.found(0);
    assert_eq!(setup.store.asked(), 2);
    // It is fresh again.
    setup.found(0);
    assert_eq!(setup.store.asked(), 2);
}

#[test]
fn an_older_entry_is_used_while_the_store_is_away_and_only_then() {
    let setup = Setup::new();
    setup.found(0);
    setup.grow_older(Duration::from_secs(23 * 3_600));
    setup.store.set_away(true);
    assert_eq!(setup.found(1), setup.key);
    // What was never looked up is not known.
    let unknown = server::block_on(setup.gateways[1].by_hash(&key(8).hash));
    assert!(
        matches!(unknown, Err(StoreError::Unavailable { store: "shaky", .. })),
        "{unknown:?}"
    );
    setup.store.set_away(false);
    // This one has not seen the store fail, and asks it.
    setup.store.broken.store(true, Ordering::SeqCst);
    let broken = setup.look(0);
    assert!(matches!(broken, Err(StoreError::Corrupt { .. })), "{broken:?}");
}

// As a store has it after an update.
fn kept(key: ApiKey) -> ApiKey {
    let revision = key.revision.next();
    ApiKey { revision, ..key }
}

#[test]
fn a_change_is_seen_by_all_at_once() {
    let setup = Setup::new();
    setup.found(0);
    let revoked = revoked(&setup.key);
    server::block_on(setup.gateways[1].update(&revoked)).unwrap();
    assert_eq!(setup.found(0), kept(revoked));
}

#[test]
fn a_change_that_is_told_is_seen_at_once() {
    let setup = Setup::new();
    setup.found(0);
    let revoked = revoked(&setup.key);
    server::block_on(setup.store.inner.update(&revoked)).unwrap();
    assert_eq!(setup.found(0), setup.key);
    let feed = RedisFeed::new(server::open(&setup.options));
    server::block_on(feed.publish(Change::Key(revoked.id))).unwrap();
    assert_eq!(setup.found(0), kept(revoked));
}

#[test]
fn a_look_up_that_a_revocation_overtakes_does_not_bring_the_key_back() {
    for told in [false, true] {
        let setup = Setup::new();
        let revoked = revoked(&setup.key);
        let admin = CachedKeys::new(server::open(&setup.options), setup.store.clone());
        let feed = RedisFeed::new(server::open(&setup.options));
        let (store, written) = (setup.store.clone(), revoked.clone());
        *setup.store.between.lock().unwrap() = Some(Box::pin(async move {
            if told {
                store.inner.update(&written).await.unwrap();
                feed.publish(Change::Key(written.id)).await.unwrap();
            } else {
                admin.update(&written).await.unwrap();
            }
        }));
        // This one was on its way before the revocation.
        assert_eq!(setup.found(0), setup.key);
        assert_eq!(setup.found(0), kept(revoked.clone()), "told: {told}");
        assert_eq!(setup.found(1), kept(revoked), "told: {told}");
    }
}

#[test]
fn a_look_up_that_an_emptied_cache_overtakes_keeps_nothing() {
    let setup = Setup::new();
    let (store, revoked) = (setup.store.clone(), revoked(&setup.key));
    let (written, prefix) = (revoked.clone(), setup.options.prefix.clone());
    let feed = RedisFeed::new(server::open(&setup.options));
    *setup.store.between.lock().unwrap() = Some(Box::pin(async move {
        store.inner.update(&written).await.unwrap();
        feed.publish(Change::Key(written.id)).await.unwrap();
        server::forget_all(&prefix);
    }));
    setup.found(0);
    assert_eq!(setup.found(1), kept(revoked));
}

#[test]
fn a_key_that_got_another_hash_is_not_found_by_the_old_one() {
    let setup = Setup::new();
    setup.found(0);
    let moved = ApiKey {
        hash: KeyHash::from_bytes([9; 32]),
        ..setup.key.clone()
    };
    server::block_on(setup.gateways[1].update(&moved)).unwrap();
    let found = server::block_on(setup.gateways[0].by_hash(&moved.hash)).unwrap();
    assert_eq!(found, Some(kept(moved)));
    assert_eq!(setup.look(0).unwrap(), None);
}

#[test]
fn an_entry_nobody_understands_is_read_anew() {
    let setup = Setup::new();
    setup.found(0);
    server::overwrite(&setup.options.prefix, b"k", b"{\"from\":\"tomorrow\"}");
    assert_eq!(setup.found(0), setup.key);
    assert_eq!(setup.store.asked(), 2);
}

#[test]
fn when_a_write_fails_nobody_relies_on_the_entry() {
    let setup = Setup::new();
    setup.found(0);
    setup.store.set_away(true);
    server::block_on(setup.gateways[0].update(&setup.key)).unwrap_err();
    setup.store.set_away(false);
    setup.found(0);
    assert_eq!(setup.store.asked(), 3);
}

#[test]
fn without_redis_the_store_is_asked_and_its_error_is_told() {
    let redis = llmgw_servers::Redis::start();
    let options = Options {
        call_timeout: Duration::from_millis(50),
        ..Options::at(&redis.url())
    };
    let setup = Setup::at(options);
    setup.found(0);
    let within = |setup: &Setup| {
        let begun = Instant::now();
        let found = setup.look(0);
        assert!(
            begun.elapsed() < Duration::from_millis(5 * 50),
            "{:?}",
            begun.elapsed()
        );
        found
    };
    redis.freeze();
    assert_eq!(within(&setup).unwrap(), Some(setup.key.clone()));
    redis.kill();
    assert_eq!(within(&setup).unwrap(), Some(setup.key.clone()));
    setup.store.set_away(true);
    let error = within(&setup).unwrap_err();
    assert!(
        matches!(error, StoreError::Unavailable { store: "shaky", .. }),
        "{error:?}"
    );
    // Writes do without it as well.
    setup.store.set_away(false);
    server::block_on(setup.gateways[0].update(&revoked(&setup.key))).unwrap();
}
