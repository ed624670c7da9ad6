//! What the tests of several modules stand on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use llmgw_types::{Change, ChangeFeed, Entropy, StoreError, Timestamp};

/// When tests take place.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Different bytes each time.
#[derive(Default)]
pub(crate) struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<Change>>);

#[async_trait]
impl ChangeFeed for Told {
    async fn publish(&self, change: Change) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(change);
        Ok(())
    }
}
