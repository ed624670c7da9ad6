use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_executor::block_on;
use llmgw_types::{Change, ChangeFeed, Entropy, KeyId, ManualClock, NoObserver, UserId};

use super::*;
use crate::{KeyService, MadeKey, MemoryKeys, MemoryUsers, NewKey, Page};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

type Happening = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keys in memory. What is put in `between` happens between the next read by hash and its answer.
#[derive(Default)]
struct Watched {
    inner: MemoryKeys,
    between: Mutex<Option<Happening>>,
    reads: AtomicUsize,
}

#[async_trait]
impl KeyStore for Watched {
    async fn insert(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.inner.insert(key).await
    }

    async fn by_hash(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let found = self.inner.by_hash(hash).await;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let between = self.between.lock().unwrap().take();
        if let Some(between) = between {
            between.await;
        }
        found
    }

    async fn get(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.inner.get(id).await
    }

    async fn list(&self, owner: Option<UserId>, page: Page<KeyId>) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.list(owner, page).await
    }

    async fn update(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.inner.update(key).await
    }

    async fn touch(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        self.inner.touch(used).await
    }
}

#[derive(Default)]
struct Feed(OnceLock<Arc<KeyLookup>>);

#[async_trait]
impl ChangeFeed for Feed {
    async fn publish(&self, _: Change) -> Result<(), StoreError> {
        self.0.get().unwrap().forget();
        Ok(())
    }
}

#[derive(Default)]
struct Counting(AtomicUsize);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes[0] = u8::try_from(self.0.fetch_add(1, Ordering::SeqCst)).unwrap();
    }
}

struct World {
    keys: Arc<Watched>,
    users: Arc<MemoryUsers>,
    clock: Arc<ManualClock>,
    lookup: Arc<KeyLookup>,
    service: Arc<KeyService>,
}

fn pepper(fill: u8) -> Pepper {
    Pepper::new(&[fill; 32]).unwrap()
}

// Keys are made under `newest`; look-ups know `older` too.
fn world(newest: u8, older: &[u8]) -> World {
    let keys = Arc::new(Watched::default());
    let users = Arc::new(MemoryUsers::default());
    let clock = Arc::new(ManualClock::at(NOW));
    let lookup = lookup(&keys, &users, &clock, newest, older);
    let feed = Arc::new(Feed::default());
    let _ = feed.0.set(lookup.clone());
    let entropy = Arc::new(Counting::default());
    let service = KeyService::new(keys.clone(), users.clone(), pepper(newest), feed, entropy);
    World {
        keys,
        users,
        clock,
        lookup,
        service: Arc::new(service),
    }
}

fn lookup(
    keys: &Arc<Watched>,
    users: &Arc<MemoryUsers>,
    clock: &Arc<ManualClock>,
    newest: u8,
    older: &[u8],
) -> Arc<KeyLookup> {
    let peppers = std::iter::once(&newest).chain(older).map(|fill| pepper(*fill));
    Arc::new(KeyLookup::new(
        keys.clone(),
        users.clone(),
        peppers.collect(),
        clock.clone(),
        Arc::new(NoObserver),
    ))
}

impl World {
    fn make(&self) -> MadeKey {
        let new = NewKey {
            owner: "ada".to_owned(),
            name: "key".to_owned(),
            ..NewKey::default()
        };
        block_on(self.service.create(new, NOW)).unwrap()
    }

    fn find(&self, text: &str) -> Lookup {
        block_on(self.lookup.find(text, NOW)).unwrap()
    }

    fn reads(&self) -> usize {
        self.keys.reads.load(Ordering::SeqCst)
    }
}

impl Watched {
    fn between(&self, happens: impl Future<Output = ()> + Send + 'static) {
        *self.between.lock().unwrap() = Some(Box::pin(happens));
    }
}

#[test]
fn a_look_up_that_races_a_revocation_does_not_bring_the_key_back() {
    let world = world(1, &[]);
    let made = world.make();
    let service = world.service.clone();
    world
        .keys
        .between(async move { drop(service.revoke(made.key.id).await.unwrap()) });
    // It had read the record before.
    assert!(world.find(made.text.expose()).is_ok());
    assert_eq!(world.find(made.text.expose()).unwrap_err(), KeyRefusal::Revoked);
}

#[test]
fn a_cached_key_is_refused_once_it_is_revoked() {
    let world = world(1, &[]);
    let made = world.make();
    assert!(world.find(made.text.expose()).is_ok());
    block_on(world.service.revoke(made.key.id)).unwrap();
    assert_eq!(world.find(made.text.expose()).unwrap_err(), KeyRefusal::Revoked);
}

#[test]
fn a_known_key_is_read_once_in_thirty_seconds() {
    let world = world(1, &[]);
    let made = world.make();
    for (after, reads) in [(0, 1), (29_999, 1), (1, 2), (29_999, 2)] {
        world.clock.advance(Duration::from_millis(after));
        assert!(world.find(made.text.expose()).is_ok());
        assert_eq!(world.reads(), reads, "after another {after} ms");
    }
}

#[test]
fn an_unknown_key_is_read_once_in_five_seconds_and_found_as_soon_as_it_is_made() {
    let world = world(1, &[]);
    let text = KeyText::generate([0; 32]);
    for (after, reads) in [(0, 1), (4_999, 1), (1, 2)] {
        world.clock.advance(Duration::from_millis(after));
        assert_eq!(world.find(text.expose()).unwrap_err(), KeyRefusal::Unknown);
        assert_eq!(world.reads(), reads, "after another {after} ms");
    }
    let key = ApiKey {
        hash: pepper(1).hash(&text),
        ..world.make().key
    };
    block_on(world.keys.update(&key)).unwrap();
    world.lookup.forget();
    assert_eq!(world.find(text.expose()).unwrap().key.id, key.id);
}

#[test]
fn no_store_is_asked_about_a_typo() {
    let world = world(1, &[]);
    let refused = world.find("sk-llmgw-abc").unwrap_err();
    assert_eq!(refused, KeyRefusal::NotAKey(KeyTextError::Malformed));
    assert_eq!(world.reads(), 0);
}

#[test]
fn a_key_under_an_older_pepper_is_found_and_moved_and_keeps_what_was_noted_meanwhile() {
    let old = world(1, &[]);
    let made = old.make();
    let (id, used) = (made.key.id, NOW.plus(Duration::from_secs(1)));
    let new = lookup(&old.keys, &old.users, &old.clock, 2, &[1]);
    let find = || block_on(new.find(made.text.expose(), NOW)).unwrap();
    // The first read finds nothing under the newest; the second finds it, and then this happens.
    let keys = old.keys.clone();
    old.keys.between(async move {
        let inner = keys.clone();
        keys.between(async move { inner.touch(&[(id, used)]).await.unwrap() });
    });
    assert!(find().is_ok());
    let kept = block_on(old.keys.inner.get(id)).unwrap().unwrap();
    assert_eq!(kept.hash, pepper(2).hash(&made.text));
    assert_eq!(kept.last_used_at, Some(used));
    let reads = old.reads();
    assert!(find().is_ok());
    assert_eq!(old.reads(), reads, "it is kept under the newest pepper");
    old.lookup.forget();
    new.forget();
    assert!(find().is_ok());
}

#[test]
fn a_key_that_another_look_up_moves_is_found_all_the_same() {
    let old = world(1, &[]);
    let made = old.make();
    let new = lookup(&old.keys, &old.users, &old.clock, 2, &[1]);
    let moved = ApiKey {
        hash: pepper(2).hash(&made.text),
        ..made.key.clone()
    };
    // After the read under the newest pepper and before the one under the older.
    let keys = old.keys.clone();
    old.keys
        .between(async move { keys.update(&moved).await.unwrap() });
    assert!(block_on(new.find(made.text.expose(), NOW)).unwrap().is_ok());
}

#[test]
fn a_rotated_key_goes_on_for_the_overlap_and_not_longer() {
    let world = world(1, &[]);
    let old = world.make();
    let overlap = Duration::from_hours(1);
    let new = block_on(world.service.rotate(old.key.id, overlap, NOW)).unwrap();
    assert_eq!(
        (new.key.replaces, new.key.owner),
        (Some(old.key.id), old.key.owner)
    );
    let find = |made: &MadeKey, at| block_on(world.lookup.find(made.text.expose(), at)).unwrap();
    assert!(find(&old, NOW).is_ok() && find(&new, NOW).is_ok());
    let end = NOW.plus(overlap);
    assert_eq!(find(&old, end).unwrap_err(), KeyRefusal::Expired(end));
    assert!(find(&new, end).is_ok());
    // A longer overlap does not lengthen the life of what ends anyway.
    let again = block_on(world.service.rotate(old.key.id, overlap * 9, NOW)).unwrap();
    assert_eq!(again.key.expires_at, Some(end));
    assert_eq!(find(&old, end).unwrap_err(), KeyRefusal::Expired(end));
}

#[test]
fn without_an_overlap_the_old_key_is_revoked_and_cannot_be_rotated_again() {
    let world = world(1, &[]);
    let old = world.make();
    let new = block_on(world.service.rotate(old.key.id, Duration::ZERO, NOW)).unwrap();
    assert_eq!(world.find(old.text.expose()).unwrap_err(), KeyRefusal::Revoked);
    assert!(world.find(new.text.expose()).is_ok());
    let again = block_on(world.service.rotate(old.key.id, Duration::ZERO, NOW));
    assert!(matches!(again, Err(crate::KeyError::Invalid(_))));
}
