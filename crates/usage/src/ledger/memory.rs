//! The in-memory adapter: what the port means.

/// A ledger in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryLedger {}
