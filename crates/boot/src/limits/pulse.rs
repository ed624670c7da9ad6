//! Whether the shared counters answer somebody who asks for nothing else. A request that waits long beside such a
//! pulse waits because this process or machine is busy: were it admitted by this replica alone, a limit would be
//! overrun by nothing but load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use llmgw_types::Clock;
use llmgw_usage::admission::SharedCounters;
use tokio::time::{sleep, timeout};

/// A slower answer than this is none. The store has a shorter bound of its own; both are much longer than a request
/// waits, because on a busy machine the store is late, too, and not away.
const LATE: Duration = Duration::from_millis(400);

/// Between two beats.
const REST: Duration = Duration::from_millis(100);

/// So many beats must fail in a row: one may be missed.
const MISSED: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Pulse {
    beats: AtomicBool,
}

impl Pulse {
    /// Whether they answered lately, and not late.
    pub(super) fn beats(&self) -> bool {
        self.beats.load(Ordering::Relaxed)
    }

    /// Feels it. Never ends.
    pub(super) async fn keep(&self, shared: &dyn SharedCounters, clock: &dyn Clock) {
        let mut missed = MISSED;
        loop {
            missed = match timeout(LATE, shared.standing(clock.now())).await {
                Ok(Ok(_)) => 0,
                _ => missed.saturating_add(1),
            };
            self.beats.store(missed < MISSED, Ordering::Relaxed);
            sleep(REST).await;
        }
    }
}
