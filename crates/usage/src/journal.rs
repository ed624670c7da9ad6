//! What makes the ledger true: a note is taken before the model server is called and after the request
//! ended, in a place that survives the process, and shipped to the ledger from there.

#[cfg(feature = "contract")]
pub mod contract;
mod entry;
mod memory;
mod overflow;
pub mod shipper;
mod store;

pub use entry::{OpenEntry, Progress, millis};
pub use memory::MemoryJournal;
pub use overflow::OverflowJournal;
pub use store::{JournalBatch, JournalEntry, JournalError, JournalLag, UsageJournal};
