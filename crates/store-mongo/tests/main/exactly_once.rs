//! Records come many times, from many shippers, through outages, and count once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_executor::block_on;
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoLedger, Options};
use llmgw_types::RequestId;
use llmgw_usage::ledger::{EventQuery, UsageLedger, UsageRecord, contract};
use mongodb::bson::{Document, doc};

use crate::setup::{Over, beside, client, command, database, open, options, options_on, total};

const KILLS: u32 = 6;

/// Requests of one user with one key to one model, within one hour.
fn records(count: usize) -> Vec<UsageRecord> {
    let first = contract::record();
    (0..count)
        .map(|_| UsageRecord {
            id: contract::record().id,
            ..first.clone()
        })
        .collect()
}

/// Every record is there, and the roll-ups are their sum.
fn assert_exactly(ledger: &MongoLedger, records: &[UsageRecord]) {
    let all = EventQuery {
        limit: usize::MAX,
        ..EventQuery::default()
    };
    let kept = block_on(ledger.events(&all)).unwrap();
    let mut ids: Vec<RequestId> = kept.iter().map(|record| record.id).collect();
    let mut wanted: Vec<RequestId> = records.iter().map(|record| record.id).collect();
    ids.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(ids, wanted);
    let (total, count) = (total(ledger), u64::try_from(records.len()).unwrap());
    assert_eq!((total.requests, total.tokens.prompt), (count, 11 * count));
    let check = block_on(ledger.verify()).unwrap();
    assert!(check.checked > 0 && check.differences == 0, "{check:?}");
}

#[test]
fn three_shippers_that_deliver_everything_three_times_double_nothing() {
    let options = options();
    let records = records(600);
    // Two of them drew the same slot.
    let ledgers = [0, 7, 7].map(|slot| {
        open(&Options {
            slot,
            ..options.clone()
        })
        .ledger()
    });
    let new: usize = std::thread::scope(|scope| {
        let shippers: Vec<_> = (0..)
            .zip(&ledgers)
            .map(|(nth, ledger)| {
                let mut mine = records.clone();
                mine.rotate_left(200 * nth);
                scope.spawn(move || {
                    let batches = (0..3).flat_map(|_| mine.chunks(50));
                    batches
                        .map(|batch| block_on(ledger.append(batch)).unwrap())
                        .sum::<usize>()
                })
            })
            .collect();
        shippers.into_iter().map(|shipper| shipper.join().unwrap()).sum()
    });
    assert_eq!(new, records.len());
    assert_exactly(&ledgers[0], &records);
    // Shippers that met did not share a document, unless they share a slot.
    let rollups = database(Mongod::shared(), &options).collection::<Document>("usage_hourly");
    assert_eq!(beside(rollups.count_documents(doc! {})), 2);
}

#[test]
fn a_server_killed_while_records_come_in_has_each_once() {
    let mongod = Mongod::start();
    let options = options_on(&mongod);
    let records = records(3_000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let shippers: Vec<_> = (0..3)
            .map(|slot| {
                let mut mine = records.clone();
                mine.rotate_left(1_000 * usize::from(slot));
                let ledger = open(&Options {
                    slot,
                    append_timeout: Duration::from_secs(2),
                    call_timeout: Duration::from_secs(1),
                    ..options.clone()
                })
                .ledger();
                scope.spawn(move || mine.chunks(50).for_each(|batch| deliver(&ledger, batch)))
            })
            .collect();
        let over = Over(&done);
        scope.spawn(|| {
            for _ in 0..KILLS {
                std::thread::sleep(Duration::from_millis(200));
                if !done.load(Ordering::Relaxed) {
                    mongod.kill();
                    mongod.restart();
                }
            }
        });
        shippers.into_iter().for_each(|shipper| shipper.join().unwrap());
        drop(over);
    });
    assert_exactly(&open(&options).ledger(), &records);
}

/// As a shipper does: until it is confirmed.
fn deliver(ledger: &MongoLedger, batch: &[UsageRecord]) {
    while block_on(ledger.append(batch)).is_err() {}
}

/// A server of one's own that can be told to fail.
pub(crate) fn with_fail_points() -> Mongod {
    Mongod::start_with(&["--setParameter", "enableTestCommands=1"])
}

pub(crate) fn fail(mongod: &Mongod, times: i32, how: Document) {
    let admin = client(&mongod.url()).database("admin");
    let mode = doc! { "times": times };
    command(
        &admin,
        doc! { "configureFailPoint": "failCommand", "mode": mode, "data": how },
    );
}

#[test]
fn an_append_goes_on_through_conflicts_and_lost_connections() {
    let mongod = with_fail_points();
    let ledger = open(&options_on(&mongod)).ledger();
    let mut all = records(1);
    block_on(ledger.append(&all)).unwrap();
    let conflict = doc! { "errorCode": 112, "errorLabels": ["TransientTransactionError"] };
    let lost = doc! { "closeConnection": true };
    for step in ["find", "insert", "update", "commitTransaction"] {
        for how in [&conflict, &lost] {
            let mut how = how.clone();
            how.insert("failCommands", vec![step]);
            fail(&mongod, 3, how);
            let batch = records(10);
            assert_eq!(block_on(ledger.append(&batch)).unwrap(), 10, "{step}");
            all.extend(batch);
        }
    }
    assert_exactly(&ledger, &all);
}

#[test]
fn a_commit_whose_outcome_nobody_knows_counts_once() {
    let mongod = with_fail_points();
    let ledger = open(&options_on(&mongod)).ledger();
    let mut all = records(1);
    block_on(ledger.append(&all)).unwrap();
    // The commit is done, and the answer says that a majority may never have it.
    let unknown =
        doc! { "failCommands": ["commitTransaction"], "writeConcernError": { "code": 64, "errmsg": "-" } };
    fail(&mongod, 4, unknown);
    let batch = records(10);
    assert_eq!(block_on(ledger.append(&batch)).unwrap(), 10);
    all.extend(batch);
    assert_exactly(&ledger, &all);
}

#[test]
fn what_was_given_up_may_be_given_again() {
    let mongod = with_fail_points();
    let options = Options {
        append_timeout: Duration::from_millis(1_500),
        ..options_on(&mongod)
    };
    let ledger = open(&options).ledger();
    let mut all = records(1);
    block_on(ledger.append(&all)).unwrap();
    let unknown =
        doc! { "failCommands": ["commitTransaction"], "writeConcernError": { "code": 64, "errmsg": "-" } };
    fail(&mongod, 1_000_000, unknown.clone());
    let batch = records(10);
    block_on(ledger.append(&batch)).unwrap_err();
    fail(&mongod, 0, unknown);
    // Another gateway finds that it had been done.
    assert_eq!(block_on(open(&options).ledger().append(&batch)).unwrap(), 0);
    all.extend(batch);
    assert_exactly(&ledger, &all);
}

#[test]
fn a_count_beyond_all_measure_does_not_stop_the_ledger() {
    let ledger = open(&options()).ledger();
    let mut batch = records(900);
    for record in &mut batch {
        let tokens = &mut record.tokens;
        (tokens.prompt, tokens.cached, tokens.completion, tokens.reasoning) =
            (u64::MAX, u64::MAX, u64::MAX, 1);
        record.cost = llmgw_types::Money::from_nanos(i64::MIN);
    }
    for _ in 0..3 {
        for (record, fresh) in batch.iter_mut().zip(records(900)) {
            record.id = fresh.id;
        }
        assert_eq!(block_on(ledger.append(&batch)).unwrap(), 900);
    }
    let total = total(&ledger);
    assert_eq!((total.requests, total.tokens.reasoning), (2_700, 2_700));
    assert_eq!((total.tokens.prompt, total.cost.nanos()), (1 << 61, -(1 << 61)));
}
