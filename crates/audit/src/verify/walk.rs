//! One chain, entry by entry.

use std::collections::{BTreeMap, BTreeSet};

use llmgw_types::ChainId;

use super::{Fault, Verified, Witness, Wrong};
use crate::{AuditEntry, Digest, Head, Stage};

/// What is known of a chain up to some entry.
pub(super) struct Walk {
    chain: ChainId,
    heads: Vec<(Head, Witness)>,
    next: u64,
    /// What the next entry's `previous` may be; `None` after a gap.
    link: Option<[Digest; 2]>,
    /// Intended entries without an end so far.
    open: BTreeSet<u64>,
    entries: u64,
    faults: Vec<Fault>,
}

impl Walk {
    pub(super) fn new(chain: ChainId, heads: Vec<(Head, Witness)>) -> Self {
        Self {
            chain,
            heads,
            next: 1,
            link: Some([Digest::of_chain(chain); 2]),
            open: BTreeSet::new(),
            entries: 0,
            faults: Vec::new(),
        }
    }

    pub(super) const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The number of the last entry that was there.
    pub(super) fn last_seq(&self) -> Option<u64> {
        (self.next > 1).then(|| self.next - 1)
    }

    /// The greatest number that any head knows.
    pub(super) fn last_known(&self) -> u64 {
        self.heads.iter().map(|(head, _)| head.seq).max().unwrap_or(0)
    }

    /// The next entry that is there.
    pub(super) fn take(&mut self, entry: &AuditEntry) {
        if entry.seq > self.next {
            let through = entry.seq - 1;
            self.fault(self.next, Wrong::Missing { through });
            self.link = None;
        }
        let hashes = [entry.hash, entry.digest()];
        if hashes[0] != hashes[1] {
            self.fault(entry.seq, Wrong::Changed);
        } else if self.link.is_some_and(|link| !link.contains(&entry.previous)) {
            self.fault(entry.seq, Wrong::Unlinked);
        }
        self.hold_against_heads(entry.seq, hashes);
        match (entry.stage, entry.of) {
            (Stage::Intended, _) => {
                self.open.insert(entry.seq);
            }
            (Stage::Done | Stage::Failed, Some(of)) if self.open.remove(&of) => {}
            (Stage::Done | Stage::Failed, _) => self.fault(entry.seq, Wrong::WithoutIntended),
        }
        self.entries += 1;
        // Of an entry whose hash was changed, its fields tell what it was: only one fault is named.
        self.link = Some(hashes);
        self.next = entry.seq.saturating_add(1);
    }

    /// The next entry cannot be read.
    pub(super) fn unreadable(&mut self, seq: u64, detail: String) {
        self.fault(seq, Wrong::Unreadable { detail });
        self.entries += 1;
        self.link = None;
        self.next = seq.saturating_add(1);
    }

    /// No more entries are there.
    pub(super) fn finish(mut self, verified: &mut Verified) {
        let mut cut: BTreeMap<Witness, u64> = BTreeMap::new();
        for (head, by) in self.heads.iter().filter(|(head, _)| head.seq >= self.next) {
            let through = cut.entry(*by).or_default();
            *through = head.seq.max(*through);
        }
        for (by, through) in cut {
            let wrong = match self.last_seq() {
                None => Wrong::ChainMissing { through, by },
                Some(_) => Wrong::TailCut { through, by },
            };
            self.fault(self.next, wrong);
        }
        verified.entries += self.entries;
        verified.unfinished += self.open.len() as u64;
        verified.faults.append(&mut self.faults);
    }

    fn hold_against_heads(&mut self, seq: u64, hashes: [Digest; 2]) {
        let at = self.heads.iter().filter(|(head, _)| head.seq == seq);
        let other = at.filter(|(head, _)| !hashes.contains(&head.hash));
        let witnesses: BTreeSet<Witness> = other.map(|(_, by)| *by).collect();
        for by in witnesses {
            self.fault(seq, Wrong::OtherHash { by });
        }
    }

    fn fault(&mut self, seq: u64, wrong: Wrong) {
        let chain = self.chain;
        self.faults.push(Fault { chain, seq, wrong });
    }
}
