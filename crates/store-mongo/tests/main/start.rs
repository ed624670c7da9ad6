//! What is refused at start and how, and what is made.

use std::time::Duration;

use futures_executor::block_on;
use llmgw_keys::UserStore;
use llmgw_models::ModelCatalog;
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoStore, Options, StartError};
use llmgw_types::{SecretString, StoreError};
use mongodb::bson::{Document, doc};

use crate::setup::{beside, chain, database, open, options, options_on};

const SECRET: &str = "Tr0ub4dor";

fn url(text: &str) -> Options {
    Options {
        call_timeout: Duration::from_secs(1),
        ..Options::new(SecretString::from(text), "llmgw")
    }
}

#[test]
fn a_standalone_is_refused_with_the_command_that_mends_it() {
    let mongod = Mongod::standalone();
    // A driver that looks for a replica set does not see a standalone at all.
    for address in [mongod.url(), format!("{}?replicaSet=rs0", mongod.url())] {
        let options = Options {
            call_timeout: Duration::from_secs(3),
            ..url(&address)
        };
        let refused = block_on(MongoStore::connect(&options)).unwrap_err();
        assert!(matches!(refused, StartError::Standalone), "{refused:?}");
        let text = refused.to_string();
        assert!(
            text.contains("mongod --replSet rs0") && text.contains("rs.initiate()"),
            "{text}"
        );
    }
}

#[test]
fn a_standalone_is_also_refused_by_the_first_call() {
    let mongod = Mongod::standalone();
    let refused = block_on(open(&options_on(&mongod)).users().by_name("ada")).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    assert!(chain(&refused).contains("rs.initiate()"), "{}", chain(&refused));
}

#[test]
fn a_replica_set_that_was_never_initiated_is_told_so() {
    let mongod = Mongod::uninitiated();
    let refused = block_on(MongoStore::connect(&options_on(&mongod))).unwrap_err();
    assert!(matches!(refused, StartError::Uninitiated), "{refused:?}");
}

#[test]
fn a_url_that_cannot_be_read_is_refused_without_telling_it() {
    let bad = [
        SECRET.to_owned(),
        format!("postgres://u:{SECRET}@h/"),
        format!("mongodb://u:pa/{SECRET}@h:27017/?replicaSet=rs0"),
        format!("mongodb://u:{SECRET}@x@h:27017/"),
        format!("mongodb://u:p:{SECRET}@h:27017/"),
        format!("mongodb://u:%{SECRET}@h/"),
        format!("mongodb://h/?tls={SECRET}"),
    ];
    for bad in bad {
        let refused = MongoStore::open(&url(&bad)).unwrap_err();
        assert!(matches!(refused, StartError::BadUrl), "{bad}");
        assert!(!chain(&refused).contains(SECRET), "{}", chain(&refused));
    }
}

#[test]
fn a_password_needs_a_user() {
    let options = Options {
        password: Some(SecretString::from(SECRET)),
        ..url("mongodb://127.0.0.1:1/?replicaSet=rs0")
    };
    assert!(matches!(MongoStore::open(&options), Err(StartError::NoUser)));
    let options = Options {
        password: Some(SecretString::from(SECRET)),
        ..url("mongodb://ada@127.0.0.1:1/?replicaSet=rs0")
    };
    MongoStore::open(&options).unwrap();
}

#[test]
fn secrets_show_nowhere() {
    let options = Options {
        user: Some("ada".to_owned()),
        password: Some(SecretString::from(SECRET)),
        ..url(&format!("mongodb://ada:{SECRET}@127.0.0.1:1/?replicaSet=rs0"))
    };
    let store = open(&options);
    let shown = format!("{options:?} {store:?} {:?} {:?}", store.keys(), store.ledger());
    assert!(!shown.contains(SECRET), "{shown}");
    let away = block_on(store.models().list()).unwrap_err();
    let told = chain(&away);
    assert!(told.contains("127.0.0.1:1") && !told.contains(SECRET), "{told}");
}

#[test]
fn many_may_prepare_one_database_at_once() {
    let options = options();
    std::thread::scope(|scope| {
        for retention in 0..8 {
            let options = Options {
                retention: Some(Duration::from_hours(24 * retention + 24)),
                ..options.clone()
            };
            scope.spawn(move || block_on(MongoStore::connect(&options)).unwrap());
        }
    });
    let database = database(Mongod::shared(), &options);
    for (collection, count) in [
        ("api_keys", 3),
        ("users", 3),
        ("usage_events", 4),
        ("usage_hourly", 5),
        ("usage_hours", 2),
        ("audit_entries", 5),
    ] {
        let names = beside(database.collection::<Document>(collection).list_index_names());
        assert_eq!(names.len(), count, "{collection}: {names:?}");
    }
}

#[test]
fn a_newer_layout_is_refused_and_left_alone() {
    let options = options();
    block_on(open(&options).prepare()).unwrap();
    let meta = database(Mongod::shared(), &options).collection::<Document>("meta");
    let newer = doc! { "$set": { "version": 99 } };
    beside(meta.update_one(doc! { "_id": "layout" }, newer));
    let refused = block_on(MongoStore::connect(&options)).unwrap_err();
    assert!(
        matches!(refused, StartError::NewerLayout { found: 99, .. }),
        "{refused:?}"
    );
    let kept = beside(meta.find_one(doc! { "_id": "layout" })).unwrap();
    assert_eq!(kept.get_i32("version").unwrap(), 99);
}
