//! Limits that replicas share, and what holds while they cannot be reached.
//!
//! A request asks the shared counters, and waits for them a moment only. Where they do not answer it is admitted
//! by this replica alone ([`WhenUnavailable`]), and a breaker keeps the next ones from waiting at all. Where the
//! counters are only being made anew, requests wait for that a little longer. What runs is told to the shared
//! counters when they are back; where use was settled meanwhile they are doubted, and made anew from the ledger. It
//! knows no store but by its port.

mod breaker;
mod keep;
mod pulse;
mod pump;
mod standby;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use llmgw_types::{Clock, Event, Observer, RequestId, StoreError, Timestamp};
use llmgw_usage::admission::{
    AdmissionStore, Calendar, Counter, Generation, Reservation, ReserveRequest, Reserved, Rule, RuleState,
    Settled, SharedCounters, Standing,
};
use tokio::time::timeout;

use breaker::Breaker;
use pulse::Pulse;
use pump::Pump;
use standby::Standby;
pub use standby::WhenUnavailable;

/// How long a request waits for the shared counters, and longer where only we are busy (see [`Pulse`]).
const HOT: Duration = Duration::from_millis(50);

/// How long work in the background does.
const COLD: Duration = Duration::from_secs(2);

/// How long after a rebuild began requests wait for its end. Most are over much sooner, and what this replica
/// admits by itself meanwhile is admitted past the limits.
const REBUILT_WITHIN: Duration = Duration::from_secs(1);

/// Its name in metrics.
const STORE: &str = "limits";

/// Limits shared with other replicas, with a standby of this replica's own.
pub struct SharedLimits {
    shared: Arc<dyn SharedCounters>,
    standby: Standby,
    breaker: Breaker,
    pump: Pump,
    pulse: Pulse,
    calendar: Calendar,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

impl fmt::Debug for SharedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLimits").finish_non_exhaustive()
    }
}

impl SharedLimits {
    /// Limits kept in `shared`; `observer` is told how long it takes, and whether it is asked. They are used once [`keep`](Self::keep) found them ready.
    #[must_use]
    pub fn new(
        shared: Arc<dyn SharedCounters>,
        when: WhenUnavailable,
        calendar: Calendar,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            shared,
            standby: Standby::new(when, calendar.clone()),
            breaker: Breaker::new(Arc::clone(&observer)),
            pump: Pump::default(),
            pulse: Pulse::default(),
            calendar,
            clock,
            observer,
        }
    }

    /// Says that the shared counters may have lost something: they are made anew from the ledger.
    pub fn doubt(&self) {
        self.breaker.doubt();
    }

    /// What the shared counters stand on before records are appended to the ledger, for
    /// [`settle_shipped`](Self::settle_shipped). Waits while they are rebuilt, so that few rebuilds must read
    /// the ledger twice; `None` where they are not ready or do not answer.
    pub async fn before_shipping(&self) -> Option<Generation> {
        if !self.breaker.is_closed() && self.breaker.has_failed() {
            return None;
        }
        for _ in 0..keep::LONGEST_REBUILD.as_millis() / SHORT_REST.as_millis() {
            match timeout(COLD, self.shared.standing(self.clock.now())).await {
                Ok(Ok(Standing::Ready { generation, .. })) => return Some(generation),
                Ok(Ok(Standing::Unready)) => return None,
                Ok(Ok(Standing::Rebuilding)) => {}
                // Late, and not away: not to know would be a reason for doubt.
                _ if self.pulse.beats() => {}
                _ => return None,
            }
            tokio::time::sleep(SHORT_REST).await;
        }
        None
    }

    /// Settles what is in the ledger now. `seen` as in [`SharedCounters::settle_shipped`].
    pub async fn settle_shipped(&self, settled: &[Settled], seen: Option<Generation>) {
        let now = self.clock.now();
        let told = timeout(COLD, self.shared.settle_shipped(now, settled, seen)).await;
        if !matches!(told, Ok(Ok(()))) {
            self.breaker.doubt();
        }
    }

    // Sends what waits to be settled. Once at a time, so that whoever comes back from here knows that all that
    // waited before is settled.
    async fn flush(&self) {
        let _turn = self.pump.turn().await;
        let taken = self.pump.take();
        if taken.settled().is_empty() {
            return;
        }
        match timeout(COLD, self.shared.settle(self.clock.now(), taken.settled())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.lost(&error),
            Err(_) => self.lost(&TooSlow(COLD)),
        }
        taken.told();
    }

    // Something was settled that the shared counters may not know.
    fn lost(&self, error: &dyn std::error::Error) {
        self.breaker.doubt();
        self.breaker.failed(error);
    }

    async fn ask(&self, request: &ReserveRequest<'_>) -> Option<Reserved> {
        let began = self.clock.monotonic();
        let answer = self.wait_for(self.shared.reserve(request)).await;
        self.observer.observe(&Event::StoreCalled {
            store: STORE,
            answered: answer.is_ok(),
            took: self.clock.monotonic().saturating_sub(began),
        });
        match answer {
            Ok(Reserved::Unready) => {
                self.breaker.unready(self.clock.monotonic());
                None
            }
            Ok(answer) => {
                self.breaker.answered();
                Some(answer)
            }
            Err(error) => {
                self.breaker.failed(&*error);
                None
            }
        }
    }

    // A moment, and on while only we are busy.
    async fn wait_for<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
        let mut call = std::pin::pin!(call);
        let mut waited = Duration::ZERO;
        loop {
            match timeout(HOT, call.as_mut()).await {
                Ok(answer) => return answer.map_err(Into::into),
                Err(_) if self.pulse.beats() && waited < COLD => waited += HOT,
                Err(_) => return Err(Box::new(TooSlow(waited + HOT))),
            }
        }
    }

    // Whether counters that are made anew were ready again soon.
    async fn rebuilt_soon(&self) -> bool {
        if self.breaker.has_failed() || !self.pulse.beats() {
            return false;
        }
        let till = self.breaker.unready_at() + REBUILT_WITHIN;
        let left = till.saturating_sub(self.clock.monotonic());
        timeout(left, self.breaker.closes()).await.is_ok()
    }

    // A client that sends one request after the other must not be refused because its last one is still on its
    // way to be settled.
    async fn reserve_shared(&self, request: &ReserveRequest<'_>) -> Option<Reserved> {
        let answer = self.ask(request).await?;
        if matches!(answer, Reserved::Refused(_)) && self.pump.is_busy() {
            return match timeout(HOT, self.flush()).await {
                Ok(()) => self.ask(request).await,
                Err(_) => Some(answer),
            };
        }
        Some(answer)
    }
}

/// The pause between two looks at a rebuild of somebody else.
const SHORT_REST: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct TooSlow(Duration);

#[async_trait]
impl AdmissionStore for SharedLimits {
    async fn reserve(&self, request: &ReserveRequest<'_>) -> Result<Reserved, StoreError> {
        if self.breaker.is_closed()
            && let Some(answer) = self.reserve_shared(request).await
        {
            return Ok(answer);
        }
        if self.rebuilt_soon().await
            && let Some(answer) = self.reserve_shared(request).await
        {
            return Ok(answer);
        }
        self.standby.reserve(request).await
    }

    async fn settle(&self, now: Timestamp, settled: &[Settled]) -> Result<(), StoreError> {
        for settled in settled {
            self.settle_now(now, settled);
        }
        Ok(())
    }

    // Always: what the pump loses is in the ledger, from which the counters are then made anew.
    fn settle_now(&self, now: Timestamp, settled: &Settled) -> bool {
        self.standby.settle(now, settled);
        if self.breaker.is_closed() {
            self.pump.put(settled.clone());
        } else {
            self.breaker.doubt();
        }
        true
    }

    async fn release(&self, now: Timestamp, id: RequestId) -> Result<(), StoreError> {
        self.standby.release(now, id).await?;
        if !self.breaker.is_closed() {
            // Should the shared counters hold it all the same, its lease ends.
            return Ok(());
        }
        match timeout(COLD, self.shared.release(now, id)).await {
            Ok(released) => released,
            Err(_) => Err(StoreError::unavailable("limits", TooSlow(COLD))),
        }
    }

    async fn renew(
        &self,
        now: Timestamp,
        ids: &[RequestId],
        lease: Duration,
    ) -> Result<Vec<RequestId>, StoreError> {
        self.standby.renew(now, ids, lease).await?;
        if !self.breaker.is_closed() {
            // All are restored when the counters are back.
            return Ok(Vec::new());
        }
        match timeout(COLD, self.shared.renew(now, ids, lease)).await {
            Ok(away) => away,
            Err(_) => Err(StoreError::unavailable("limits", TooSlow(COLD))),
        }
    }

    async fn restore(
        &self,
        now: Timestamp,
        running: &[Reservation],
        lease: Duration,
    ) -> Result<(), StoreError> {
        match timeout(COLD, self.shared.restore(now, running, lease)).await {
            Ok(restored) => restored,
            Err(_) => Err(StoreError::unavailable("limits", TooSlow(COLD))),
        }
    }

    async fn state(&self, now: Timestamp, rules: &[Rule]) -> Result<Vec<RuleState>, StoreError> {
        if self.breaker.is_closed() {
            match timeout(HOT, self.shared.state(now, rules)).await {
                Ok(Ok(states)) => return Ok(states),
                Ok(Err(error)) => self.breaker.failed(&error),
                Err(_) => self.breaker.failed(&TooSlow(HOT)),
            }
        }
        self.standby.state(now, rules).await
    }

    async fn seed(&self, now: Timestamp, counters: &[Counter]) -> Result<(), StoreError> {
        self.shared.seed(now, counters).await
    }
}

#[cfg(test)]
mod tests;
