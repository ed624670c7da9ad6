//! Events are kept for a while, roll-ups for ever.

use std::time::Duration;

use futures_executor::block_on;
use llmgw_servers::Mongod;
use llmgw_store_mongo::Options;
use llmgw_types::Timestamp;
use llmgw_usage::ledger::{EventQuery, UsageLedger, UsageRecord, contract};
use mongodb::Database;
use mongodb::bson::{Document, doc};

use crate::setup::{beside, command, database, eventually, open, options, options_on, total};

const DAY: Duration = Duration::from_hours(24);

fn keep(retention: Option<Duration>, options: &Options) -> Options {
    Options {
        retention,
        ..options.clone()
    }
}

fn expires_after(database: &Database) -> i64 {
    let answer = command(database, doc! { "listIndexes": "usage_events" });
    let indexes = answer
        .get_document("cursor")
        .unwrap()
        .get_array("firstBatch")
        .unwrap();
    let mut seconds = indexes.iter().filter_map(|index| {
        let seconds = index.as_document().unwrap().get("expireAfterSeconds")?;
        seconds.as_i64().or(seconds.as_i32().map(i64::from))
    });
    seconds.next().unwrap()
}

/// A record of a request that long before the server's present.
fn aged(database: &Database, age: Duration) -> UsageRecord {
    let hello = command(database, doc! { "hello": 1 });
    let now = Timestamp::from_millis(hello.get_datetime("localTime").unwrap().timestamp_millis());
    UsageRecord {
        time: now.minus(age),
        ..contract::record()
    }
}

#[test]
fn another_retention_changes_the_index() {
    let options = options();
    let database = database(Mongod::shared(), &options);
    for (retention, seconds) in [
        (Some(400 * DAY), 34_560_000),
        (Some(30 * DAY), 2_592_000),
        (None, i64::from(i32::MAX)),
        (Some(Duration::MAX), i64::from(i32::MAX)),
        (Some(30 * DAY), 2_592_000),
    ] {
        block_on(open(&keep(retention, &options)).prepare()).unwrap();
        assert_eq!(expires_after(&database), seconds, "{retention:?}");
    }
}

#[test]
fn hours_whose_events_may_be_gone_are_neither_compared_nor_made_anew() {
    let options = options();
    let database = database(Mongod::shared(), &options);
    let (old, young) = (
        aged(&database, 10 * DAY),
        aged(&database, Duration::from_hours(5)),
    );
    let ledger = open(&options).ledger();
    block_on(ledger.append(&[old.clone(), young])).unwrap();
    // As the server does when the time has come.
    let events = database.collection::<Document>("usage_events");
    beside(events.delete_one(
        doc! { "time": { "$lt": mongodb::bson::DateTime::from_millis(old.time.as_millis() + 1) } },
    ));
    // All of 400 days should be there.
    let check = block_on(ledger.verify()).unwrap();
    assert_eq!((check.checked, check.differences), (2, 1));
    // Once only one day was promised, and that is not forgotten when it is more again.
    for retention in [Some(DAY), Some(400 * DAY), None] {
        let ledger = open(&keep(retention, &options)).ledger();
        let check = block_on(ledger.verify()).unwrap();
        assert_eq!((check.checked, check.differences), (1, 0), "{retention:?}");
        block_on(ledger.rebuild()).unwrap();
        assert_eq!(total(&ledger).requests, 2, "{retention:?}");
    }
}

#[test]
fn events_go_by_when_they_came_and_not_by_when_they_were() {
    let mongod = Mongod::start_with(&["--setParameter", "ttlMonitorSleepSecs=1"]);
    let options = keep(Some(Duration::from_secs(2)), &options_on(&mongod));
    let database = database(&mongod, &options);
    let ledger = open(&options).ledger();
    let late = aged(&database, 700 * DAY);
    // Delivered twice: had the server removed it by its own age meanwhile, it would count twice.
    block_on(
        open(&keep(Some(DAY), &options))
            .ledger()
            .append(std::slice::from_ref(&late)),
    )
    .unwrap();
    let passes = || {
        let status = command(&database, doc! { "serverStatus": 1 });
        let ttl = status
            .get_document("metrics")
            .unwrap()
            .get_document("ttl")
            .unwrap();
        ttl.get_i64("passes").unwrap()
    };
    let before = passes();
    eventually("two rounds of removal", || (passes() > before + 2).then_some(()));
    let all = EventQuery {
        limit: 9,
        ..EventQuery::default()
    };
    assert_eq!(block_on(ledger.append(&[late])).unwrap(), 0);
    // Now, with two seconds, its time comes.
    eventually("the event to go", || {
        block_on(ledger.events(&all)).unwrap().is_empty().then_some(())
    });
    assert_eq!(total(&ledger).requests, 1);
}
