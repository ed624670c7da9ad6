//! What was used, by whom, of which model: one record per admitted request, never changed, and roll-ups by
//! hour from which every report is made.

#[cfg(feature = "contract")]
pub mod contract;
mod memory;
mod record;
mod store;

pub use memory::MemoryLedger;
pub use record::{End, UnknownEnd, UsageRecord};
pub use store::{
    Bucket, Dimension, EventQuery, ReportQuery, ReportRow, ReportTotal, RollupCheck, UsageLedger,
};
