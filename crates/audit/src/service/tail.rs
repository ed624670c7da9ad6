//! How far this process's chain has come, as far as it knows.

use llmgw_types::{Clock, Entropy, StoreError, random};

use crate::{AuditEntry, AuditLog, ChainId, Digest};

const PAGE: usize = 100;

/// The end of a chain.
#[derive(Debug)]
pub(super) struct Tail {
    chain: ChainId,
    seq: u64,
    hash: Digest,
    /// Whether the log may have come further: an append was begun and its outcome was not seen.
    doubtful: bool,
}

impl Tail {
    /// That of a chain without entries.
    pub(super) fn of_new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        let chain = ChainId::new(clock.now(), random(entropy));
        Self {
            chain,
            seq: 0,
            hash: Digest::of_chain(chain),
            doubtful: false,
        }
    }

    /// The end of a change that was intended in another chain has no place in this one.
    pub(super) fn refuse_of_others(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        match entry.of {
            Some(of) if entry.chain != self.chain => Err(StoreError::Missing {
                what: format!("entry {of} of audit chain {} in this process", entry.chain),
            }),
            _ => Ok(()),
        }
    }

    /// Asks the log where it is in doubt.
    pub(super) async fn make_sure(&mut self, log: &dyn AuditLog) -> Result<(), StoreError> {
        while self.doubtful {
            let found = log.chain(self.chain, self.seq, PAGE).await?;
            self.doubtful = found.len() == PAGE;
            if let Some(last) = found.last() {
                (self.seq, self.hash) = (last.seq, last.hash);
            }
        }
        Ok(())
    }

    /// `entry` with the place after this end.
    pub(super) fn followed_by(&self, entry: AuditEntry) -> AuditEntry {
        let placed = AuditEntry {
            chain: self.chain,
            seq: self.seq + 1,
            previous: self.hash,
            ..entry
        };
        placed.sealed()
    }

    pub(super) const fn doubt(&mut self) {
        self.doubtful = true;
    }

    pub(super) const fn advance(&mut self, entry: &AuditEntry) {
        (self.seq, self.hash, self.doubtful) = (entry.seq, entry.hash, false);
    }

    pub(super) fn is_at(&self, entry: &AuditEntry) -> bool {
        self.hash == entry.hash
    }
}
