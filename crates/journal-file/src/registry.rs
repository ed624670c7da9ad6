//! The segments of this process.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::lock::locked;
use crate::segment::{Ground, Segment};

/// A drained segment that takes less is kept for more.
const WORTH_REMOVING: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) ground: Arc<Ground>,
    segments: Mutex<BTreeMap<u64, Arc<Segment>>>,
    last: AtomicU64,
    /// Whether segments were made since the folder was last made safe.
    pub(crate) folder_changed: AtomicBool,
    /// How many times a file was made safe.
    pub(crate) synced: AtomicU64,
}

impl Registry {
    pub(crate) fn new(ground: Arc<Ground>) -> Self {
        Self {
            ground,
            segments: Mutex::default(),
            last: AtomicU64::new(0),
            folder_changed: AtomicBool::new(true),
            synced: AtomicU64::new(0),
        }
    }

    pub(crate) fn create(&self) -> io::Result<Arc<Segment>> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let segment = Arc::new(Segment::create(&self.ground, number)?);
        locked(&self.segments).insert(number, Arc::clone(&segment));
        self.folder_changed.store(true, Ordering::Release);
        Ok(segment)
    }

    /// All segments, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        locked(&self.segments).values().cloned().collect()
    }

    pub(crate) fn get(&self, number: u64) -> Option<Arc<Segment>> {
        locked(&self.segments).get(&number).cloned()
    }

    /// Removes what is drained and worth the trouble.
    pub(crate) fn tidy(&self) -> io::Result<()> {
        self.remove_drained(WORTH_REMOVING.min(self.ground.options.segment_bytes() / 2))
            .map(|_| ())
    }

    /// Removes everything that is drained, because room is short. Says whether there is more now.
    pub(crate) fn reclaim(&self) -> bool {
        match self.remove_drained(1) {
            Ok(freed) => freed > 0,
            Err(error) => {
                tracing::warn!(%error, "a drained segment of the journal was not removed");
                false
            }
        }
    }

    /// Removes everything that is drained, also what was never written to.
    pub(crate) fn remove_all_drained(&self) -> io::Result<()> {
        self.remove_drained(0).map(|_| ())
    }

    // The bytes freed.
    fn remove_drained(&self, least: u64) -> io::Result<u64> {
        let mut drained = Vec::new();
        locked(&self.segments).retain(|_, segment| match segment.retire(least) {
            Some(room) => {
                drained.push((Arc::clone(segment), room));
                false
            }
            None => true,
        });
        let mut freed = 0;
        let mut failure = Ok(());
        for (segment, room) in drained {
            match self.remove(&segment) {
                Ok(()) => freed += room,
                // Forgotten all the same: it has nothing to ship, and the next start tries again.
                Err(error) => failure = Err(error),
            }
            self.ground.room.give_back(room);
        }
        failure.map(|()| freed)
    }

    fn remove(&self, segment: &Segment) -> io::Result<()> {
        if locked(&segment.position).damaged {
            return self.ground.folder.set_aside(&segment.path).map(|_| ());
        }
        std::fs::remove_file(&segment.path)
    }
}
