//! The requests that run in this process, so that their reservations can be kept alive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use llmgw_types::RequestId;
use llmgw_usage::admission::Reservation;

const SHARDS: usize = 16;

type Shard = HashMap<RequestId, Arc<Reservation>>;

/// What running requests hold. Cut into shards, because every request touches it twice.
#[derive(Debug, Default)]
pub struct Live([Mutex<Shard>; SHARDS]);

impl Live {
    /// All ids, at some moment during the call.
    #[must_use]
    pub fn ids(&self) -> Vec<RequestId> {
        (0..SHARDS)
            .flat_map(|shard| self.lock(shard).keys().copied().collect::<Vec<_>>())
            .collect()
    }

    /// What those of `ids` hold that still run.
    #[must_use]
    pub fn reservations(&self, ids: &[RequestId]) -> Vec<Reservation> {
        ids.iter()
            .filter_map(|id| {
                self.lock(shard_of(*id))
                    .get(id)
                    .map(|held| Reservation::clone(held))
            })
            .collect()
    }

    /// How many run.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..SHARDS).map(|shard| self.lock(shard).len()).sum()
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn insert(&self, held: Arc<Reservation>) {
        self.lock(shard_of(held.id)).insert(held.id, held);
    }

    pub(crate) fn remove(&self, id: RequestId) {
        self.lock(shard_of(id)).remove(&id);
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        // A map is whole even when a thread panicked while it held the lock.
        self.0[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// The last byte of a UUIDv7 is random.
fn shard_of(id: RequestId) -> usize {
    usize::from(id.as_bytes()[15]) % SHARDS
}
