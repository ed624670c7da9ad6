//! The in-memory adapter: what the port means.

/// Counters and reservations in this process's memory.
#[derive(Debug)]
pub struct MemoryAdmission {}
