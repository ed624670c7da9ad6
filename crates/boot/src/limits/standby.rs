//! What this replica does by itself while the shared counters are away.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::{HashSet, HashSetExt};
use llmgw_types::{RequestId, StoreError, Timestamp};
use llmgw_usage::admission::{
    AdmissionStore, Calendar, Counter, MemoryAdmission, ReserveRequest, Reserved, Rule, RuleState, Settled,
};

/// What happens to requests while the shared counters are away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenUnavailable {
    /// This replica counts by itself, from what the ledger knows: each replica has the whole limit.
    #[default]
    Local,
    /// They are refused.
    Refuse,
    /// They run, and only the ledger counts them.
    Allow,
}

pub(super) struct Standby {
    when: WhenUnavailable,
    counters: MemoryAdmission,
    // What these counters hold: few, and none most of the time.
    here: Mutex<HashSet<RequestId>>,
}

impl Standby {
    pub(super) fn new(when: WhenUnavailable, calendar: Calendar) -> Self {
        Self {
            when,
            counters: MemoryAdmission::new(calendar),
            here: Mutex::new(HashSet::new()),
        }
    }

    pub(super) async fn reserve(&self, request: &ReserveRequest<'_>) -> Result<Reserved, StoreError> {
        match self.when {
            WhenUnavailable::Local => {
                let answer = self.counters.reserve(request).await?;
                if matches!(answer, Reserved::Granted(_)) {
                    self.lock().insert(request.id);
                }
                Ok(answer)
            }
            WhenUnavailable::Refuse => Err(StoreError::unavailable("limits", Away)),
            WhenUnavailable::Allow => Ok(Reserved::Granted(Vec::new())),
        }
    }

    pub(super) fn settle(&self, now: Timestamp, settled: &Settled) {
        if self.lock().remove(&settled.id) {
            self.counters.settle_now(now, settled);
        }
    }

    pub(super) async fn release(&self, now: Timestamp, id: RequestId) -> Result<(), StoreError> {
        let held = self.lock().remove(&id);
        if held {
            self.counters.release(now, id).await?;
        }
        Ok(())
    }

    pub(super) async fn renew(
        &self,
        now: Timestamp,
        ids: &[RequestId],
        lease: Duration,
    ) -> Result<(), StoreError> {
        let held: Vec<_> = {
            let here = self.lock();
            ids.iter().filter(|id| here.contains(id)).copied().collect()
        };
        self.counters.renew(now, &held, lease).await.map(drop)
    }

    pub(super) async fn state(&self, now: Timestamp, rules: &[Rule]) -> Result<Vec<RuleState>, StoreError> {
        self.counters.state(now, rules).await
    }

    /// What the ledger knows of all replicas.
    pub(super) async fn seed(&self, now: Timestamp, counters: &[Counter]) -> Result<(), StoreError> {
        self.counters.seed(now, counters).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<RequestId>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("limits cannot be reached, and limits.when_unavailable is `refuse`")]
struct Away;
