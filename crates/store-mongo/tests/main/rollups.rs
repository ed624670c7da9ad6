//! Roll-ups compared and made anew; reports and lists that read no more than they must.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_executor::block_on;
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoLedger, Options};
use llmgw_types::{ModelId, RequestId};
use llmgw_usage::ledger::{
    Bucket, Dimension, EventQuery, ReportQuery, RollupCheck, UsageLedger, UsageRecord, contract,
};
use mongodb::Database;
use mongodb::bson::{Document, doc};

use crate::setup::{Over, beside, command, database, eventually, open, options, total};

fn ledger() -> (MongoLedger, Database) {
    let options = options();
    (open(&options).ledger(), database(Mongod::shared(), &options))
}

fn of(checked: u64, differences: u64) -> RollupCheck {
    RollupCheck { checked, differences }
}

#[test]
fn every_kind_of_tampering_with_a_roll_up_is_one_difference() {
    let tampered = [
        doc! { "$set": { "prompt": 12_i64 } },
        doc! { "$set": { "charged": 0_i64 } },
        doc! { "$set": { "cost": -123_i64 } },
        doc! { "$set": { "requests": 2_i64 } },
    ];
    for change in tampered {
        let (ledger, database) = ledger();
        block_on(ledger.append(&[contract::record(), contract::record(), contract::record()])).unwrap();
        assert_eq!(block_on(ledger.verify()).unwrap(), of(3, 0));
        let rollups = database.collection::<Document>("usage_hourly");
        beside(rollups.update_one(doc! {}, change.clone()));
        assert_eq!(block_on(ledger.verify()).unwrap(), of(3, 1), "{change}");
        block_on(ledger.rebuild()).unwrap();
        assert_eq!(block_on(ledger.verify()).unwrap(), of(3, 0));
    }
}

#[test]
fn a_roll_up_too_many_or_too_few_is_a_difference() {
    let (ledger, database) = ledger();
    block_on(ledger.append(&[contract::record(), contract::record()])).unwrap();
    let rollups = database.collection::<Document>("usage_hourly");
    let mut removed = beside(rollups.find_one_and_delete(doc! {})).unwrap();
    assert_eq!(block_on(ledger.verify()).unwrap(), of(2, 1));
    removed.insert("model", "other");
    beside(rollups.insert_one(removed));
    assert_eq!(block_on(ledger.verify()).unwrap(), of(3, 2));
    block_on(ledger.rebuild()).unwrap();
    assert_eq!(block_on(ledger.verify()).unwrap(), of(2, 0));
}

#[test]
fn slots_are_added_up_and_a_repair_leaves_one() {
    let options = options();
    let first = contract::record();
    let mut ledgers = Vec::new();
    for slot in [0, 3, 16 + 5] {
        let ledger = open(&Options {
            slot,
            ..options.clone()
        })
        .ledger();
        let record = UsageRecord {
            id: contract::record().id,
            ..first.clone()
        };
        block_on(ledger.append(&[record])).unwrap();
        ledgers.push(ledger);
    }
    let rollups = database(Mongod::shared(), &options).collection::<Document>("usage_hourly");
    let slots = || beside(rollups.distinct("slot", doc! {}));
    let ledger = &ledgers[0];
    assert_eq!(
        (total(ledger).requests, block_on(ledger.verify()).unwrap()),
        (3, of(1, 0))
    );
    // What is right is left alone.
    block_on(ledger.rebuild()).unwrap();
    assert_eq!(slots(), [0.into(), 3.into(), 5.into()]);
    beside(rollups.update_one(doc! { "slot": 3 }, doc! { "$inc": { "cost": 1_i64 } }));
    block_on(ledger.rebuild()).unwrap();
    assert_eq!(slots(), [16.into()]);
    assert_eq!(
        (total(ledger).requests, block_on(ledger.verify()).unwrap()),
        (3, of(1, 0))
    );
}

#[test]
fn a_rebuild_beside_appends_loses_nothing() {
    let options = options();
    let done = &AtomicBool::new(false);
    let rebuilder = open(&Options {
        slot: 9,
        ..options.clone()
    })
    .ledger();
    let rollups = database(Mongod::shared(), &options).collection::<Document>("usage_hourly");
    let busy = contract::record();
    let appended: u64 = std::thread::scope(|scope| {
        let ledgers = [0, 1].map(|slot| {
            open(&Options {
                slot,
                ..options.clone()
            })
            .ledger()
        });
        let appends = ledgers.map(|ledger| {
            scope.spawn({
                let busy = &busy;
                move || append_until(done, &ledger, busy)
            })
        });
        let over = Over(done);
        for _ in 0..15 {
            eventually("a roll-up of the busy ones to tamper with", || {
                let tampered = rollups.update_one(
                    doc! { "model": busy.model.as_str() },
                    doc! { "$inc": { "prompt": 1_i64 } },
                );
                (beside(tampered).modified_count > 0).then_some(())
            });
            block_on(rebuilder.rebuild()).unwrap();
            // The comparison, too, must hold while records come in.
            assert_eq!(block_on(rebuilder.verify()).unwrap().differences, 0);
        }
        drop(over);
        appends.into_iter().map(|append| append.join().unwrap()).sum()
    });
    assert!(appended > 10, "{appended}");
    assert_eq!(
        (total(&rebuilder).requests, total(&rebuilder).tokens.prompt),
        (appended, 11 * appended)
    );
    assert_eq!(block_on(rebuilder.verify()).unwrap().differences, 0);
}

/// One by one, of an old combination and new ones, with a breath between them as shippers have.
fn append_until(done: &AtomicBool, ledger: &MongoLedger, busy: &UsageRecord) -> u64 {
    let mut appended = 0;
    while !done.load(Ordering::Relaxed) {
        let fresh = contract::record();
        let record = match appended % 3 {
            0 => UsageRecord {
                model: ModelId::parse("other").unwrap(),
                ..fresh
            },
            _ => UsageRecord {
                id: fresh.id,
                ..busy.clone()
            },
        };
        block_on(ledger.append(&[record])).unwrap();
        appended += 1;
        std::thread::sleep(Duration::from_millis(10));
    }
    appended
}

#[test]
fn a_rebuild_makes_the_spans_of_ids_anew() {
    let (ledger, database) = ledger();
    let record = contract::record();
    block_on(ledger.append(std::slice::from_ref(&record))).unwrap();
    beside(
        database
            .collection::<Document>("usage_hours")
            .delete_many(doc! {}),
    );
    block_on(ledger.rebuild()).unwrap();
    let query = EventQuery {
        from: Some(record.time),
        limit: 1,
        ..EventQuery::default()
    };
    assert_eq!(block_on(ledger.events(&query)).unwrap(), [record]);
}

#[test]
fn reports_need_no_events() {
    let (ledger, database) = ledger();
    block_on(ledger.append(&[contract::record(), contract::record()])).unwrap();
    beside(database.collection::<Document>("usage_events").drop());
    let query = ReportQuery {
        by: vec![Dimension::User, Dimension::Groups],
        bucket: Bucket::Day,
        ..ReportQuery::default()
    };
    assert_eq!(block_on(ledger.report(&query)).unwrap().len(), 2);
}

/// How many documents and which plan the reads of `collection` took since profiling began.
fn profile(database: &Database, collection: &str) -> Vec<(i32, String)> {
    let namespace = format!("{}.{collection}", database.name());
    let profile = database.collection::<Document>("system.profile");
    let read = async {
        let mut cursor = profile
            .find(doc! { "ns": namespace, "docsExamined": { "$exists": true } })
            .await?;
        let mut seen = Vec::new();
        while cursor.advance().await? {
            let entry = cursor.deserialize_current()?;
            let plan = entry.get_str("planSummary").unwrap_or_default().to_owned();
            seen.push((entry.get_i32("docsExamined").unwrap(), plan));
        }
        Ok(seen)
    };
    beside(read)
}

#[test]
fn a_page_reads_little_more_than_itself() {
    let (ledger, database) = ledger();
    let users = [contract::record(), contract::record()];
    let records: Vec<UsageRecord> = (0..600_u64)
        .map(|n| {
            let time = users[0].time.plus(Duration::from_secs(600 * n));
            let id = contract::record().id;
            let mut bytes = RequestId::new(time, [0; 10]).as_bytes().to_vec();
            bytes[6..].copy_from_slice(&id.as_bytes()[6..]);
            UsageRecord {
                id: RequestId::from_bytes(bytes.try_into().unwrap()),
                time,
                ..users[usize::from(n % 10 == 0)].clone()
            }
        })
        .collect();
    block_on(ledger.append(&records)).unwrap();
    command(&database, doc! { "profile": 2 });
    let (from, to) = (records[300].time, records[310].time);
    let of_user = EventQuery {
        user: Some(users[1].user),
        limit: 5,
        ..EventQuery::default()
    };
    let of_time = EventQuery {
        from: Some(from),
        to: Some(to),
        limit: 100,
        ..EventQuery::default()
    };
    assert_eq!(block_on(ledger.events(&of_user)).unwrap().len(), 5);
    assert_eq!(block_on(ledger.events(&of_time)).unwrap().len(), 10);
    command(&database, doc! { "profile": 0 });
    let seen = profile(&database, "usage_events");
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(
        (seen[0].0, seen[0].1.as_str()),
        (5, "IXSCAN { user: 1, _id: -1 }")
    );
    // The hours that the ends of the span cut, but nothing beyond them.
    assert!(seen[1].0 < 30 && seen[1].1 == "IXSCAN { _id: 1 }", "{seen:?}");
}
