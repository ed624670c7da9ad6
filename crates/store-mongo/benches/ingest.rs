//! Events per second that shippers append to one mongod, in batches as the journal's shipper sends them, all
//! for the same user, key and model; then the same batches once more, as after an outage.
//!
//! `cargo bench -p llmgw-store-mongo --bench ingest -- [RECORDS [SHIPPERS [COMBINATIONS]]]`

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

use futures_executor::block_on;
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoStore, Options};
use llmgw_types::{KeyId, RequestId, SecretString, Timestamp, UserId};
use llmgw_usage::ledger::{ReportQuery, UsageLedger, UsageRecord, contract};

const BATCH: usize = 1_000;

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let records: usize = numbers.next().unwrap_or(90_000);
    let shippers: u8 = numbers.next().and_then(|n| u8::try_from(n).ok()).unwrap_or(3);
    let combinations = numbers.next().unwrap_or(1);
    let mongod = Mongod::start();
    let stores: Vec<MongoStore> = (0..shippers).map(|slot| store(&mongod, slot)).collect();
    for pass in ["new", "again"] {
        let before = Instant::now();
        std::thread::scope(|scope| {
            for (store, nth) in stores.iter().zip(0..) {
                scope.spawn(move || ship(store, nth, records / usize::from(shippers), combinations));
            }
        });
        let seconds = before.elapsed().as_secs_f64();
        let each_second = f64::from(u32::try_from(records).unwrap_or(u32::MAX)) / seconds;
        println!("{pass}: {each_second:.0} events/s");
    }
    let sum = block_on(stores[0].ledger().report(&ReportQuery::default())).expect("a report");
    let check = block_on(stores[0].ledger().verify()).expect("a check");
    println!("{} requests in roll-ups, {check:?}", sum[0].total.requests);
}

fn store(mongod: &Mongod, slot: u8) -> MongoStore {
    let options = Options {
        slot,
        ..Options::new(SecretString::from(mongod.url()), "bench")
    };
    let store = MongoStore::open(&options).expect("options that can be read");
    block_on(store.prepare()).expect("a prepared database");
    store
}

fn ship(store: &MongoStore, nth: usize, records: usize, combinations: usize) {
    let ledger = store.ledger();
    for start in (0..records).step_by(BATCH) {
        let batch: Vec<_> = (start..start + BATCH)
            .map(|n| record(nth, n, combinations))
            .collect();
        block_on(ledger.append(&batch)).expect("appended");
    }
}

// A hundred requests a second, in the order of time, over `combinations` users with a key each.
fn record(shipper: usize, n: usize, combinations: usize) -> UsageRecord {
    let bytes = |n: usize| u64::try_from(n).unwrap_or(0).to_be_bytes();
    let time = Timestamp::from_millis(1_800_000_000_000 + i64::try_from(n * 10).unwrap_or(0));
    let (mut unique, mut who) = ([0; 10], [0; 10]);
    unique[2..].copy_from_slice(&bytes(n * 16 + shipper));
    who[2..].copy_from_slice(&bytes((n * 7_919) % combinations));
    let born = Timestamp::from_millis(1_700_000_000_000);
    UsageRecord {
        id: RequestId::new(time, unique),
        time,
        user: UserId::new(born, who),
        key: KeyId::new(born, who),
        ..contract::record()
    }
}
