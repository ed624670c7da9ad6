//! The in-memory adapter: what the port means.

/// A journal in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryJournal {}
