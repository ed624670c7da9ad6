//! Many workers write while one shipper reads.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use llmgw_types::RequestId;

use super::WORKS;
use super::fresh::{open_entry, seen};
use crate::journal::UsageJournal;
use crate::ledger::contract::record;

const THREADS: usize = 8;
const REQUESTS: usize = 500;

/// Each record comes exactly once, while others are written.
pub fn many_threads_lose_nothing(journal: &dyn UsageJournal) {
    let (written, shipped) = run(journal, false);
    assert_eq!(shipped.len(), THREADS * REQUESTS);
    assert_eq!(shipped.into_iter().collect::<HashSet<_>>(), written);
    let lag = journal.lag();
    assert_eq!((lag.records, lag.open), (0, 0));
}

/// The same with a rewind instead of every other confirmation.
pub fn a_shipper_that_fails_now_and_then_loses_nothing(journal: &dyn UsageJournal) {
    let (written, shipped) = run(journal, true);
    assert_eq!(shipped.len(), THREADS * REQUESTS);
    assert_eq!(shipped.into_iter().collect::<HashSet<_>>(), written);
}

// Ids written, and ids confirmed in their order.
fn run(journal: &dyn UsageJournal, fails: bool) -> (HashSet<RequestId>, Vec<RequestId>) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| work(journal))).collect();
        let shipper = scope.spawn(|| ship(journal, &done, fails));
        let written = workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a worker ends well"));
        let written = written.collect();
        done.store(true, Ordering::Release);
        (written, shipper.join().expect("the shipper ends well"))
    })
}

// Four requests at a time, closed in another order than opened.
fn work(journal: &dyn UsageJournal) -> Vec<RequestId> {
    let mut ids = Vec::new();
    for _ in 0..REQUESTS / 4 {
        let records = [record(), record(), record(), record()];
        let entries = records
            .each_ref()
            .map(|record| journal.open(&open_entry(record)).expect(WORKS));
        for (entry, record) in entries.iter().zip(&records).rev() {
            entry.progress(&seen(1));
            entry.close(record);
        }
        ids.extend(records.map(|record| record.id));
    }
    ids
}

fn ship(journal: &dyn UsageJournal, done: &AtomicBool, fails: bool) -> Vec<RequestId> {
    let mut confirmed = Vec::new();
    for round in 0_u64.. {
        let last = done.load(Ordering::Acquire);
        let batch = journal.next_batch(97).expect(WORKS);
        if last && batch.records.is_empty() {
            break;
        }
        if fails && round % 2 == 0 && !batch.records.is_empty() {
            journal.rewind();
            continue;
        }
        confirmed.extend(batch.records.iter().map(|record| record.id));
        journal.confirm(batch.mark).expect(WORKS);
    }
    confirmed
}
