//! Takes the journal to the ledger, and what it says to limits and keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::{sleep, timeout};
use llmgw_keys::KeyStore;
use llmgw_types::{Clock, Event, KeyId, Observer, Timestamp};
use llmgw_usage::admission::{AdmissionStore, Generation};
use llmgw_usage::journal::UsageJournal;
use llmgw_usage::journal::shipper::{ShipError, ship_once};
use llmgw_usage::ledger::{UsageLedger, UsageRecord};
use llmgw_usage::settled;
use tokio::sync::watch;

use crate::SharedLimits;

/// Records per batch: one transaction of the ledger.
const BATCH: usize = 1_000;

/// How long a record waits for others while records flow, so that a ledger makes few large transactions
/// instead of many small.
const REST: Duration = Duration::from_millis(50);

/// How long to rest at most when nothing flows.
const IDLE_REST: Duration = Duration::from_millis(250);

/// How long the last use of keys waits to be noted, which costs the store a transaction.
const NOTE_USE_EVERY: Duration = Duration::from_secs(10);

/// How long to wait after a failure, so that a store that is away is not hammered.
const PAUSE: Duration = Duration::from_secs(1);

/// What the shipper works with.
pub struct Shipper {
    /// From here.
    pub journal: Arc<dyn UsageJournal>,
    /// To here.
    pub ledger: Arc<dyn UsageLedger>,
    /// Settled once more from the journal, in case a guard's settlement was lost.
    pub limits: ShippedTo,
    /// Told when keys were last used.
    pub keys: Arc<dyn KeyStore>,
    /// Told how much waits.
    pub observer: Arc<dyn Observer>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Shipper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shipper").finish_non_exhaustive()
    }
}

/// The limits that are told what was shipped.
pub enum ShippedTo {
    /// Those of this process alone.
    Own(Arc<dyn AdmissionStore>),
    /// Those of all replicas.
    Shared(Arc<SharedLimits>),
}

/// Keys whose last use is not yet noted.
type LastUse = HashMap<KeyId, Timestamp>;

impl Shipper {
    /// Ships until `stop` turns true, then on until the journal is empty, but no longer than `flush_within`.
    pub async fn run(&self, mut stop: watch::Receiver<bool>, flush_within: Duration) {
        let mut used = LastUse::new();
        let mut noted = self.clock.monotonic();
        let mut rest = REST;
        while !*stop.borrow_and_update() {
            rest = self.round(&mut used, rest).await;
            if self.clock.monotonic().saturating_sub(noted) >= NOTE_USE_EVERY {
                self.tell_keys(&mut used).await;
                noted = self.clock.monotonic();
            }
            // A closed channel means that nobody is left to say stop.
            match timeout(rest, stop.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(_)) => break,
            }
        }
        if timeout(flush_within, self.flush(&mut used)).await.is_err() {
            let waiting = self.journal.lag().records;
            tracing::warn!(
                records = waiting,
                "records stay in the journal; the next start ships them"
            );
        }
    }

    /// Ships until the journal is empty.
    ///
    /// # Errors
    /// When journal or ledger failed.
    pub async fn ship_all(&self) -> Result<(), ShipError> {
        let mut used = LastUse::new();
        let shipped = self.ship_rest(&mut used).await;
        self.tell_keys(&mut used).await;
        shipped
    }

    async fn flush(&self, used: &mut LastUse) {
        while let Err(error) = self.ship_rest(used).await {
            tracing::warn!(%error, "records were not shipped; trying again");
            sleep(PAUSE).await;
        }
        self.tell_keys(used).await;
    }

    async fn ship_rest(&self, used: &mut LastUse) -> Result<(), ShipError> {
        while self.ship(used).await? > 0 {}
        Ok(())
    }

    // One batch; returns how long to rest after it.
    async fn round(&self, used: &mut LastUse, rested: Duration) -> Duration {
        let shipped = self.ship(used).await;
        let lag = self.journal.lag();
        self.observer.observe(&Event::JournalLag {
            records: lag.records,
            bytes: lag.bytes,
        });
        match shipped {
            Ok(0) => (rested * 2).clamp(REST, IDLE_REST),
            Ok(count) if count >= BATCH => Duration::ZERO,
            Ok(_) => REST,
            Err(error) => {
                tracing::warn!(%error, records = lag.records, "records were not shipped; trying again");
                PAUSE
            }
        }
    }

    async fn ship(&self, used: &mut LastUse) -> Result<usize, ShipError> {
        let seen = match &self.limits {
            ShippedTo::Shared(limits) if self.journal.lag().records > 0 => limits.before_shipping().await,
            _ => None,
        };
        let tell = async |records: &[UsageRecord], all_new: bool| {
            self.tell_limits(records, seen.filter(|_| all_new)).await;
        };
        let began = self.clock.monotonic();
        let shipped = ship_once(&*self.journal, &*self.ledger, BATCH, tell).await;
        self.tell_took(began, &shipped);
        let records = shipped?;
        for record in &records {
            let last = used.entry(record.key).or_insert(record.time);
            *last = record.time.max(*last);
        }
        Ok(records.len())
    }

    // A round that found nothing asked nobody.
    fn tell_took(&self, began: Duration, shipped: &Result<Vec<UsageRecord>, ShipError>) {
        let answered = match shipped {
            Ok(records) if records.is_empty() => return,
            Ok(_) => true,
            Err(ShipError::Journal(_)) => return,
            Err(ShipError::Ledger(_)) => false,
        };
        self.observer.observe(&Event::StoreCalled {
            store: "ledger",
            answered,
            took: self.clock.monotonic().saturating_sub(began),
        });
    }

    async fn tell_limits(&self, records: &[UsageRecord], seen: Option<Generation>) {
        let settled: Vec<_> = records.iter().map(settled).collect();
        match &self.limits {
            ShippedTo::Own(limits) => {
                if let Err(error) = limits.settle(self.clock.now(), &settled).await {
                    tracing::warn!(%error, "limits were not settled from the journal");
                }
            }
            ShippedTo::Shared(limits) => limits.settle_shipped(&settled, seen).await,
        }
    }

    async fn tell_keys(&self, used: &mut LastUse) {
        if used.is_empty() {
            return;
        }
        let noted: Vec<_> = used.iter().map(|(key, time)| (*key, *time)).collect();
        match self.keys.touch(&noted).await {
            Ok(()) => used.clear(),
            Err(error) => tracing::warn!(%error, "the last use of keys was not noted; trying again"),
        }
    }
}

#[cfg(test)]
mod tests;
