//! The port of counters that several gateways share and that may be lost: how they are made anew from the ledger
//! while requests run.

use std::time::Duration;

use async_trait::async_trait;
use llmgw_types::{StoreError, Timestamp};

use super::{AdmissionStore, Counter, Settled};

/// Which reading of the ledger the counters stand on. Another one with each rebuild, also after the store was
/// emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// Whether counters can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are known.
    Ready {
        /// What they stand on.
        generation: Generation,
        /// Whether some use may be missing or counted twice, so that they should be rebuilt.
        doubted: bool,
    },
    /// Somebody rebuilds them.
    Rebuilding,
    /// They are not known, and nobody rebuilds them.
    Unready,
}

/// How a rebuild ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The counters are ready.
    Ready,
    /// While the ledger was read, something was shipped that may or may not be in what was read. This rebuild is
    /// over and what was put is of no use: [`begin`](SharedCounters::begin) anew, under another generation, and
    /// read the ledger once more.
    ReadAgain,
    /// Somebody else began another rebuild, which counts.
    Overtaken,
}

/// Counters that several gateways share.
///
/// A rebuild goes [`begin`](Self::begin), read the ledger, [`put`](Self::put), [`finish`](Self::finish); from
/// `begin` on nothing is admitted here ([`Reserved::Unready`](super::Reserved::Unready)). A record must be
/// counted once: by the ledger that was read, or by its settlement. The generation tells which. What guards
/// settle after `begin` is counted on top of what is put. What was shipped under the present generation was not
/// in the ledger when it was read, so [`settle_shipped`](Self::settle_shipped) counts it unless its guard did
/// since `begin`. Where it cannot be told, the counters are doubted, and rebuilt once more.
#[async_trait]
pub trait SharedCounters: AdmissionStore {
    /// Whether the counters can be relied on.
    async fn standing(&self, now: Timestamp) -> Result<Standing, StoreError>;

    /// Says that use was counted elsewhere, while this store could not be reached.
    async fn doubt(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Begins a rebuild, unless somebody else began one less than `lasts` ago: then `None`. Settled use is
    /// forgotten, live reservations are kept.
    async fn begin(&self, now: Timestamp, lasts: Duration) -> Result<Option<Generation>, StoreError>;

    /// Adds use that was read from the ledger to the counters of `generation`, in the windows of `now`. Changes
    /// nothing when another rebuild began. May be called several times, for different counters.
    async fn put(
        &self,
        now: Timestamp,
        generation: Generation,
        counters: &[Counter],
    ) -> Result<(), StoreError>;

    /// Ends the rebuild.
    async fn finish(&self, now: Timestamp, generation: Generation) -> Result<Finish, StoreError>;

    /// Settles what is in the ledger now. `seen` is the generation that was ready before these records were
    /// appended, where all of them were new to the ledger then; else `None`.
    async fn settle_shipped(
        &self,
        now: Timestamp,
        settled: &[Settled],
        seen: Option<Generation>,
    ) -> Result<(), StoreError>;
}
