//! What admission costs: how many requests a second one Redis admits and settles, and how long its one thread
//! works for each. `cargo bench -p llmgw-store-redis`; `-- CONNECTIONS TASKS` changes how it is asked.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a program that measures and says what it found"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool_redis::redis;
use llmgw_servers::Redis;
use llmgw_store_redis::{Options, RedisAdmission, RedisStore};
use llmgw_types::{KeyId, Limit, ModelId, Money, RequestId, Timestamp, Unit, UserId, Window};
use llmgw_usage::admission::{
    AdmissionStore, Calendar, Charge, ReserveRequest, Reserved, Rule, Settled, Subject,
};
use tokio::task::JoinSet;

const LASTS: Duration = Duration::from_secs(5);
const LEASE: Duration = Duration::from_secs(60);
const BATCH: usize = 64;

static IDS: AtomicU64 = AtomicU64::new(0);

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_micros(i64::try_from(since.unwrap().as_micros()).unwrap())
}

fn fresh_id() -> RequestId {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&IDS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    RequestId::new(now(), bytes)
}

struct Caller {
    subjects: Vec<Subject>,
    rules: Vec<Rule>,
}

impl Caller {
    fn new(number: u8) -> Self {
        let (user, key) = (UserId::from_bytes([number; 16]), KeyId::from_bytes([number; 16]));
        let subjects = vec![
            Subject::Everyone,
            Subject::Model(ModelId::parse("qwen3-32b").unwrap()),
            Subject::User(user),
            Subject::Key(key),
            Subject::Group("staff".parse().unwrap()),
        ];
        let rule = |subject: usize, unit, window| Rule {
            subject: subjects[subject].clone(),
            limit: Limit::new(unit, window, 1 << 50).unwrap(),
        };
        let rules = vec![
            rule(3, Unit::Requests, Window::Minute),
            rule(2, Unit::Tokens, Window::Day),
            rule(4, Unit::Cost, Window::Month),
        ];
        Self { subjects, rules }
    }

    async fn reserve(&self, admission: &RedisAdmission, estimate: Charge) -> Settled {
        let request = ReserveRequest {
            id: fresh_id(),
            now: now(),
            lease: LEASE,
            subjects: &self.subjects,
            rules: &self.rules,
            estimate,
        };
        let answer = admission.reserve(&request).await.unwrap();
        assert!(matches!(answer, Reserved::Granted(_)), "{answer:?}");
        Settled {
            id: request.id,
            reserved_at: request.now,
            subjects: self.subjects.clone(),
            actual: estimate,
        }
    }
}

const ESTIMATE: Charge = Charge {
    requests: 1,
    tokens: 900,
    cost: Money::from_nanos(1_234_567),
};

async fn pairs(admission: Arc<RedisAdmission>, number: u8) -> u64 {
    let caller = Caller::new(number);
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < LASTS {
        let settled = caller.reserve(&admission, ESTIMATE).await;
        admission.settle(now(), &[settled]).await.unwrap();
        done += 1;
    }
    done
}

async fn batches(admission: Arc<RedisAdmission>, number: u8) -> u64 {
    let caller = Caller::new(number);
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < LASTS {
        let mut batch = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            batch.push(caller.reserve(&admission, ESTIMATE).await);
        }
        admission.settle(now(), &batch).await.unwrap();
        done += BATCH as u64;
    }
    done
}

/// How often the server ran a script since it was asked last, and how long that took.
fn scripts_run(server: &mut redis::Connection) -> (f64, f64) {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(server).unwrap();
    let line = stats
        .lines()
        .find(|line| line.starts_with("cmdstat_evalsha:"))
        .unwrap();
    let number = |name: &str| {
        let part = line.split([':', ',']).find_map(|part| part.strip_prefix(name));
        part.unwrap().parse().unwrap()
    };
    let found = (number("calls="), number("usec="));
    redis::cmd("CONFIG").arg("RESETSTAT").exec(server).unwrap();
    found
}

async fn measure<F>(server: &mut redis::Connection, what: &str, tasks: u8, work: impl Fn(u8) -> F)
where
    F: Future<Output = u64> + Send + 'static,
{
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..tasks {
        running.spawn(work(number));
    }
    let done: u64 = running.join_all().await.into_iter().sum();
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    let each = f64::from(tasks) / rate * 1e3;
    let (calls, micros) = scripts_run(server);
    let (per_call, per_request) = (micros / calls, micros / done as f64);
    println!(
        "{what:<36} {rate:>6.0} requests/s, {each:>5.2} ms each; \
         in Redis {per_request:>5.1} us each, {per_call:>5.1} us a call"
    );
}

#[tokio::main]
async fn main() {
    let numbers: Vec<u8> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let connections = numbers.first().copied().unwrap_or(4);
    let tasks = numbers.get(1).copied().unwrap_or(64);
    let server = Redis::start();
    let options = Options {
        connections: usize::from(connections),
        call_timeout: Duration::from_secs(5),
        ..Options::at(&server.url())
    };
    let store = RedisStore::open(&options).unwrap();
    let admission = Arc::new(RedisAdmission::new(store, Calendar::default()));
    admission.seed(now(), &[]).await.unwrap();
    let mut asked = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let asked = &mut asked;
    println!("{connections} connections, {tasks} tasks, 5 subjects, 3 rules");
    measure(asked, "one task", 1, |number| {
        pairs(Arc::clone(&admission), number)
    })
    .await;
    measure(asked, "reserve, then settle", tasks, |number| {
        pairs(Arc::clone(&admission), number)
    })
    .await;
    measure(asked, "reserve, then settle 64 at a time", tasks, |number| {
        batches(Arc::clone(&admission), number)
    })
    .await;
}
