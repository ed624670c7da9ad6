//! Looking for what was changed in a log, or taken out of it.
//!
//! Hashes alone show an entry that was changed. Whoever may write to the store could make all hashes after it
//! anew; heads that were exported before, to a place where that person may not write, show this as well, and that
//! the end of a chain or a whole chain is gone.

mod fault;
mod walk;

use std::collections::BTreeMap;

use llmgw_types::{ChainId, StoreError};

use crate::{AuditLog, Head};
pub use fault::{Fault, Witness, Wrong};
use walk::Walk;

const PAGE: usize = 500;
/// After as many unreadable entries in a row the rest of the chain is not looked at.
const MOST_UNREADABLE: u64 = 1_000;

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// How many chains have entries.
    pub chains: u64,
    /// How many entries there are.
    pub entries: u64,
    /// How many intended changes have no end: the process was killed before it was written, or is still at it.
    pub unfinished: u64,
    /// What is wrong, in the order of chains and numbers.
    pub faults: Vec<Fault>,
}

/// Reads the whole log, page by page, and holds it against `exported`: heads from earlier, any number per chain.
/// Entries may be appended meanwhile.
///
/// # Errors
/// When the log cannot be read. An entry that is there and makes no sense is a fault, and no error.
pub async fn verify(log: &dyn AuditLog, exported: &[Head]) -> Result<Verified, StoreError> {
    // Before the entries: whatever they name has to be there when the entries are read.
    let heads = log.heads().await?;
    let witnesses = heads.iter().map(|head| (head, Witness::Log));
    let exported = exported.iter().map(|head| (head, Witness::Exported));
    let mut known: BTreeMap<ChainId, Vec<(Head, Witness)>> = BTreeMap::new();
    for (head, witness) in witnesses.chain(exported) {
        known.entry(head.chain).or_default().push((*head, witness));
    }
    for chain in log.chains().await? {
        known.entry(chain).or_default();
    }
    let mut verified = Verified::default();
    let mut ends = BTreeMap::new();
    for (chain, heads) in known {
        let walk = walked(log, Walk::new(chain, heads)).await?;
        if let Some(last) = walk.last_seq() {
            verified.chains += 1;
            ends.insert(chain, last);
        }
        walk.finish(&mut verified);
    }
    verified.faults.extend(behind(log, ends).await?);
    verified.faults.sort_by_key(|fault| (fault.chain, fault.seq));
    Ok(verified)
}

async fn walked(log: &dyn AuditLog, mut walk: Walk) -> Result<Walk, StoreError> {
    let (mut after, mut limit, mut unreadable) = (0, PAGE, 0);
    loop {
        match log.chain(walk.chain(), after, limit).await {
            Ok(page) if page.is_empty() => return Ok(walk),
            Ok(page) => {
                for entry in &page {
                    walk.take(entry);
                    after = entry.seq;
                }
                unreadable = 0;
            }
            // One of the page: one by one up to it.
            Err(StoreError::Corrupt { .. }) if limit > 1 => limit = 1,
            Err(StoreError::Corrupt { detail, .. }) => {
                after += 1;
                unreadable += 1;
                walk.unreadable(after, detail);
                // Which number it has nobody knows where no head says that there is one.
                if after >= walk.last_known() || unreadable == MOST_UNREADABLE {
                    return Ok(walk);
                }
                limit = PAGE;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Chains whose last entry is not reached by the log's own head.
async fn behind(log: &dyn AuditLog, ends: BTreeMap<ChainId, u64>) -> Result<Vec<Fault>, StoreError> {
    // After the entries: meanwhile the heads may have moved on, and never back.
    let heads = log.heads().await?;
    let heads: BTreeMap<ChainId, u64> = heads.iter().map(|head| (head.chain, head.seq)).collect();
    let behind = ends
        .into_iter()
        .filter(|(chain, last)| heads.get(chain).is_none_or(|head| head < last));
    Ok(behind
        .map(|(chain, seq)| Fault {
            chain,
            seq,
            wrong: Wrong::HeadBehind,
        })
        .collect())
}

#[cfg(test)]
mod tests;
