//! The port: where notes are kept until the ledger has them.

use super::{OpenEntry, Progress};
use crate::ledger::UsageRecord;

/// Why a request cannot be noted.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no room for it and its later notes.
    #[error("the journal has no room left")]
    Full(#[source] std::io::Error),
    /// The journal cannot be written or read.
    #[error("the journal failed")]
    Io(#[source] std::io::Error),
}

/// How much waits for the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalLag {
    /// Closed records not yet confirmed.
    pub records: u64,
    /// Requests noted as open.
    pub open: u64,
    /// Bytes the journal takes.
    pub bytes: u64,
}

/// Closed records on their way to the ledger.
#[derive(Debug)]
pub struct JournalBatch {
    /// The records, each id at most once per batch.
    pub records: Vec<UsageRecord>,
    /// What the adapter needs to know to confirm them.
    pub mark: u64,
}

/// A request that is noted as open.
pub trait JournalEntry: Send + Sync {
    /// Replaces what was noted before. Never fails for want of room; a failing disk is logged, and the
    /// request goes on.
    fn progress(&self, progress: &Progress);

    /// Notes the end. Its room was reserved when the entry was opened, so it does not fail for want of room;
    /// where the disk fails the record is kept in memory and still shipped. Call it once; the journal
    /// ignores further calls. An entry dropped without it stays open, and is judged when the process is
    /// gone.
    fn close(&self, record: &UsageRecord);
}

/// Keeps notes. All methods are fast, do not wait for the disk, and may be called from any thread;
/// `next_batch` and `confirm` may read files and belong on a background thread.
pub trait UsageJournal: Send + Sync {
    /// Notes a request before its model server is called, and reserves room for its later notes.
    ///
    /// # Errors
    /// [`JournalError::Full`] when there is no room, [`JournalError::Io`] when it cannot be written; nothing
    /// is noted then.
    fn open(&self, entry: &OpenEntry) -> Result<Box<dyn JournalEntry>, JournalError>;

    /// The oldest closed records that were not handed out yet, `max` at most (a few more are allowed); empty
    /// when there is nothing to ship. Records left over by dead processes come first, and include those of
    /// requests they left open, as [`OpenEntry::crashed`].
    ///
    /// # Errors
    /// When the journal cannot be read. What can be read is still handed out by a later call.
    fn next_batch(&self, max: usize) -> Result<JournalBatch, JournalError>;

    /// The ledger has the batches up to and including `mark`; their room may be used again.
    ///
    /// # Errors
    /// When room could not be freed. The records then come again after a restart, and count once.
    fn confirm(&self, mark: u64) -> Result<(), JournalError>;

    /// Hands out again what was handed out since the last confirmed batch.
    fn rewind(&self);

    /// How much waits.
    fn lag(&self) -> JournalLag;
}
