//! What an administration would have put into the stores.

use std::io::Read;
use std::sync::Arc;

use llmgw_keys::{KeyService, NewKey, Pepper};
use llmgw_models::{Model, ModelService, SecretRef, Target};
use llmgw_servers::{Mongod, Redis};
use llmgw_store_mongo::{MongoStore, Options};
use llmgw_store_redis::{RedisFeed, RedisStore};
use llmgw_tests::answers::{chat, ok, usage};
use llmgw_tests::{Reply, Tap, eventually};
use llmgw_types::{Entropy, KeyId, ModelId, RequestId, SecretString, TargetId, Timestamp, random};
use llmgw_usage::ledger::{EventQuery, UsageLedger, UsageRecord};

use super::process::Replica;

/// What keys are hashed under.
pub(super) const PEPPER: &str = "thirty-two bytes or more of pepper for a test\n";

/// A chat with the model that is there.
pub(super) const CHAT: &str = r#"{"model":"smollm2","messages":[{"role":"user","content":"Ahoy!"}]}"#;

pub(super) struct Seeded {
    /// A key's text.
    pub(super) key: String,
    pub(super) key_id: KeyId,
    /// Makes and revokes keys, and says so to every replica.
    pub(super) keys: KeyService,
    pub(super) store: MongoStore,
    /// Set up for these stores.
    pub(super) replica: Replica,
}

struct Urandom;

impl Entropy for Urandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut source = std::fs::File::open("/dev/urandom").unwrap();
        source.read_exact(bytes).unwrap();
    }
}

/// A database and a prefix of its own, in which there are a key and the model `smollm2`, served by `tap`.
pub(super) async fn seed(mongod: &Mongod, redis: &Redis, tap: &Tap) -> Seeded {
    let name = format!("t{}", u64::from_le_bytes(random(&Urandom)));
    let options = Options::new(SecretString::from(mongod.url()), &name);
    let store = MongoStore::connect(&options).await.unwrap();
    let options = llmgw_store_redis::Options {
        prefix: name.clone(),
        ..llmgw_store_redis::Options::at(&redis.url())
    };
    let feed = Arc::new(RedisFeed::new(RedisStore::open(&options).unwrap()));
    let pepper = Pepper::parse_file(PEPPER).unwrap().remove(0);
    let (keys, users) = (Arc::new(store.keys()), Arc::new(store.users()));
    let keys = KeyService::new(keys, users, pepper, feed.clone(), Arc::new(Urandom));
    let new = NewKey {
        owner: "ada".to_owned(),
        name: "test".to_owned(),
        ..NewKey::default()
    };
    let now = Timestamp::from_millis(1_700_000_000_000);
    let made = keys.create(new, now).await.unwrap();
    let models = ModelService::new(Arc::new(store.models()), feed);
    let mut model = Model::new(ModelId::parse("smollm2").unwrap(), now);
    model.targets.push(Target {
        id: TargetId::parse("tap").unwrap(),
        base_url: tap.url(),
        model: None,
        secret: SecretRef::None,
        weight: 1,
        max_in_flight: None,
        quirks: Vec::new(),
    });
    models.create(&model).await.unwrap();
    Seeded {
        key: made.text.expose().to_owned(),
        key_id: made.key.id,
        keys,
        store,
        replica: Replica::new()
            .env("LLMGW_MONGO__URL", &mongod.url())
            .env("LLMGW_MONGO__DATABASE", &name)
            .env("LLMGW_REDIS__URL", &redis.url())
            .env("LLMGW_REDIS__PREFIX", &name),
    }
}

impl Seeded {
    /// The record of a request, as soon as it is there; it must be the only one of its id.
    pub(super) async fn record(&self, id: &str) -> UsageRecord {
        let id: RequestId = id.parse().unwrap();
        eventually("the record is in the ledger", async || {
            let mut all = self.records().await;
            all.retain(|record| record.id == id);
            assert!(all.len() < 2, "{all:?}");
            all.pop()
        })
        .await
    }

    /// All records, newest first.
    pub(super) async fn records(&self) -> Vec<UsageRecord> {
        let query = EventQuery {
            limit: 1_000,
            ..EventQuery::default()
        };
        self.store.ledger().events(&query).await.unwrap()
    }
}

/// A model server that answers every chat.
pub(super) fn answering() -> Tap {
    Tap::answering(|_| Reply::from(ok(&chat(&usage(9, 0, 2)))))
}
