//! The in-memory adapters: what the ports mean.

/// Keys in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryKeys {}

/// Users in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryUsers {}
