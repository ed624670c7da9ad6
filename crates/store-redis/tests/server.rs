//! The server of these tests, and what runs their futures.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool_redis::redis;
use llmgw_servers::Redis;
use llmgw_store_redis::{Options, RedisAdmission, RedisStore};
use llmgw_types::Timestamp;
use llmgw_usage::admission::AdmissionStore;
use llmgw_usage::admission::contract::calendar;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    RUNTIME.spawn(future)
}

/// Settings under which nobody else keeps anything.
pub(crate) fn options() -> Options {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    Options {
        prefix: format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        // Tests run beside compilers.
        call_timeout: Duration::from_secs(5),
        ..Options::at(&Redis::shared().url())
    }
}

pub(crate) fn open(options: &Options) -> RedisStore {
    RedisStore::open(options).unwrap()
}

/// Every key that begins with the prefix, as if the server had been emptied.
pub(crate) fn forget_all(prefix: &str) {
    let mut server = ask();
    let keys = keys(prefix);
    if !keys.is_empty() {
        redis::cmd("DEL").arg(keys).exec(&mut server).unwrap();
    }
}

pub(crate) fn keys(prefix: &str) -> Vec<Vec<u8>> {
    let pattern = format!("{{{prefix}}}*");
    redis::cmd("KEYS").arg(pattern).query(&mut ask()).unwrap()
}

/// A connection past the adapters.
pub(crate) fn ask() -> redis::Connection {
    let client = redis::Client::open(Redis::shared().url()).unwrap();
    client.get_connection().unwrap()
}

/// Empty counters that are ready.
pub(crate) fn admission() -> RedisAdmission {
    let admission = RedisAdmission::new(open(&options()), calendar());
    block_on(admission.seed(Timestamp::default(), &[])).unwrap();
    admission
}

// A kind of entry of the caches: its first letter.
fn entries(prefix: &str, kind: &[u8]) -> Vec<Vec<u8>> {
    let begins = [format!("{{{prefix}}}c2:").as_bytes(), kind].concat();
    let mut found = keys(prefix);
    found.retain(|key| key.starts_with(&begins));
    assert!(!found.is_empty(), "nothing is cached");
    found
}

/// Makes entries of the caches older than they are.
pub(crate) fn grow_older(prefix: &str, kind: &[u8], by: Duration) {
    let mut server = ask();
    for entry in entries(prefix, kind) {
        let left: u64 = redis::cmd("PTTL").arg(&entry).query(&mut server).unwrap();
        let left = left - u64::try_from(by.as_millis()).unwrap();
        redis::cmd("PEXPIRE")
            .arg(entry)
            .arg(left)
            .exec(&mut server)
            .unwrap();
    }
}

/// Writes something else into them.
pub(crate) fn overwrite(prefix: &str, kind: &[u8], content: &[u8]) {
    for entry in entries(prefix, kind) {
        let mut set = redis::cmd("SET");
        set.arg(entry)
            .arg(content)
            .arg("KEEPTTL")
            .exec(&mut ask())
            .unwrap();
    }
}
