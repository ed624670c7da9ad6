//! Takes the journal to the ledger, and what it says to limits and keys.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::{sleep, timeout};
use llmgw_keys::KeyStore;
use llmgw_types::{Clock, Event, Observer};
use llmgw_usage::admission::AdmissionStore;
use llmgw_usage::journal::UsageJournal;
use llmgw_usage::journal::shipper::{ShipError, ship_once};
use llmgw_usage::ledger::{UsageLedger, UsageRecord};
use llmgw_usage::settled;
use tokio::sync::watch;

/// Records per batch: one transaction of the ledger.
const BATCH: usize = 1_000;

/// How long a record waits for others, so that a ledger makes few large transactions instead of many small.
const REST: Duration = Duration::from_millis(50);

/// How long to wait after a failure, so that a store that is away is not hammered.
const PAUSE: Duration = Duration::from_secs(1);

/// What the shipper works with.
pub struct Shipper {
    /// From here.
    pub journal: Arc<dyn UsageJournal>,
    /// To here.
    pub ledger: Arc<dyn UsageLedger>,
    /// Settled once more from the journal, in case a guard's settlement was lost.
    pub admission: Arc<dyn AdmissionStore>,
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

impl Shipper {
    /// Ships until `stop` turns true, then on until the journal is empty, but no longer than `flush_within`.
    pub async fn run(&self, mut stop: watch::Receiver<bool>, flush_within: Duration) {
        while !*stop.borrow_and_update() {
            let pause = self.round().await;
            // A closed channel means that nobody is left to say stop.
            match timeout(pause, stop.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(_)) => break,
            }
        }
        if timeout(flush_within, self.flush()).await.is_err() {
            let waiting = self.journal.lag().records;
            tracing::warn!(records = waiting, "records stay in the journal; the next start ships them");
        }
    }

    /// Ships until the journal is empty, trying again after failures.
    pub async fn flush(&self) {
        while let Err(error) = self.ship_all().await {
            tracing::warn!(%error, "records were not shipped; trying again");
            sleep(PAUSE).await;
        }
    }

    /// Ships until the journal is empty.
    ///
    /// # Errors
    /// When journal or ledger failed.
    pub async fn ship_all(&self) -> Result<(), ShipError> {
        while self.ship().await? > 0 {}
        Ok(())
    }

    async fn round(&self) -> Duration {
        let shipped = self.ship().await;
        let lag = self.journal.lag();
        self.observer.observe(&Event::JournalLag { records: lag.records, bytes: lag.bytes });
        match shipped {
            Ok(count) if count >= BATCH => Duration::ZERO,
            Ok(_) => REST,
            Err(error) => {
                tracing::warn!(%error, records = lag.records, "records were not shipped; trying again");
                PAUSE
            }
        }
    }

    async fn ship(&self) -> Result<usize, ShipError> {
        let records = ship_once(&*self.journal, &*self.ledger, BATCH).await?;
        if !records.is_empty() {
            self.tell_limits(&records).await;
            self.tell_keys(&records).await;
        }
        Ok(records.len())
    }

    async fn tell_limits(&self, records: &[UsageRecord]) {
        let settled: Vec<_> = records.iter().map(settled).collect();
        if let Err(error) = self.admission.settle(self.clock.now(), &settled).await {
            tracing::warn!(%error, "limits were not settled from the journal");
        }
    }

    async fn tell_keys(&self, records: &[UsageRecord]) {
        let mut used: Vec<_> = records.iter().map(|record| (record.key, record.time)).collect();
        // The latest of each key.
        used.sort_unstable_by_key(|(key, time)| (*key, std::cmp::Reverse(*time)));
        used.dedup_by_key(|(key, _)| *key);
        if let Err(error) = self.keys.touch(&used).await {
            tracing::warn!(%error, "the last use of keys was not noted");
        }
    }
}
