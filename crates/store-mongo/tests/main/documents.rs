//! Documents as operators see and change them.

use futures_executor::block_on;
use llmgw_keys::{ApiKey, KeyHash, KeyState, KeyStore, Page, UserStore};
use llmgw_models::{Model, ModelCatalog, SecretRef, Target};
use llmgw_servers::Mongod;
use llmgw_types::{KeyId, ModelId, Revision, StoreError, TargetId, Timestamp, UserId};
use mongodb::bson::{Bson, Document, doc};

use crate::setup::{beside, chain, command, database, open, options};

fn model() -> Model {
    let target = Target {
        id: TargetId::parse("gpu").unwrap(),
        base_url: "http://10.0.0.1:8000".to_owned(),
        model: None,
        secret: SecretRef::None,
        weight: 3,
        max_in_flight: None,
        quirks: Vec::new(),
    };
    Model {
        targets: vec![target],
        ..Model::new(
            ModelId::parse("llama").unwrap(),
            Timestamp::from_millis(1_800_000_000_000),
        )
    }
}

fn key(name: &str) -> ApiKey {
    let now = Timestamp::from_micros(1_800_000_000_000_001);
    ApiKey {
        id: KeyId::new(now, [1; 10]),
        hash: KeyHash::from_bytes([7; 32]),
        hint: "sk-llmgw-abc...wxyz".to_owned(),
        name: name.to_owned(),
        owner: UserId::new(now, [2; 10]),
        models: Vec::new(),
        limits: Vec::new(),
        expires_at: None,
        state: KeyState::Active,
        created_at: now,
        revision: Revision::default(),
        last_used_at: None,
        replaces: None,
    }
}

#[test]
fn a_model_reads_well_and_may_be_changed_by_hand() {
    let options = options();
    let models = open(&options).models();
    block_on(models.insert(&model())).unwrap();
    let collection = database(Mongod::shared(), &options).collection::<Document>("models");
    let kept = beside(collection.find_one(doc! { "_id": "llama" })).unwrap();
    assert_eq!(kept.get_str("created_at").unwrap(), "2027-01-15T08:00:00.000000Z");
    assert_eq!(
        kept.get_array("targets").unwrap()[0]
            .as_document()
            .unwrap()
            .get_i64("weight")
            .unwrap(),
        3
    );
    assert!(!kept.contains_key("id"), "{kept}");
    // As older shells write every number.
    let by_hand = doc! { "$set": { "targets.0.weight": 5.0 } };
    beside(collection.update_one(doc! { "_id": "llama" }, by_hand));
    let changed = block_on(models.get(&model().id)).unwrap().unwrap();
    assert_eq!(changed.targets[0].weight, 5);
}

#[test]
fn what_cannot_be_read_is_corrupt() {
    let options = options();
    let store = open(&options);
    block_on(store.models().insert(&model())).unwrap();
    let collection = database(Mongod::shared(), &options).collection::<Document>("models");
    let broken = doc! { "$set": { "state": "asleep" } };
    beside(collection.update_one(doc! {}, broken));
    let error = block_on(store.models().list()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(block_on(store.users().by_name("nobody")).unwrap().is_none());
}

#[test]
fn a_name_is_never_taken_for_the_servers_language() {
    let options = options();
    let keys = open(&options).keys();
    block_on(keys.insert(&key("plain"))).unwrap();
    for name in ["$hash", "$$ROOT", "{\"$ne\":1}"] {
        let kept = block_on(keys.get(key(name).id)).unwrap().unwrap();
        let named = ApiKey {
            revision: kept.revision,
            ..key(name)
        };
        block_on(keys.update(&named)).unwrap();
        let kept = block_on(keys.get(named.id)).unwrap().unwrap();
        assert_eq!(kept.name, name);
    }
}

#[test]
fn a_duplicate_does_not_tell_what_it_met() {
    let options = options();
    let keys = open(&options).keys();
    block_on(keys.insert(&key("one"))).unwrap();
    let refused = block_on(keys.insert(&key("one"))).unwrap_err();
    assert!(matches!(&refused, StoreError::Exists { what } if what == "a key with this id or hash"));
    let collection = database(Mongod::shared(), &options).collection::<Document>("api_keys");
    let kept = beside(collection.find_one(doc! {})).unwrap();
    assert!(matches!(kept.get("hash"), Some(Bson::Binary(_))), "{kept}");
}

#[test]
fn an_error_does_not_quote_what_was_written() {
    let options = options();
    let keys = open(&options).keys();
    block_on(keys.list(
        None,
        Page {
            after: None,
            limit: 1,
        },
    ))
    .unwrap();
    // Stands for any reason to refuse a write: the server's text then quotes the document.
    let rule = doc! { "collMod": "api_keys", "validator": { "name": "allowed" } };
    command(&database(Mongod::shared(), &options), rule);
    let refused = block_on(keys.insert(&key("Quetzalcoatl"))).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    assert!(!chain(&refused).contains("Quetzalcoatl"), "{}", chain(&refused));
}
