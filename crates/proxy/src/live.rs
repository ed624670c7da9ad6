//! The requests that run in this process, so that their reservations can be kept alive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use llmgw_types::RequestId;
use llmgw_usage::admission::Reservation;

const SHARDS: usize = 16;

// `None` until its reservation is granted. To hold it before would be to grant it: whoever puts the reservations of
// running requests back does so past all limits.
type Shard = HashMap<RequestId, Option<Arc<Reservation>>>;

/// What running requests hold. Cut into shards, because every request touches it twice.
#[derive(Debug, Default)]
pub struct Live([Mutex<Shard>; SHARDS]);

impl Live {
    /// The ids of those that hold a reservation, at some moment during the call.
    #[must_use]
    pub fn ids(&self) -> Vec<RequestId> {
        (0..SHARDS)
            .flat_map(|shard| {
                let held = self.lock(shard);
                let held = held.iter().filter(|(_, held)| held.is_some());
                held.map(|(id, _)| *id).collect::<Vec<_>>()
            })
            .collect()
    }

    /// What those of `ids` hold that still run.
    #[must_use]
    pub fn reservations(&self, ids: &[RequestId]) -> Vec<Reservation> {
        ids.iter()
            .filter_map(|id| {
                let shard = self.lock(shard_of(*id));
                shard.get(id)?.as_deref().cloned()
            })
            .collect()
    }

    /// How many run, those among them that are not admitted yet.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..SHARDS).map(|shard| self.lock(shard).len()).sum()
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// It begins, and holds nothing yet.
    pub(crate) fn begin(&self, id: RequestId) {
        self.lock(shard_of(id)).insert(id, None);
    }

    /// Its reservation was granted; one that is over meanwhile stays so.
    pub(crate) fn granted(&self, held: Arc<Reservation>) {
        if let Some(running) = self.lock(shard_of(held.id)).get_mut(&held.id) {
            *running = Some(held);
        }
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

#[cfg(test)]
mod tests {
    use llmgw_types::Timestamp;
    use llmgw_usage::admission::Charge;

    use super::*;

    #[test]
    fn what_is_not_granted_yet_runs_and_holds_nothing() {
        let live = Live::default();
        let id = RequestId::new(Timestamp::from_millis(0), [7; 10]);
        let held = Arc::new(Reservation {
            id,
            reserved_at: Timestamp::from_millis(0),
            subjects: Vec::new(),
            estimate: Charge::default(),
        });
        live.begin(id);
        assert_eq!(
            (live.len(), live.ids(), live.reservations(&[id])),
            (1, vec![], vec![])
        );
        live.granted(Arc::clone(&held));
        assert_eq!(
            (live.ids(), live.reservations(&[id])),
            (vec![id], vec![Reservation::clone(&held)])
        );
        live.remove(id);
        live.granted(held);
        assert!(live.is_empty(), "over is over");
    }
}
