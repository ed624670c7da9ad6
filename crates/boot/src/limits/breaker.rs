//! Whether the shared counters are asked at all.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use llmgw_types::{Event, Observer};
use tokio::sync::Notify;

/// So many failures in a row open it: one slow answer is no outage.
const FAILURES: u32 = 3;

/// Closed while the shared counters are asked. Open from the start until somebody closes it.
pub(super) struct Breaker {
    observer: Arc<dyn Observer>,
    closed: AtomicBool,
    failures: AtomicU32,
    // Use was settled that the shared counters may not know. So may that of the process before this one.
    doubted: AtomicBool,
    opened: Notify,
    closings: Notify,
    // When it was opened because the counters are not known, in microseconds of the monotonic clock.
    unready_at: AtomicU64,
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl Breaker {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        let breaker = Self {
            observer,
            closed: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            doubted: AtomicBool::new(true),
            opened: Notify::new(),
            closings: Notify::new(),
            unready_at: AtomicU64::new(0),
        };
        breaker.tell(true);
        breaker
    }

    fn tell(&self, open: bool) {
        let store = super::STORE;
        self.observer.observe(&Event::Breaker { store, open });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Whether the last answer was none.
    pub(super) fn has_failed(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    pub(super) fn answered(&self) {
        // Most of the time there is nothing to write, and all workers read it.
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn failed(&self, error: &dyn Error) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES
            && self.closed.swap(false, Ordering::SeqCst)
        {
            tracing::warn!(
                error = %crate::chain(error),
                "limits cannot be reached; this replica goes by limits.when_unavailable until they can"
            );
            self.tell(true);
            self.opened.notify_one();
        }
    }

    /// The counters are not known `at` this time: somebody must make them anew.
    pub(super) fn unready(&self, at: Duration) {
        if self.closed.swap(false, Ordering::SeqCst) {
            let at = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
            self.unready_at.store(at, Ordering::SeqCst);
            tracing::info!("limits are not known to the store; they are counted from the ledger");
            self.tell(true);
            self.opened.notify_one();
        }
    }

    pub(super) fn close(&self) {
        self.failures.store(0, Ordering::Relaxed);
        if !self.closed.swap(true, Ordering::SeqCst) {
            tracing::info!("limits are shared with the other replicas");
            self.tell(false);
            self.closings.notify_waiters();
        }
    }

    /// Waits until it closes; not at all where it is closed.
    pub(super) async fn closes(&self) {
        let closing = self.closings.notified();
        if !self.is_closed() {
            closing.await;
        }
    }

    /// When it was last opened because the counters are not known.
    pub(super) fn unready_at(&self) -> Duration {
        Duration::from_micros(self.unready_at.load(Ordering::SeqCst))
    }

    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::SeqCst);
    }

    /// Whether there is doubt, which is then the caller's to pass on.
    pub(super) fn take_doubt(&self) -> bool {
        self.doubted.swap(false, Ordering::SeqCst)
    }

    /// Waits until it opens; at once when it did since the last call.
    pub(super) async fn opens(&self) {
        self.opened.notified().await;
    }
}
