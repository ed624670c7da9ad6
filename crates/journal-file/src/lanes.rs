//! Gives each thread a segment of its own.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use llmgw_usage::journal::OpenEntry;

use crate::entry::FileEntry;
use crate::error::is_full;
use crate::lock::locked;
use crate::registry::Registry;
use crate::segment::Segment;

/// Threads beyond this many share. A lane nobody uses costs a few bytes.
const LANES: usize = 64;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

#[derive(Debug)]
pub(crate) struct Lanes {
    registry: Arc<Registry>,
    lanes: Vec<Lane>,
}

// A cache line each, so that workers do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Lane(Mutex<Option<Arc<Segment>>>);

impl Lanes {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            lanes: (0..LANES).map(|_| Lane::default()).collect(),
        }
    }

    pub(crate) fn open(&self, entry: &OpenEntry) -> io::Result<FileEntry> {
        let lane = THREAD.with(|thread| thread % LANES);
        let current = &mut *locked(&self.lanes[lane].0);
        match self.open_in(current, entry) {
            Err(error) if is_full(&error) && self.registry.reclaim() => self.open_in(current, entry),
            done => done,
        }
    }

    fn open_in(&self, current: &mut Option<Arc<Segment>>, entry: &OpenEntry) -> io::Result<FileEntry> {
        loop {
            let segment = match current {
                Some(segment) => segment,
                None => current.insert(self.registry.create()?),
            };
            if let Some(place) = segment.open(entry)? {
                return Ok(FileEntry::new(Arc::clone(segment), place));
            }
            *current = None;
        }
    }
}
