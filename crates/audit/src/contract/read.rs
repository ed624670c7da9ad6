//! How every [`AuditLog`] reads chains.

use super::fresh::{self, WORKS, append_all, chain_of, read};
use crate::{AuditEntry, AuditLog, Head, verify};

/// By number, each page after the last number of the one before.
pub async fn a_chain_is_read_in_order_and_in_pages(log: &dyn AuditLog) {
    let entries = chain_of(12, &fresh::subject());
    append_all(log, &entries).await;
    let chain = entries[0].chain;
    assert_eq!(read(log, chain).await, entries);
    let mut pages = Vec::new();
    loop {
        let after = pages.last().map_or(0, |entry: &AuditEntry| entry.seq);
        let page = log.chain(chain, after, 5).await.expect(WORKS);
        assert!(page.len() <= 5);
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(pages, entries);
    for after in [12, 13, u64::MAX] {
        assert_eq!(log.chain(chain, after, 5).await.expect(WORKS), []);
    }
    assert_eq!(log.chain(chain, 0, 0).await.expect(WORKS), []);
}

/// Entries of others are in none of them.
pub async fn chains_do_not_run_together(log: &dyn AuditLog) {
    let subject = fresh::subject();
    let all = [
        chain_of(3, &subject),
        chain_of(3, &subject),
        chain_of(3, &subject),
    ];
    for nth in 0..3 {
        for entries in &all {
            append_all(log, &entries[nth..=nth]).await;
        }
    }
    for entries in &all {
        assert_eq!(read(log, entries[0].chain).await, *entries);
    }
}

/// Absence is no error.
pub async fn unknown_chains_are_empty(log: &dyn AuditLog) {
    assert_eq!(read(log, fresh::chain()).await, []);
}

/// Chains and heads are in the order of chains, each once.
pub async fn every_chain_has_its_head(log: &dyn AuditLog) {
    let mut last: Vec<Head> = Vec::new();
    for count in 1..4 {
        let entries = chain_of(count, &fresh::subject());
        append_all(log, &entries).await;
        last.extend(entries.last().map(AuditEntry::head));
    }
    last.sort_unstable_by_key(|head| head.chain);
    let heads = log.heads().await.expect(WORKS);
    assert!(
        heads.is_sorted_by(|one, other| one.chain < other.chain),
        "{heads:?}"
    );
    let mine: Vec<_> = heads.into_iter().filter(|head| last.contains(head)).collect();
    assert_eq!(mine, last);
    let chains = log.chains().await.expect(WORKS);
    assert!(chains.is_sorted_by(|one, other| one < other), "{chains:?}");
    assert!(last.iter().all(|head| chains.contains(&head.chain)));
}

/// And an exported head says what it has to.
pub async fn what_was_appended_verifies(log: &dyn AuditLog) {
    let entries = chain_of(5, &fresh::subject());
    append_all(log, &entries).await;
    let mut exported: Vec<_> = entries.iter().map(AuditEntry::head).collect();
    let good = verify(log, &exported).await.expect(WORKS);
    assert!(
        good.chains >= 1 && good.entries >= 5 && good.unfinished >= 1,
        "{good:?}"
    );
    let mine = |fault: &&crate::Fault| fault.chain == entries[0].chain;
    assert_eq!(good.faults.iter().find(mine), None);
    exported[2].hash = exported[1].hash;
    let bad = verify(log, &exported).await.expect(WORKS);
    assert_eq!(bad.faults.iter().find(mine).map(|fault| fault.seq), Some(3));
}
