//! The in-memory adapter: what the port means.

/// Models in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryModels {}
