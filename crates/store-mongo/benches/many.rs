//! Many events of a month or two.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_executor::block_on;
use llmgw_servers::Mongod;
use llmgw_store_mongo::MongoStore;
use llmgw_types::{KeyId, RequestId, Timestamp, UserId};
use llmgw_usage::ledger::{UsageLedger, contract};
use mongodb::bson::{DateTime, Document, Uuid, doc};
use mongodb::{Client, Collection};

pub(crate) const DATABASE: &str = "bench";
const MODELS: u64 = 20;
const WRITERS: u64 = 3;
const BATCH: u64 = 10_000;
const DAY: Duration = Duration::from_hours(24);

/// So many events.
pub(crate) struct Many {
    /// How many.
    pub(crate) events: u64,
    /// Of how many users.
    pub(crate) users: u64,
    /// Over how many days.
    pub(crate) days: u32,
    /// Until when.
    pub(crate) end: Timestamp,
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("a clock of this age"))
}

pub(crate) fn hour(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(3_600_000) * 3_600_000
}

pub(crate) fn user(number: u64) -> UserId {
    UserId::from_bytes(bytes(0x0e, number))
}

fn bytes(kind: u8, number: u64) -> [u8; 16] {
    let mut bytes = [kind; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

impl Many {
    /// Makes them, in bulk: the ledger's own appends take an hour for as many. The first event is its own and says how
    /// one looks.
    pub(crate) fn make(&self, mongod: &Mongod, store: &MongoStore) {
        let began = Instant::now();
        let mut record = contract::record();
        record.id = RequestId::from_bytes(bytes(0xff, u64::MAX));
        record.time = self.end.minus(self.days * DAY);
        record.user = user(0);
        record.key = KeyId::from_bytes(bytes(0x0d, 0));
        block_on(store.ledger().append(&[record])).expect("an append");
        let url = mongod.url();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let url = url.clone();
                scope.spawn(move || runtime().block_on(self.write(&url, writer)));
            }
        });
        println!(
            "{} events were made in {:.0} s",
            self.events,
            began.elapsed().as_secs_f64()
        );
    }

    async fn write(&self, url: &str, writer: u64) {
        let collection = collection(url).await;
        let like = collection
            .find_one(doc! {})
            .await
            .expect("a find")
            .expect("the first event");
        let mut at = writer * BATCH;
        while at < self.events {
            let batch: Vec<Document> = (at..self.events.min(at + BATCH))
                .map(|number| self.event(&like, number))
                .collect();
            collection
                .insert_many(batch)
                .ordered(false)
                .await
                .expect("an insert");
            at += WRITERS * BATCH;
        }
    }

    fn event(&self, like: &Document, number: u64) -> Document {
        let mut event = like.clone();
        let span = u64::from(self.days) * 86_400_000;
        let since = span - span * number / self.events;
        let time = self.end.as_millis() - i64::try_from(since).unwrap_or(0);
        // A hundred users are at work in an hour, each with three models.
        let hour = u64::from(self.days) * 24 * number / self.events;
        let of_user = (hour * 97 + number % 100) % self.users;
        let model = (of_user + number / 100 % 3) % MODELS;
        event.insert("_id", Uuid::from_bytes(bytes(0x0a, number)));
        event.insert("time", DateTime::from_millis(time));
        event.insert("micros", 0_i64);
        event.insert("user", Uuid::from_bytes(*user(of_user).as_bytes()));
        event.insert("key", Uuid::from_bytes(bytes(0x0d, of_user)));
        event.insert("model", format!("model-{model}"));
        event
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

pub(crate) async fn collection(url: &str) -> Collection<Document> {
    let client = Client::with_uri_str(url).await.expect("a client");
    client.database(DATABASE).collection("usage_events")
}
