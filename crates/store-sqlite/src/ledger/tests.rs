use std::sync::Arc;

use futures_executor::block_on;
use llmgw_types::{TokenUsage, UserId};
use llmgw_usage::ledger::{Bucket, Dimension, contract};
use rusqlite::named_params;

use super::*;
use crate::{Options, SqliteStore};

fn ledger() -> (SqliteLedger, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("llmgw.db"), &Options::default()).unwrap();
    (store.ledger(), folder)
}

fn execute(ledger: &SqliteLedger, text: &'static str) {
    let done = ledger.connections.write(move |session| {
        session.connection.execute_batch(text).map_err(failed)?;
        assert!(session.connection.changes() > 0);
        Ok(())
    });
    block_on(done).unwrap();
}

fn plan(ledger: &SqliteLedger, text: &str) -> String {
    let text = format!("EXPLAIN QUERY PLAN {text}");
    let read = ledger.connections.read(move |connection| {
        let mut steps = connection.prepare(&text)?;
        // Its parameters need no values to be planned.
        let (mut rows, mut plan) = (steps.raw_query(), String::new());
        while let Some(row) = rows.next()? {
            plan += row.get_ref(3)?.as_str()?;
            plan += "; ";
        }
        Ok(plan)
    });
    block_on(read).unwrap()
}

#[test]
fn every_kind_of_tampering_with_a_roll_up_is_one_difference() {
    let tampered = [
        "UPDATE usage_hourly SET prompt = prompt + 1 WHERE dimension_id = 1",
        "UPDATE usage_hourly SET charged = 0 WHERE dimension_id = 1",
        "UPDATE usage_hourly SET cost = -cost WHERE dimension_id = 1",
        "UPDATE usage_hourly SET first_id = zeroblob(16) WHERE dimension_id = 1",
        "DELETE FROM usage_hourly WHERE dimension_id = 1",
        "INSERT INTO usage_hourly SELECT hour + 1, dimension_id, requests, charged, prompt, cached, completion,
            reasoning, cost, first_id, last_id FROM usage_hourly WHERE dimension_id = 1",
    ];
    for text in tampered {
        let (ledger, _folder) = ledger();
        block_on(ledger.append(&[contract::record(), contract::record(), contract::record()])).unwrap();
        assert_eq!(
            block_on(ledger.verify()).unwrap(),
            RollupCheck {
                checked: 3,
                differences: 0
            }
        );
        execute(&ledger, text);
        assert_eq!(block_on(ledger.verify()).unwrap().differences, 1, "{text}");
        block_on(ledger.rebuild()).unwrap();
        assert_eq!(
            block_on(ledger.verify()).unwrap(),
            RollupCheck {
                checked: 3,
                differences: 0
            }
        );
    }
}

#[test]
fn a_rebuild_makes_the_spans_of_hours_anew() {
    let (ledger, _folder) = ledger();
    let record = contract::record();
    block_on(ledger.append(std::slice::from_ref(&record))).unwrap();
    execute(&ledger, "DELETE FROM usage_hours");
    block_on(ledger.rebuild()).unwrap();
    let query = EventQuery {
        from: Some(record.time),
        limit: 1,
        ..EventQuery::default()
    };
    assert_eq!(block_on(ledger.events(&query)).unwrap(), [record]);
}

#[test]
fn reports_never_touch_events() {
    let (ledger, _folder) = ledger();
    let record = contract::record();
    let all = [
        Dimension::User,
        Dimension::Key,
        Dimension::Model,
        Dimension::Endpoint,
        Dimension::Target,
        Dimension::Groups,
    ];
    for filters in 0..8_u8 {
        for (by, bucket) in [
            (&all[..0], Bucket::None),
            (&all[..], Bucket::Hour),
            (&all[2..3], Bucket::Day),
        ] {
            let query = ReportQuery {
                user: (filters & 1 > 0).then_some(record.user),
                key: (filters & 2 > 0).then_some(record.key),
                model: (filters & 4 > 0).then(|| record.model.clone()),
                by: by.to_vec(),
                bucket,
                ..ReportQuery::default()
            };
            let plan = plan(&ledger, &report::sql(&query));
            // SQLite names tables in its plans by their aliases: the report's are `h` and `d`.
            assert!(
                !plan.contains("usage_events") && !plan.contains("SEARCH e") && !plan.contains("SCAN"),
                "{plan}"
            );
        }
    }
}

#[test]
fn events_are_searched_and_never_scanned() {
    let (ledger, _folder) = ledger();
    for text in [events::SELECT, events::HOURS_OF_USER] {
        let plan = plan(&ledger, text);
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN"), "{plan}");
    }
    let plan = plan(&ledger, events::SELECT);
    assert!(
        !plan.contains("TEMP B-TREE"),
        "the primary key gives the order: {plan}"
    );
}

#[test]
fn a_count_beyond_all_measure_does_not_stop_the_ledger() {
    let (ledger, _folder) = ledger();
    let tokens = TokenUsage {
        prompt: u64::MAX,
        cached: u64::MAX,
        completion: u64::MAX,
        reasoning: u64::MAX,
    };
    let record = UsageRecord {
        tokens,
        cost: llmgw_types::Money::from_nanos(i64::MIN),
        ..contract::record()
    };
    let again = |_| UsageRecord {
        id: contract::record().id,
        ..record.clone()
    };
    block_on(ledger.append(std::slice::from_ref(&record))).unwrap();
    assert_eq!(block_on(ledger.verify()).unwrap().differences, 0);
    for _ in 0..2 {
        let batch: Vec<_> = (0..900).map(again).collect();
        assert_eq!(block_on(ledger.append(&batch)).unwrap(), 900);
    }
    let rows = block_on(ledger.report(&ReportQuery::default())).unwrap();
    assert_eq!(rows[0].total.requests, 1_801);
    assert_eq!(rows[0].total.tokens.prompt, 1 << 61);
}

#[test]
fn a_failed_append_keeps_nothing_and_can_be_tried_again() {
    let (ledger, _folder) = ledger();
    let ledger = Arc::new(ledger);
    let first = contract::record();
    block_on(ledger.append(std::slice::from_ref(&first))).unwrap();
    // Stands for a disk that fills up half-way through a batch.
    execute(
        &ledger,
        "UPDATE usage_hourly SET requests = requests;
        CREATE TRIGGER full BEFORE INSERT ON usage_events WHEN (SELECT count(*) FROM usage_events) = 50
        BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
    );
    let batch: Vec<_> = (0..100).map(|_| contract::record()).collect();
    let refused = block_on(ledger.append(&batch));
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert_eq!(count(&ledger), (1, 1));
    execute(
        &ledger,
        "UPDATE usage_hourly SET requests = requests; DROP TRIGGER full",
    );
    // The numbers of combinations went with the transaction; used again they would name others.
    assert_eq!(block_on(ledger.append(&batch)).unwrap(), 100);
    assert_eq!(count(&ledger), (101, 101));
    for record in &batch {
        let query = EventQuery {
            user: Some(record.user),
            limit: 2,
            ..EventQuery::default()
        };
        assert_eq!(
            block_on(ledger.events(&query)).unwrap(),
            *std::slice::from_ref(record)
        );
    }
}

/// Requests in roll-ups, and records.
fn count(ledger: &SqliteLedger) -> (u64, usize) {
    let requests = block_on(ledger.report(&ReportQuery::default())).unwrap()[0]
        .total
        .requests;
    let query = EventQuery {
        limit: usize::MAX,
        ..EventQuery::default()
    };
    (requests, block_on(ledger.events(&query)).unwrap().len())
}

#[test]
fn a_combination_has_one_number_whoever_writes_it() {
    let (ledger, folder) = ledger();
    let other = SqliteStore::open(&folder.path().join("llmgw.db"), &Options::default())
        .unwrap()
        .ledger();
    let record = contract::record();
    let again = || UsageRecord {
        id: contract::record().id,
        ..record.clone()
    };
    for ledger in [&ledger, &other, &ledger, &other] {
        assert_eq!(block_on(ledger.append(&[again()])).unwrap(), 1);
    }
    let user: UserId = record.user;
    let numbers = block_on(ledger.connections.read(move |connection| {
        let text = "SELECT count(*) FROM usage_dimensions WHERE user_id = :user";
        connection.query_row(text, named_params! { ":user": user.as_bytes() }, |row| {
            row.get::<_, i64>(0)
        })
    }));
    assert_eq!(numbers.unwrap(), 1);
    assert_eq!(count(&other), (4, 4));
}
