//! The in-memory adapter: what the port means, for tests, and to verify entries that were exported.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use llmgw_types::{ChainId, StoreError};

use crate::{AuditEntry, AuditLog, AuditQuery, Head};

/// Entries in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryAudit(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    entries: BTreeMap<(ChainId, u64), AuditEntry>,
    heads: BTreeMap<ChainId, Head>,
}

impl MemoryAudit {
    /// A log that holds these, unchecked: what was exported, to be verified.
    #[must_use]
    pub fn holding(
        entries: impl IntoIterator<Item = AuditEntry>,
        heads: impl IntoIterator<Item = Head>,
    ) -> Self {
        let entries = entries.into_iter().map(|entry| ((entry.chain, entry.seq), entry));
        let heads = heads.into_iter().map(|head| (head.chain, head));
        Self(Mutex::new(Kept {
            entries: entries.collect(),
            heads: heads.collect(),
        }))
    }

    // Nothing in here panics while it holds the lock, so a poisoned one holds whole data.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AuditLog for MemoryAudit {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut kept = self.lock();
        entry.follows(kept.heads.get(&entry.chain))?;
        kept.heads.insert(entry.chain, entry.head());
        kept.entries.insert((entry.chain, entry.seq), entry.clone());
        Ok(())
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        Ok(self.lock().heads.values().copied().collect())
    }

    async fn chains(&self) -> Result<Vec<ChainId>, StoreError> {
        let mut chains: Vec<_> = self.lock().entries.keys().map(|(chain, _)| *chain).collect();
        chains.dedup();
        Ok(chains)
    }

    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let kept = self.lock();
        let mut found: Vec<_> = kept
            .entries
            .values()
            .filter(|entry| wanted(query, entry))
            .collect();
        found.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.cursor()));
        Ok(found.into_iter().take(query.limit).cloned().collect())
    }

    async fn chain(&self, chain: ChainId, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let Some(first) = after.checked_add(1) else {
            return Ok(Vec::new());
        };
        let kept = self.lock();
        let entries = kept.entries.range((chain, first)..=(chain, u64::MAX));
        Ok(entries.take(limit).map(|(_, entry)| entry.clone()).collect())
    }
}

fn wanted(query: &AuditQuery, entry: &AuditEntry) -> bool {
    let action = |prefix: &String| entry.action.starts_with(prefix);
    query.chain.is_none_or(|chain| entry.chain == chain)
        && query.actor.as_ref().is_none_or(|actor| entry.actor == *actor)
        && query.action.as_ref().is_none_or(action)
        && query
            .subject
            .as_ref()
            .is_none_or(|subject| entry.subject == *subject)
        && query.from.is_none_or(|from| from <= entry.at)
        && query.to.is_none_or(|to| entry.at < to)
        && query.before.is_none_or(|before| entry.cursor() < before)
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    crate::audit_log_contract!(futures_executor::block_on, (MemoryAudit::default(), ()));
}
