//! Settlements on their way to the shared counters: many go in one call.

use std::sync::{Mutex, PoisonError};

use llmgw_usage::admission::Settled;
use tokio::sync::{Mutex as Turn, MutexGuard, Notify};

#[derive(Debug, Default)]
pub(super) struct Pump {
    waiting: Mutex<Vec<Settled>>,
    turn: Turn<()>,
    filled: Notify,
}

impl Pump {
    pub(super) fn put(&self, settled: Settled) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(settled);
        if waiting.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// All that waits. What is dropped before it was [told](Taken::told) waits again.
    pub(super) fn take(&self) -> Taken<'_> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        Taken {
            settled: std::mem::take(&mut waiting),
            pump: self,
        }
    }

    /// Whether something waits, or is under way.
    pub(super) fn is_busy(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.is_empty() || self.turn.try_lock().is_err()
    }

    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Waits until there is something.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }
}

/// Settlements that are being told. A request that waits for them may give up, and its client may leave.
pub(super) struct Taken<'a> {
    settled: Vec<Settled>,
    pump: &'a Pump,
}

impl Taken<'_> {
    pub(super) fn settled(&self) -> &[Settled] {
        &self.settled
    }

    /// They reached the shared counters, or are given up.
    pub(super) fn told(mut self) {
        self.settled.clear();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // Twice told is once settled.
        for settled in self.settled.drain(..) {
            self.pump.put(settled);
        }
    }
}
