//! Rebuilds counters from the ledger.
