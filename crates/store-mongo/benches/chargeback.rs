//! What a month's chargeback over many events costs the administration in memory: `llm-gateway-admin serve` as a
//! process of its own sends it as CSV, and the kernel says how much it held at most.
//!
//! `cargo bench -p llmgw-store-mongo --bench chargeback -- ADMIN_BINARY [EVENTS]`

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and its own arguments"
)]
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and fails by panicking"
)]
#![expect(dead_code, reason = "the other benchmark uses the rest of what both share")]

mod many;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use llmgw_servers::{Mongod, Redis};
use llmgw_store_mongo::{MongoStore, Options};
use llmgw_types::{SecretString, Timestamp};
use llmgw_usage::ledger::UsageLedger;

use many::{DATABASE, Many, now};

const USERS: u64 = 60_000;
const KEY: &str = "the-key-of-this-benchmark";

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|text| text != "--bench")
        .collect();
    let binary = arguments.first().expect("the path of llm-gateway-admin");
    let events = arguments
        .get(1)
        .map_or(10_000_000, |text| text.parse().expect("a number"));
    let (mongod, redis) = (Mongod::start(), Redis::start());
    let options = Options::new(SecretString::from(mongod.url()), DATABASE);
    let store = MongoStore::open(&options).expect("options that can be read");
    block_on(store.prepare()).expect("a prepared database");
    let (month, end) = last_month();
    let many = Many {
        events,
        users: USERS,
        days: 28,
        end,
    };
    many.make(&mongod, &store);
    block_on(store.ledger().rebuild()).expect("roll-ups");

    let folder = tempfile::tempdir().expect("a folder");
    let admin = Admin::start(Path::new(binary), &mongod, &redis, folder.path());
    // What the first request of all makes is none of this one's.
    admin.chargeback("1999-01", &folder.path().join("none.csv"));
    let before = admin.memory("VmRSS");
    let file = folder.path().join("month.csv");
    let began = Instant::now();
    admin.chargeback(&month, &file);
    let took = began.elapsed();
    let grown = admin.memory("VmHWM").saturating_sub(before);
    let (rows, requests) = summed(&file);
    assert_eq!(requests, events + 1, "requests in the file");
    println!(
        "{month}: {rows} rows over {requests} events, {:.1} MiB of CSV in {:.1} s",
        mib(fs::metadata(&file).expect("the file").len()),
        took.as_secs_f64()
    );
    println!(
        "resident before {:.1} MiB; at most {:.1} MiB more",
        mib(before),
        mib(grown)
    );
}

// Its name, and where it ends.
fn last_month() -> (String, Timestamp) {
    let first = |text: &str| -> Timestamp { format!("{}-01T00:00:00Z", &text[..7]).parse().expect("a time") };
    let end = first(&now().to_string());
    let month = end.minus(Duration::from_hours(24)).to_string();
    (month[..7].to_owned(), end)
}

fn summed(file: &Path) -> (usize, u64) {
    let text = fs::read_to_string(file).expect("the file");
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let column = head
        .iter()
        .position(|name| *name == "requests")
        .expect("the column");
    let (mut rows, mut requests) = (0, 0);
    for line in lines {
        let cell = line.split(',').nth(column).expect("a cell");
        requests += cell.parse::<u64>().expect("a number");
        rows += 1;
    }
    (rows, requests)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

struct Admin {
    process: Child,
    listen: String,
}

impl Admin {
    fn start(binary: &Path, mongod: &Mongod, redis: &Redis, folder: &Path) -> Self {
        let pepper = folder.join("pepper");
        fs::write(&pepper, "a pepper of thirty-two bytes or more").expect("a file");
        let mut process = Command::new(binary)
            .args([
                "serve",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--health-listen",
                "127.0.0.1:0",
            ])
            .env("LLMGW_MONGO__URL", mongod.url())
            .env("LLMGW_MONGO__DATABASE", DATABASE)
            .env("LLMGW_REDIS__URL", redis.url())
            .env("LLMGW_KEYS__PEPPER_FILE", &pepper)
            .env("LLMGW_REPORTS__TIMEZONE", "UTC")
            .env("ADMIN_KEY", KEY)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the administration");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("its stdout");
        BufReader::new(stdout).read_line(&mut line).expect("its line");
        let listen = line
            .split("\"listen\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        Self {
            listen: listen.expect("its address").to_owned(),
            process,
        }
    }

    fn chargeback(&self, month: &str, file: &Path) {
        let url = format!(
            "http://{}/api/v1/usage/chargeback.csv?month={month}&by=user,key,model",
            self.listen
        );
        let done = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--max-time", "600"])
            .args(["--header", &format!("Authorization: Bearer {KEY}"), "--output"])
            .arg(file)
            .arg(url)
            .status()
            .expect("curl");
        assert!(done.success(), "curl: {done}");
    }

    // In bytes, as the kernel counts them.
    fn memory(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("its status");
        let line = status
            .lines()
            .find(|line| line.starts_with(what))
            .expect("the line");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|text| text.parse().ok())
            .expect("a number");
        kib << 10
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
