//! Servers start, die, come back, and leave nothing behind.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and waits for processes"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use llmgw_servers::{Mongod, Redis};

const DEADLINE: Duration = Duration::from_secs(30);

fn connects(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// One line of the answer to one inline command.
fn ask(redis: &Redis, command: &str) -> String {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
    write!(connection, "{command}\r\nQUIT\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.trim_end_matches("+OK\r\n").trim().to_owned()
}

fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn redis_dies_and_comes_back_empty() {
    let redis = Redis::start();
    assert_eq!(ask(&redis, "SET a 1"), "");
    assert_eq!(ask(&redis, "GET a"), "$1\r\n1");
    redis.kill();
    assert!(!connects(redis.port()));
    redis.restart();
    assert_eq!(ask(&redis, "GET a"), "$-1");
}

#[test]
fn a_persistent_redis_keeps_what_it_answered() {
    let redis = Redis::persistent();
    ask(&redis, "SET a 1");
    redis.kill();
    redis.restart();
    assert_eq!(ask(&redis, "GET a"), "$1\r\n1");
    // Also where it still runs.
    redis.restart();
    assert_eq!(ask(&redis, "GET a"), "$1\r\n1");
}

#[test]
fn a_frozen_redis_answers_nothing() {
    let redis = Redis::start();
    redis.freeze();
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
    connection.write_all(b"PING\r\n").unwrap();
    connection
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut answer = [0; 7];
    connection.read_exact(&mut answer).unwrap_err();
    redis.thaw();
    connection.set_read_timeout(Some(DEADLINE)).unwrap();
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn own_arguments_win() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru", "--databases", "3"]);
    assert_eq!(
        ask(&redis, "CONFIG GET databases"),
        "*2\r\n$9\r\ndatabases\r\n$1\r\n3"
    );
}

#[test]
fn shared_is_one() {
    assert_eq!(Redis::shared().port(), Redis::shared().port());
}

#[test]
fn mongod_dies_and_comes_back_as_primary() {
    let mongod = Mongod::start();
    assert!(connects(mongod.port()));
    mongod.kill();
    assert!(!connects(mongod.port()));
    mongod.restart();
    assert!(mongod.url().ends_with("/?replicaSet=rs0"), "{}", mongod.url());
}

#[test]
fn a_standalone_mongod_is_in_no_replica_set() {
    let mongod = Mongod::standalone();
    assert!(connects(mongod.port()));
    assert!(!mongod.url().contains("replicaSet"));
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let refused = std::panic::catch_unwind(|| Redis::start_with(&["--no-such-setting", "1"])).unwrap_err();
    let message = refused.downcast_ref::<String>().unwrap();
    assert!(message.contains("no-such-setting"), "{message}");
}

const PLAYS_THE_CHILD: &str = "LLMGW_TEST_SERVERS_CHILD";

/// A test process in the tests below: it starts servers, tells their ports, and waits for its end.
#[test]
fn child() {
    let Ok(how) = std::env::var(PLAYS_THE_CHILD) else {
        return;
    };
    let redis = Redis::start();
    let crashed = Redis::start();
    crashed.kill();
    println!("ports {} {}", redis.port(), Mongod::shared().port());
    if how == "is killed" {
        thread::sleep(DEADLINE);
    }
    assert!(how != "panics", "as it was told");
}

#[test]
fn nothing_is_left_however_the_test_process_ends() {
    for how in ["is killed", "panics", "returns"] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(PLAYS_THE_CHILD, how)
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| Some(line.unwrap().split_once("ports ")?.1.to_owned()));
        let ports: Vec<u16> = line
            .unwrap()
            .split(' ')
            .map(|port| port.parse().unwrap())
            .collect();
        if how == "is killed" {
            assert!(!is_empty(folder.path()) && ports.iter().all(|port| connects(*port)));
            child.kill().unwrap();
        }
        child.wait().unwrap();
        eventually(how, || {
            is_empty(folder.path()) && !ports.iter().any(|port| connects(*port))
        });
    }
}
