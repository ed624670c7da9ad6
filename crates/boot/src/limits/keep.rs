//! The routine in the background: sends settlements, looks whether the shared counters can be relied on, and makes
//! them anew from the ledger where they cannot. The same at start, after a flush, a failover and an outage.

use std::time::Duration;

use llmgw_types::StoreError;
use llmgw_usage::admission::{Finish, Generation, Reservation, Standing, reconcile};
use llmgw_usage::ledger::{EventQuery, UsageLedger};
use tokio::time::{sleep, timeout};

use super::{COLD, SharedLimits};

/// Between two looks while all is well, and while it is not: requests may wait for the end of a rebuild.
const REST: Duration = Duration::from_secs(1);
const SHORT_REST: Duration = Duration::from_millis(50);

/// A rebuild that takes longer than this is taken over by somebody else.
pub(super) const LONGEST_REBUILD: Duration = Duration::from_secs(10);

/// How old the standby's knowledge of other replicas may be.
const SEED_EVERY: Duration = Duration::from_secs(5);

/// What was last seen.
#[derive(Default)]
pub(super) struct Seen {
    // The generation that holds all that runs.
    restored: Option<Generation>,
    seeded: Option<Duration>,
}

impl SharedLimits {
    /// Keeps the limits. `running` tells what runs in this process, which reservations live for `lease`. Never
    /// ends.
    pub async fn keep(
        &self,
        ledger: &dyn UsageLedger,
        running: impl Fn() -> Vec<Reservation>,
        lease: Duration,
    ) {
        let pumping = async {
            loop {
                self.pump.filled().await;
                self.flush().await;
            }
        };
        let looking = async {
            let mut seen = Seen::default();
            loop {
                let well = self.look(&mut seen, ledger, (&running, lease)).await;
                let rest = if well { REST } else { SHORT_REST };
                tokio::select! {
                    () = sleep(rest) => {}
                    () = self.breaker.opens() => {}
                }
            }
        };
        tokio::join!(pumping, looking, self.pulse.keep(&*self.shared, &*self.clock));
    }

    /// Looks until the limits can be relied on. A start waits for it, so that the first requests are not admitted
    /// by this replica alone.
    pub async fn begin(&self, ledger: &dyn UsageLedger) {
        while !matches!(self.reconciled(ledger).await, Ok(Some(_))) {
            sleep(SHORT_REST).await;
        }
        self.breaker.close();
    }

    // One look; returns whether all is well.
    pub(super) async fn look(
        &self,
        seen: &mut Seen,
        ledger: &dyn UsageLedger,
        (running, lease): (&impl Fn() -> Vec<Reservation>, Duration),
    ) -> bool {
        let looked = self.reconciled(ledger).await;
        if let Ok(Some(generation)) = looked {
            if seen.restored != Some(generation) || !self.breaker.is_closed() {
                if self.restored(&running(), lease).await.is_err() {
                    return false;
                }
                seen.restored = Some(generation);
            }
            self.breaker.close();
            return true;
        }
        if let Err(error) = &looked {
            self.breaker.failed(error);
        }
        self.seed_standby(seen, ledger).await;
        false
    }

    // The generation of counters that can be relied on, rebuilt where need be.
    async fn reconciled(&self, ledger: &dyn UsageLedger) -> Result<Option<Generation>, StoreError> {
        if self.breaker.take_doubt() {
            let doubted = within(self.shared.doubt(self.clock.now())).await;
            if doubted.is_err() {
                self.breaker.doubt();
                doubted?;
            }
        }
        let usable = match within(self.shared.standing(self.clock.now())).await? {
            Standing::Ready {
                generation,
                doubted: false,
            } => return Ok(Some(generation)),
            Standing::Rebuilding => return Ok(None),
            Standing::Ready { generation, .. } => Some(generation),
            Standing::Unready => None,
        };
        // Nothing is admitted while counters are rebuilt: it is not begun where it cannot be ended.
        if answers(ledger).await {
            self.rebuilt(ledger).await
        } else {
            Ok(usable)
        }
    }

    async fn rebuilt(&self, ledger: &dyn UsageLedger) -> Result<Option<Generation>, StoreError> {
        let Some(generation) = within(self.shared.begin(self.clock.now(), LONGEST_REBUILD)).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let counters = reconcile::counters(ledger, &self.calendar, now).await?;
        self.shared.put(now, generation, &counters).await?;
        match self.shared.finish(self.clock.now(), generation).await? {
            Finish::Ready => {
                tracing::info!("limits were counted from the ledger");
                Ok(Some(generation))
            }
            Finish::ReadAgain | Finish::Overtaken => Ok(None),
        }
    }

    async fn restored(&self, running: &[Reservation], lease: Duration) -> Result<(), StoreError> {
        if running.is_empty() {
            return Ok(());
        }
        within(self.shared.restore(self.clock.now(), running, lease)).await
    }

    async fn seed_standby(&self, seen: &mut Seen, ledger: &dyn UsageLedger) {
        let at = self.clock.monotonic();
        if seen
            .seeded
            .is_some_and(|seeded| at.saturating_sub(seeded) < SEED_EVERY)
        {
            return;
        }
        seen.seeded = Some(at);
        let now = self.clock.now();
        // Where the ledger is away too, the standby goes on with what it knows.
        if let Ok(Ok(counters)) = timeout(COLD, reconcile::counters(ledger, &self.calendar, now)).await {
            let _ = self.standby.seed(now, &counters).await;
        }
    }
}

async fn answers(ledger: &dyn UsageLedger) -> bool {
    let one = EventQuery {
        limit: 1,
        ..EventQuery::default()
    };
    matches!(timeout(COLD, ledger.events(&one)).await, Ok(Ok(_)))
}

async fn within<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match timeout(COLD, call).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::unavailable("limits", super::TooSlow(COLD))),
    }
}
