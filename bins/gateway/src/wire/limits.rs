//! Limits over all replicas: counters in Redis, made from the ledger where Redis does not know them.

use std::sync::Arc;

use llmgw_store_redis::RedisAdmission;
use llmgw_types::{Clock, StoreError};
use llmgw_usage::admission::{AdmissionStore, Calendar, SharedCounters, Standing, reconcile};
use llmgw_usage::ledger::UsageLedger;

use super::stores::Stores;

pub(crate) struct Limits {
    shared: Arc<RedisAdmission>,
    ledger: Arc<dyn UsageLedger>,
    calendar: Calendar,
    clock: Arc<dyn Clock>,
}

impl Limits {
    pub(super) fn new(stores: &Stores, calendar: Calendar, clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(RedisAdmission::new(stores.redis.clone(), calendar.clone())),
            ledger: Arc::clone(&stores.ledger),
            calendar,
            clock,
        }
    }

    /// What requests are admitted by.
    pub(super) fn store(&self) -> Arc<dyn AdmissionStore> {
        self.shared.clone()
    }

    /// Counts from the ledger where the counters are not known; needs both stores.
    pub(super) async fn make_ready(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        if self.shared.standing(now).await? == Standing::Unready {
            reconcile::rebuild(&*self.shared, &*self.ledger, &self.calendar, now).await?;
            tracing::info!("limits were counted from the ledger");
        }
        Ok(())
    }
}
