//! Time of noting a request's beginning and end, with one worker and with two; then of shipping.
//!
//! `cargo bench -p llmgw-journal-file --bench append -- [REQUESTS] [DIR]`

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and its own arguments"
)]
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::path::PathBuf;
use std::time::Instant;

use llmgw_journal_file::{FileJournal, Options};
use llmgw_usage::journal::UsageJournal;
use llmgw_usage::journal::contract::open_entry;
use llmgw_usage::ledger::UsageRecord;
use llmgw_usage::ledger::contract::record;

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let requests = arguments
        .first()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200_000);
    let parent = arguments.get(1).map_or_else(std::env::temp_dir, PathBuf::from);
    for threads in [1, 2] {
        let folder = tempfile::tempdir_in(&parent).expect("a folder");
        let journal = FileJournal::open_dir(folder.path(), Options::default()).expect("a journal");
        let before = Instant::now();
        let slowest = std::thread::scope(|scope| {
            let work = || work(&*journal, requests / threads);
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().expect("a worker"))
                .max()
                .unwrap_or_default()
        });
        let total = before.elapsed().as_nanos() / requests as u128;
        println!(
            "{threads} threads: {} ns per open + close in a thread, {total} ns over all",
            slowest / (requests / threads) as u128
        );
        println!(
            "{threads} threads: {} bytes per request",
            journal.lag().bytes / requests as u64
        );
        ship(&*journal);
    }
}

// Nanoseconds.
fn work(journal: &dyn UsageJournal, requests: usize) -> u128 {
    let records: Vec<UsageRecord> = (0..1_000).map(|_| record()).collect();
    let entries: Vec<_> = records.iter().map(open_entry).collect();
    let before = Instant::now();
    for (record, entry) in records.iter().zip(&entries).cycle().take(requests) {
        journal.open(entry).expect("room").close(record);
    }
    before.elapsed().as_nanos()
}

fn ship(journal: &dyn UsageJournal) {
    let (before, waiting) = (Instant::now(), journal.lag().records);
    while journal.lag().records > 0 {
        let batch = journal.next_batch(1_000).expect("a batch");
        journal.confirm(batch.mark).expect("confirmed");
    }
    println!(
        "shipping: {} ns per record",
        before.elapsed().as_nanos() / u128::from(waiting.max(1))
    );
}
