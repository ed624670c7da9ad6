//! What look-ups found, for a while. It knows nothing of stores or of what a key may do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use foldhash::HashMap;

use super::Grant;
use crate::KeyHash;

const KNOWN_FOR: Duration = Duration::from_secs(30);
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
const CAPACITY: usize = 100_000;

/// So many that workers hardly meet at a lock.
const SHARDS: usize = 16;

/// The moment a look-up began: what was forgotten until then, and the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    epoch: u64,
    at: Duration,
}

#[derive(Debug)]
struct Entry {
    loaded: Moment,
    found: Option<Arc<Grant>>,
}

impl Entry {
    // Forgetting counts the epoch up, and an entry of an earlier one is void. So an answer that was read
    // before a change is never given after it, however late it arrives here.
    fn lives(&self, now: Moment) -> bool {
        let lives_for = if self.found.is_some() {
            KNOWN_FOR
        } else {
            UNKNOWN_FOR
        };
        self.loaded.epoch == now.epoch && now.at.saturating_sub(self.loaded.at) < lives_for
    }
}

/// Entries by hash, at most 100,000.
#[derive(Debug, Default)]
pub(super) struct Cache {
    epoch: AtomicU64,
    shards: [RwLock<HashMap<KeyHash, Entry>>; SHARDS],
}

impl Cache {
    /// The moment to give to [`get`](Self::get) and, for what is loaded after it, to [`put`](Self::put).
    pub(super) fn moment(&self, at: Duration) -> Moment {
        Moment {
            epoch: self.epoch.load(Ordering::SeqCst),
            at,
        }
    }

    /// What is known of this hash; the inner `None` is a key that nobody made.
    pub(super) fn get(&self, hash: &KeyHash, now: Moment) -> Option<Option<Arc<Grant>>> {
        let shard = self.shard(hash).read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.get(hash).filter(|entry| entry.lives(now))?;
        Some(entry.found.clone())
    }

    /// Keeps what was loaded after `loaded`.
    pub(super) fn put(&self, hash: KeyHash, loaded: Moment, found: Option<Arc<Grant>>) {
        let mut shard = self.shard(&hash).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= CAPACITY / SHARDS {
            // Unknown keys go first: whoever makes them up shall not drive known ones out.
            shard.retain(|_, entry| entry.found.is_some() && entry.lives(loaded));
            // Room for many more, so that this is not done again at once.
            if shard.len() > CAPACITY / SHARDS / 2 {
                shard.clear();
            }
        }
        shard.insert(hash, Entry { loaded, found });
    }

    /// Voids every entry, and what is being loaded now.
    pub(super) fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    // Hashes are uniformly random.
    fn shard(&self, hash: &KeyHash) -> &RwLock<HashMap<KeyHash, Entry>> {
        &self.shards[usize::from(hash.as_bytes()[0]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u32) -> KeyHash {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        KeyHash::from_bytes(bytes)
    }

    #[test]
    fn it_is_bounded() {
        let cache = Cache::default();
        for number in 0..300_000 {
            cache.put(hash(number), cache.moment(Duration::ZERO), None);
        }
        let kept: usize = cache.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!((1..=CAPACITY).contains(&kept), "{kept}");
    }

    #[test]
    fn an_answer_from_before_a_change_is_void_however_late_it_comes() {
        let cache = Cache::default();
        let before = cache.moment(Duration::ZERO);
        cache.forget();
        cache.put(hash(1), before, None);
        assert!(cache.get(&hash(1), cache.moment(Duration::ZERO)).is_none());
        cache.put(hash(1), cache.moment(Duration::ZERO), None);
        assert!(cache.get(&hash(1), cache.moment(Duration::ZERO)).is_some());
    }
}
