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

    pub(super) fn take(&self) -> Vec<Settled> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
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
