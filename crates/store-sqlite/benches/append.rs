//! CPU time and time per record of `append`, in batches as the journal's shipper sends them; then the time of
//! one page of a user's events.
//!
//! `cargo bench -p llmgw-store-sqlite --bench append -- [RECORDS] [COMBINATIONS]`

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and its own arguments"
)]
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::time::Instant;

use llmgw_store_sqlite::{Options, SqliteStore};
use llmgw_types::{KeyId, RequestId, Timestamp, UserId};
use llmgw_usage::ledger::{EventQuery, UsageLedger, UsageRecord, contract};

const BATCH: usize = 1_000;

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let records = numbers.next().unwrap_or(300_000);
    let combinations = numbers.next().unwrap_or(500);
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("llmgw.db"), &Options::default()).expect("a store");
    let ledger = store.ledger();
    for pass in ["new", "again"] {
        let (mut cpu, mut time) = (0.0, 0.0);
        for start in (0..records).step_by(BATCH) {
            let batch: Vec<_> = (start..start + BATCH).map(|n| record(n, combinations)).collect();
            let (cpu_before, before) = (cpu_seconds(), Instant::now());
            futures_executor::block_on(ledger.append(&batch)).expect("appended");
            time += before.elapsed().as_secs_f64();
            cpu += cpu_seconds() - cpu_before;
        }
        let each = |seconds: f64| seconds * 1e6 / f64::from(u32::try_from(records).unwrap_or(u32::MAX));
        println!("{pass}: {:.2} us CPU, {:.2} us per record", each(cpu), each(time));
    }
    let query = EventQuery {
        user: Some(record(0, combinations).user),
        limit: 50,
        ..EventQuery::default()
    };
    let before = Instant::now();
    let page = futures_executor::block_on(ledger.events(&query)).expect("a page");
    println!(
        "{} events of one user: {:.2} ms",
        page.len(),
        before.elapsed().as_secs_f64() * 1e3
    );
}

// Two requests a second, in the order of time, over `combinations` users with a key each.
fn record(n: usize, combinations: usize) -> UsageRecord {
    let n = u64::try_from(n).unwrap_or(0);
    let time = Timestamp::from_millis(1_800_000_000_000 + i64::try_from(n * 500).unwrap_or(0));
    let who = (n * 7_919) % u64::try_from(combinations).unwrap_or(1);
    let mut random = [0; 10];
    random[2..].copy_from_slice(&who.to_be_bytes());
    let born = Timestamp::from_millis(1_700_000_000_000);
    UsageRecord {
        id: RequestId::new(time, random),
        time,
        user: UserId::new(born, random),
        key: KeyId::new(born, random),
        ..contract::record()
    }
}

// All threads of this process, in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}
