//! What holds when many write at the same time, each on a thread of its own.

use std::pin::Pin;
use std::sync::{Arc, Barrier};

use llmgw_types::{Entropy, ManualClock, StoreError};

use super::fresh::{self, NOW, WORKS, append_all, chain_of, read};
use crate::{Actor, AuditEntry, AuditLog, Auditor, Deed, verify};

const MANY: usize = 16;
const CHAINS: usize = 6;
const DEEDS: usize = 8;

type Task<'a> = Pin<Box<dyn Future<Output = usize> + Send + 'a>>;

/// What runs a future to its end.
pub type BlockOn<'a> = &'a (dyn Fn(Task<'_>) -> usize + Sync);

/// The others are told that it is there, also where all are the same.
///
/// # Panics
/// When none or several win, or something of the others stays.
pub fn one_of_many_appends_of_a_number_wins<L: AuditLog>(log: &Arc<L>, block_on: BlockOn<'_>) {
    for same in [true, false] {
        for before in [0, 2] {
            let entries = chain_of(before + 1, &fresh::subject());
            let appended = async {
                append_all(&**log, &entries[..before]).await;
                0
            };
            block_on(Box::pin(appended));
            let nth = |thread| match same {
                true => entries[before].clone(),
                false => about(&entries[before], thread),
            };
            let won = together(MANY, block_on, |thread| {
                let (log, entry) = (Arc::clone(log), nth(thread));
                Box::pin(async move { usize::from(wins(&*log, &entry).await) })
            });
            assert_eq!(won, 1);
            let kept = async {
                let kept = read(&**log, entries[0].chain).await;
                let heads = log.heads().await.expect(WORKS);
                assert!(heads.contains(&kept[before].head()), "{heads:?}");
                kept.len()
            };
            assert_eq!(block_on(Box::pin(kept)), before + 1);
        }
    }
}

/// Each process has a chain, and none holds up or harms another.
///
/// # Panics
/// When a chain is broken or lacks an entry.
pub fn chains_grow_beside_each_other<L: AuditLog + 'static>(log: &Arc<L>, block_on: BlockOn<'_>) {
    let subject = fresh::subject();
    let written = together(CHAINS, block_on, |_| {
        let auditor = auditor(log);
        let subject = subject.clone();
        Box::pin(async move { deeds(&auditor, &subject).await })
    });
    assert_eq!(written, CHAINS * DEEDS);
    assert_whole(log, block_on, &subject, CHAINS);
}

/// All of a process's threads write to it.
///
/// # Panics
/// When it is not one, is broken or lacks an entry.
pub fn one_process_has_one_chain<L: AuditLog + 'static>(log: &Arc<L>, block_on: BlockOn<'_>) {
    let subject = &fresh::subject();
    let auditor = &auditor(log);
    let written = together(CHAINS, block_on, |_| {
        Box::pin(async move { deeds(auditor, subject).await })
    });
    assert_eq!(written, CHAINS * DEEDS);
    assert_whole(log, block_on, subject, 1);
}

async fn wins(log: &dyn AuditLog, entry: &AuditEntry) -> bool {
    match log.append(entry).await {
        Err(StoreError::Exists { .. }) => false,
        appended => {
            appended.expect(WORKS);
            true
        }
    }
}

fn about(entry: &AuditEntry, thread: usize) -> AuditEntry {
    AuditEntry {
        subject: format!("thread:{thread}"),
        ..entry.clone()
    }
    .sealed()
}

async fn deeds(auditor: &Auditor, subject: &str) -> usize {
    for nth in 0..DEEDS {
        let deed = Deed {
            actor: Actor::AdminKey,
            origin: None,
            action: "model.replace".to_owned(),
            subject: subject.to_owned(),
            before: None,
            after: Some(nth.into()),
        };
        let intended = auditor.intend(deed).await.expect(WORKS);
        let ended = match nth % 2 {
            0 => auditor.done(intended, None).await,
            _ => auditor.failed(intended, "no").await,
        };
        ended.expect(WORKS);
    }
    DEEDS
}

fn assert_whole<L: AuditLog>(log: &Arc<L>, block_on: BlockOn<'_>, subject: &str, chains: usize) {
    let checked = async {
        let all = fresh::listed(&**log, &fresh::about(subject)).await;
        assert_eq!(all.len(), 2 * CHAINS * DEEDS);
        let mut found: Vec<_> = all.iter().map(|entry| entry.chain).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), chains);
        let verified = verify(&**log, &[]).await.expect(WORKS);
        let mine = |fault: &&crate::Fault| found.contains(&fault.chain);
        assert_eq!(verified.faults.iter().find(mine), None);
        0
    };
    block_on(Box::pin(checked));
}

fn auditor<L: AuditLog + 'static>(log: &Arc<L>) -> Auditor {
    let log: Arc<dyn AuditLog> = Arc::<L>::clone(log);
    Auditor::new(log, Arc::new(ManualClock::at(NOW)), Arc::new(Fresh))
}

struct Fresh;

impl Entropy for Fresh {
    fn fill(&self, bytes: &mut [u8]) {
        // The end differs within a run, and what stands before it between runs.
        let random = fresh::bytes();
        for (byte, random) in bytes.iter_mut().rev().zip(random.iter().rev().chain(&random)) {
            *byte = *random;
        }
    }
}

// As many threads as asked for begin as one; the sum of what they say.
fn together<'a>(threads: usize, block_on: BlockOn<'_>, task: impl Fn(usize) -> Task<'a> + Sync) -> usize {
    let begin = &Barrier::new(threads);
    let task = &task;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    begin.wait();
                    block_on(task(thread))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a racing thread ends well"))
            .sum()
    })
}
