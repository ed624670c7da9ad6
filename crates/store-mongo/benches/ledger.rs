//! What a report costs over many events: one user, 30 days, by model; from roll-ups, as [`UsageLedger::report`] reads
//! them, beside the way of the system that this one replaces: match, group and look up over the events themselves.
//!
//! `cargo bench -p llmgw-store-mongo --bench ledger -- [EVENTS]`

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and its own arguments"
)]
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and fails by panicking"
)]

mod many;

use std::time::{Duration, Instant};

use futures_executor::block_on;
use llmgw_servers::Mongod;
use llmgw_store_mongo::{MongoStore, Options};
use llmgw_types::SecretString;
use llmgw_usage::ledger::{Dimension, ReportQuery, UsageLedger};
use mongodb::Collection;
use mongodb::bson::{Bson, DateTime, Document, Uuid, doc};

use many::{DATABASE, Many, collection, hour, now, runtime, user};

const USERS: u64 = 2_000;
const DAYS: u32 = 60;
const DAY: Duration = Duration::from_hours(24);

/// Users that are asked about, in each way.
const FROM_ROLLUPS: u64 = 200;
const FROM_EVENTS: u64 = 40;
const WITHOUT_INDEX: u64 = 3;

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let events: u64 = numbers.next().unwrap_or(10_000_000);
    let mongod = Mongod::start();
    let options = Options::new(SecretString::from(mongod.url()), DATABASE);
    let store = MongoStore::open(&options).expect("options that can be read");
    block_on(store.prepare()).expect("a prepared database");
    let end = now();
    let many = Many {
        events,
        users: USERS,
        days: DAYS,
        end,
    };
    many.make(&mongod, &store);
    let ledger = store.ledger();
    let (began, from) = (Instant::now(), end.minus(30 * DAY));
    block_on(ledger.rebuild()).expect("roll-ups");
    println!("roll-ups were made in {:.0} s", began.elapsed().as_secs_f64());

    let query = |number| ReportQuery {
        from: Some(from),
        to: Some(end),
        by: vec![Dimension::Model],
        user: Some(user(number)),
        ..ReportQuery::default()
    };
    let mut times = Vec::new();
    for number in 0..FROM_ROLLUPS {
        let began = Instant::now();
        let rows = block_on(ledger.report(&query(number))).expect("a report");
        times.push(began.elapsed());
        assert!(!rows.is_empty(), "a user without use");
    }
    let rollups = told("from roll-ups", &mut times);

    let raw = Raw::of(&mongod);
    // Times of reports are cut to whole hours.
    let (first, last) = (hour(from), hour(end) + 3_600_000);
    for number in 0..3 {
        let rows = block_on(ledger.report(&query(number))).expect("a report");
        let reported: u64 = rows.iter().map(|row| row.total.tokens.completion).sum();
        assert_eq!(
            raw.ask(number, first, last, false),
            reported,
            "the two ways differ"
        );
    }
    let mut times: Vec<Duration> = (0..FROM_EVENTS)
        .map(|number| timed(|| raw.ask(number, first, last, false)))
        .collect();
    let indexed = told("from events, by an index of user and time", &mut times);
    let mut times: Vec<Duration> = (0..WITHOUT_INDEX)
        .map(|number| timed(|| raw.ask(number, first, last, true)))
        .collect();
    let scanned = told("from events, without it", &mut times);
    println!(
        "over {events} events: {:.0} and {:.0} times what it costs from roll-ups",
        indexed.as_secs_f64() / rollups.as_secs_f64(),
        scanned.as_secs_f64() / rollups.as_secs_f64()
    );
}

fn timed<T>(ask: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    ask();
    began.elapsed()
}

// Prints and returns the median.
fn told(how: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{how}: p50 {:.1?}, p99 {:.1?} over {} users",
        at(50),
        at(99),
        times.len()
    );
    at(50)
}

/// The collections themselves.
struct Raw {
    runtime: tokio::runtime::Runtime,
    events: Collection<Document>,
}

impl Raw {
    fn of(mongod: &Mongod) -> Self {
        let runtime = runtime();
        let events = runtime.block_on(collection(&mongod.url()));
        Self { runtime, events }
    }

    // Completion tokens of a user, summed over models.
    fn ask(&self, number: u64, first: i64, last: i64, scan: bool) -> u64 {
        let time = doc! { "$gte": DateTime::from_millis(first), "$lt": DateTime::from_millis(last) };
        let pipeline = [
            doc! { "$match": { "user": Uuid::from_bytes(*user(number).as_bytes()), "time": time } },
            doc! { "$group": { "_id": "$model", "requests": { "$sum": 1 }, "completion": { "$sum": "$tokens.completion" } } },
            doc! { "$lookup": { "from": "models", "localField": "_id", "foreignField": "_id", "as": "model" } },
        ];
        self.runtime.block_on(async {
            let asked = self.events.aggregate(pipeline);
            let asked = if scan {
                asked.hint(mongodb::options::Hint::Keys(doc! { "$natural": 1 }))
            } else {
                asked
            };
            let mut rows = asked.await.expect("an aggregation");
            let mut sum = 0;
            while rows.advance().await.expect("a row") {
                let row = rows.deserialize_current().expect("a document");
                sum += match row.get("completion") {
                    Some(Bson::Int64(tokens)) => tokens.unsigned_abs(),
                    Some(Bson::Int32(tokens)) => u64::from(tokens.unsigned_abs()),
                    _ => 0,
                };
            }
            sum
        })
    }
}
