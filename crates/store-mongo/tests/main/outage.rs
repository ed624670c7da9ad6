//! A server that is away, silent or back: nothing hangs, and what was opened meanwhile works.

use std::time::{Duration, Instant};

use futures_executor::block_on;
use llmgw_keys::{KeyHash, KeyStore, Page, UserStore};
use llmgw_models::{Model, ModelCatalog};
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoStore, Options};
use llmgw_types::{KeyId, ModelId, StoreError, Timestamp};
use llmgw_usage::ledger::{EventQuery, ReportQuery, UsageLedger, contract};

use crate::setup::{eventually, open, options_on};

const BOUND: Duration = Duration::from_millis(500);

/// Bounds are promises: five times as long is too long on any machine.
const TOO_LONG: Duration = Duration::from_millis(2_500);

fn impatient(mongod: &Mongod) -> Options {
    Options {
        call_timeout: BOUND,
        append_timeout: BOUND,
        report_timeout: BOUND,
        maintenance_timeout: BOUND,
        ..options_on(mongod)
    }
}

fn assert_refused<T: std::fmt::Debug>(what: &str, call: impl Future<Output = Result<T, StoreError>>) {
    let began = Instant::now();
    let refused = block_on(call).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{what}: {refused:?}"
    );
    assert!(began.elapsed() < TOO_LONG, "{what} took {:?}", began.elapsed());
}

fn assert_every_call_is_refused(store: &MongoStore) {
    let model = Model::new(ModelId::parse("m").unwrap(), Timestamp::from_millis(1));
    let (keys, users, models, ledger) = (store.keys(), store.users(), store.models(), store.ledger());
    let page = || Page {
        after: None,
        limit: 5,
    };
    let used = [(
        KeyId::new(Timestamp::from_millis(1), [1; 10]),
        Timestamp::from_millis(1),
    )];
    assert_refused("by_hash", keys.by_hash(&KeyHash::from_bytes([1; 32])));
    assert_refused("touch", keys.touch(&used));
    assert_refused(
        "users",
        users.list(
            None,
            Page {
                after: None,
                limit: 5,
            },
        ),
    );
    assert_refused("keys", keys.list(None, page()));
    assert_refused("models", models.list());
    assert_refused("insert", models.insert(&model));
    assert_refused("update", models.update(&model));
    assert_refused("append", ledger.append(&[contract::record()]));
    assert_refused("report", ledger.report(&ReportQuery::default()));
    assert_refused("verify", ledger.verify());
    assert_refused("rebuild", ledger.rebuild());
    let events = EventQuery {
        limit: 5,
        ..EventQuery::default()
    };
    assert_refused("events", ledger.events(&events));
}

fn assert_works_again(store: &MongoStore) {
    eventually("the store to work again", || block_on(store.models().list()).ok());
    let record = contract::record();
    eventually("an append", || {
        block_on(store.ledger().append(std::slice::from_ref(&record))).ok()
    });
    assert_eq!(block_on(store.ledger().append(&[record])).unwrap(), 0);
}

#[test]
fn every_call_on_a_server_that_is_away_ends_in_time() {
    let mongod = Mongod::start();
    let store = open(&impatient(&mongod));
    eventually("the first call", || block_on(store.models().list()).ok());
    mongod.kill();
    assert_every_call_is_refused(&store);
    mongod.restart();
    assert_works_again(&store);
}

#[test]
fn every_call_on_a_server_that_is_silent_ends_in_time() {
    let mongod = Mongod::start();
    let store = open(&impatient(&mongod));
    eventually("the first call", || block_on(store.models().list()).ok());
    mongod.freeze();
    assert_every_call_is_refused(&store);
    mongod.thaw();
    assert_works_again(&store);
}

#[test]
fn a_store_may_be_opened_while_the_server_is_away() {
    let mongod = Mongod::start();
    mongod.kill();
    let store = open(&impatient(&mongod));
    assert_every_call_is_refused(&store);
    assert_refused("prepare", async {
        store.prepare().await.map_err(StoreError::from)
    });
    mongod.restart();
    assert_works_again(&store);
}

#[test]
fn handles_work_on_any_executor_and_outlive_a_runtime() {
    let store = open(&options_on(Mongod::shared()));
    let models = store.models();
    for _ in 0..2 {
        let short_lived = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(short_lived.block_on(models.list()).unwrap().is_empty());
    }
    // The last handle may go on a thread that runs a runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move { drop((store, models)) });
}
