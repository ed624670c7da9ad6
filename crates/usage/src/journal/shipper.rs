//! Takes closed records to the ledger.

use llmgw_types::StoreError;

use super::{JournalError, UsageJournal};
use crate::ledger::{UsageLedger, UsageRecord};

/// Why a batch was not shipped. It stays in the journal.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The journal could not be read or freed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ledger did not take it.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

/// Ships one batch: reads it, appends it to the ledger, tells `then` of its records and of whether all of them
/// were new, confirms it. Returns its records, empty when there was nothing to ship. A process that dies before
/// the confirmation hands the batch out again, and its records are not new then.
///
/// # Errors
/// When journal or ledger failed; the batch will be handed out again.
pub async fn ship_once(
    journal: &dyn UsageJournal,
    ledger: &dyn UsageLedger,
    max: usize,
    then: impl AsyncFnOnce(&[UsageRecord], bool),
) -> Result<Vec<UsageRecord>, ShipError> {
    let batch = journal.next_batch(max)?;
    if batch.records.is_empty() {
        return Ok(batch.records);
    }
    match ledger.append(&batch.records).await {
        Ok(new) => then(&batch.records, new == batch.records.len()).await,
        Err(error) => {
            journal.rewind();
            return Err(error.into());
        }
    }
    journal.confirm(batch.mark)?;
    Ok(batch.records)
}
