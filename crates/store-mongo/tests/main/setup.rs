//! Databases of one's own, and a way past the store into them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoLedger, MongoStore, Options};
use llmgw_types::SecretString;
use llmgw_usage::ledger::{ReportQuery, ReportTotal, UsageLedger};
use mongodb::bson::Document;
use mongodb::{Client, Database};
use tokio::runtime::Runtime;

/// Far more than a slow machine needs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

// For the driver beside the store. The store needs no runtime of its callers.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Options for a database that no other test uses.
pub(crate) fn options_on(mongod: &Mongod) -> Options {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Options {
        reports_timezone: llmgw_usage::ledger::contract::zone(),
        ..Options::new(SecretString::from(mongod.url()), &format!("test{count}"))
    }
}

pub(crate) fn options() -> Options {
    options_on(Mongod::shared())
}

pub(crate) fn open(options: &Options) -> MongoStore {
    MongoStore::open(options).unwrap()
}

/// A store on a database that no other test uses, on the server for all.
pub(crate) fn store() -> MongoStore {
    open(&options())
}

/// Runs what uses the driver past the store.
pub(crate) fn beside<T>(work: impl IntoFuture<Output = mongodb::error::Result<T>>) -> T {
    RUNTIME.block_on(work.into_future()).unwrap()
}

/// The server as its operators see it.
pub(crate) fn client(url: &str) -> Client {
    static CLIENTS: LazyLock<Mutex<HashMap<String, Client>>> = LazyLock::new(Mutex::default);
    let mut clients = CLIENTS.lock().unwrap();
    if let Some(client) = clients.get(url) {
        return client.clone();
    }
    let client = beside(Client::with_uri_str(url));
    clients.insert(url.to_owned(), client.clone());
    client
}

/// The database as its operators see it.
pub(crate) fn database(mongod: &Mongod, options: &Options) -> Database {
    client(&mongod.url()).database(&options.database)
}

/// Runs a command and returns its answer.
pub(crate) fn command(database: &Database, command: Document) -> Document {
    beside(database.run_command(command))
}

/// The sum over everything.
pub(crate) fn total(ledger: &MongoLedger) -> ReportTotal {
    block_on(ledger.report(&ReportQuery::default())).unwrap()[0].total
}

/// What `look` finds, as soon as it finds something.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An error with everything it says about its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} | {error:?}");
    let mut next = error.source();
    while let Some(error) = next {
        text += &format!(" | {error} | {error:?}");
        next = error.source();
    }
    text
}

/// Tells threads that go on until then that the test is over, also where it fails.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
