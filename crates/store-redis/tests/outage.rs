//! When Redis is away nothing hangs, and when it is back all goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llmgw_servers::Redis;
use llmgw_store_redis::{Options, RedisAdmission, RedisFeed, RedisStore};
use llmgw_types::{Change, ChangeFeed, KeyId, Limit, RequestId, StoreError, Timestamp, Unit, Window};
use llmgw_usage::admission::contract::calendar;
use llmgw_usage::admission::{
    AdmissionStore, Charge, Generation, Reservation, ReserveRequest, Reserved, Rule, Settled, SharedCounters,
    Subject,
};

use crate::line::Line;
use crate::server;

const BOUND: Duration = Duration::from_millis(50);

fn now() -> Timestamp {
    "2026-11-18T11:06:10Z".parse().unwrap()
}

fn id() -> RequestId {
    RequestId::new(now(), [1; 10])
}

fn open(redis: &Redis, call_timeout: Duration) -> (RedisStore, RedisAdmission) {
    let options = Options {
        call_timeout,
        limits_timeout: call_timeout,
        ..Options::at(&redis.url())
    };
    let store = server::open(&options);
    (store.clone(), RedisAdmission::new(store, calendar()))
}

fn reserve(admission: &RedisAdmission) -> Result<Reserved, StoreError> {
    let request = ReserveRequest {
        id: id(),
        now: now(),
        lease: Duration::from_secs(60),
        subjects: &[Subject::Everyone],
        rules: &[],
        estimate: Charge::default(),
    };
    server::block_on(admission.reserve(&request))
}

fn fails_in_time<T>(what: &str, call: impl Future<Output = Result<T, StoreError>>) {
    let begun = Instant::now();
    let failed = server::block_on(call).err();
    let took = begun.elapsed();
    assert!(
        matches!(failed, Some(StoreError::Unavailable { store: "redis", .. })),
        "{what}: {failed:?}"
    );
    assert!(took < 5 * BOUND, "{what} took {took:?}");
}

fn everything_fails_in_time(store: &RedisStore, admission: &RedisAdmission) {
    let lease = Duration::from_secs(60);
    let settled = [Settled {
        id: id(),
        reserved_at: now(),
        subjects: vec![Subject::Everyone],
        actual: Charge::default(),
    }];
    let running = [Reservation {
        id: id(),
        reserved_at: now(),
        subjects: vec![Subject::Everyone],
        estimate: Charge::default(),
    }];
    let rules = [Rule {
        subject: Subject::Everyone,
        limit: Limit::new(Unit::Tokens, Window::Day, 1).unwrap(),
    }];
    let request = ReserveRequest {
        id: id(),
        now: now(),
        lease,
        subjects: &[Subject::Everyone],
        rules: &rules,
        estimate: Charge::default(),
    };
    fails_in_time("reserve", admission.reserve(&request));
    fails_in_time("settle", admission.settle(now(), &settled));
    fails_in_time("release", admission.release(now(), id()));
    fails_in_time("renew", admission.renew(now(), &[id()], lease));
    fails_in_time("restore", admission.restore(now(), &running, lease));
    fails_in_time("state", admission.state(now(), &rules));
    fails_in_time("seed", admission.seed(now(), &[]));
    fails_in_time("standing", admission.standing(now()));
    fails_in_time("doubt", admission.doubt(now()));
    fails_in_time("begin", admission.begin(now(), lease));
    fails_in_time("finish", admission.finish(now(), Generation(1)));
    fails_in_time("settle_shipped", admission.settle_shipped(now(), &settled, None));
    fails_in_time("time", store.time());
    let feed = RedisFeed::new(store.clone());
    fails_in_time("publish", feed.publish(Change::Key(KeyId::from_bytes([1; 16]))));
}

fn comes_back(admission: &RedisAdmission) -> Reserved {
    let begun = Instant::now();
    loop {
        match reserve(admission) {
            Ok(answer) => return answer,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(25), "{error:?}"),
        }
    }
}

#[test]
fn every_call_fails_in_time_where_nobody_listens() {
    let redis = Redis::start();
    let (store, admission) = open(&redis, BOUND);
    redis.kill();
    everything_fails_in_time(&store, &admission);
    // And so do calls over connections that were there.
    redis.restart();
    assert_eq!(comes_back(&admission), Reserved::Unready);
    redis.kill();
    everything_fails_in_time(&store, &admission);
    redis.restart();
    assert_eq!(comes_back(&admission), Reserved::Unready);
}

#[test]
fn every_call_fails_in_time_where_somebody_listens_and_says_nothing() {
    let redis = Redis::start();
    let (store, admission) = open(&redis, BOUND);
    redis.freeze();
    everything_fails_in_time(&store, &admission);
    redis.thaw();
    assert_eq!(comes_back(&admission), Reserved::Unready);
    redis.freeze();
    everything_fails_in_time(&store, &admission);
    redis.thaw();
    assert_eq!(comes_back(&admission), Reserved::Unready);
}

#[test]
fn a_server_that_knows_no_script_is_told() {
    let redis = Redis::start();
    let (_, admission) = open(&redis, Duration::from_secs(5));
    server::block_on(admission.seed(now(), &[])).unwrap();
    let client = deadpool_redis::redis::Client::open(redis.url()).unwrap();
    let mut asked = client.get_connection().unwrap();
    let mut flush = deadpool_redis::redis::cmd("SCRIPT");
    flush.arg("FLUSH").exec(&mut asked).unwrap();
    assert_eq!(reserve(&admission).unwrap(), Reserved::Granted(vec![]));
}

#[test]
fn a_full_server_refuses_and_has_done_nothing() {
    let redis = Redis::start();
    let (_, admission) = open(&redis, Duration::from_secs(5));
    server::block_on(admission.seed(now(), &[])).unwrap();
    reserve(&admission).unwrap();
    let client = deadpool_redis::redis::Client::open(redis.url()).unwrap();
    let mut asked = client.get_connection().unwrap();
    let mut limit = |most: &str| {
        let mut set = deadpool_redis::redis::cmd("CONFIG");
        set.arg("SET")
            .arg("maxmemory")
            .arg(most)
            .exec(&mut asked)
            .unwrap();
    };
    let slots = [Rule {
        subject: Subject::Everyone,
        limit: Limit::new(Unit::InFlight, Window::None, 9).unwrap(),
    }];
    limit("1");
    // Of these the first would begin with what needs no memory.
    let released = server::block_on(admission.release(now(), id()));
    assert!(
        matches!(released, Err(StoreError::Unavailable { .. })),
        "{released:?}"
    );
    assert!(reserve(&admission).is_err());
    limit("0");
    let states = server::block_on(admission.state(now(), &slots)).unwrap();
    assert_eq!(states[0].reserved, 1);
    let away = server::block_on(admission.renew(now(), &[id()], Duration::from_secs(60))).unwrap();
    assert_eq!(away, []);
}

// One connection for calls, over a way that counts what was connected.
fn over_one_line(redis: &Redis) -> (Line, RedisStore) {
    let line = server::block_on(Line::to(redis.port()));
    let options = Options {
        connections: 1,
        call_timeout: BOUND,
        limits_timeout: BOUND,
        ..Options::at(&line.url())
    };
    let store = server::open(&options);
    answers(&store);
    (line, store)
}

fn answers(store: &RedisStore) {
    let begun = Instant::now();
    while let Err(error) = server::block_on(store.time()) {
        assert!(begun.elapsed() < Duration::from_secs(25), "{error:?}");
    }
}

#[test]
fn a_late_answer_loses_no_connection() {
    let redis = Redis::start();
    let (line, store) = over_one_line(&redis);
    assert_eq!(line.made(), 1);
    for _ in 0..3 {
        redis.freeze();
        // The first is late while another still waits: who asks then must not need a connection of their own.
        let one_after_the_other = async { (store.time().await, store.time().await) };
        let beside = async {
            tokio::time::sleep(BOUND / 2).await;
            store.time().await
        };
        let ((first, next), other) = server::block_on(async { tokio::join!(one_after_the_other, beside) });
        assert!(first.is_err() && next.is_err() && other.is_err());
        redis.thaw();
        answers(&store);
    }
    assert_eq!(line.made(), 1);
}

#[test]
fn a_silent_connection_is_lost() {
    let redis = Redis::start();
    let (line, store) = over_one_line(&redis);
    line.cut();
    answers(&store);
    assert_eq!(line.made(), 2);
}

#[test]
fn how_the_server_is_is_asked_on_a_connection_of_its_own() {
    let redis = Redis::start();
    let (line, store) = over_one_line(&redis);
    let admission = RedisAdmission::new(store, calendar());
    let begun = Instant::now();
    while let Err(error) = server::block_on(admission.standing(now())) {
        assert!(begun.elapsed() < Duration::from_secs(25), "{error:?}");
    }
    assert_eq!(line.made(), 2);
}

#[test]
fn many_calls_share_a_connection_that_is_lost() {
    let redis = Redis::start();
    let options = Options {
        connections: 1,
        call_timeout: Duration::from_millis(500),
        ..Options::at(&redis.url())
    };
    let store = Arc::new(server::open(&options));
    for _ in 0..3 {
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let store = Arc::clone(&store);
                server::spawn(async move { store.time().await })
            })
            .collect();
        redis.restart();
        for call in calls {
            // Answered or not, none is lost and none gets another's answer.
            let _: Result<Timestamp, StoreError> = server::block_on(call).unwrap();
        }
        let begun = Instant::now();
        while server::block_on(store.time()).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(25));
        }
    }
}

#[test]
fn a_server_that_became_a_replica_is_left() {
    let (old, new) = (Redis::start(), Redis::start());
    let line = server::block_on(Line::to(old.port()));
    let options = Options {
        call_timeout: Duration::from_secs(5),
        ..Options::at(&line.url())
    };
    let store = server::open(&options);
    let admission = RedisAdmission::new(store.clone(), calendar());
    assert_eq!(reserve(&admission).unwrap(), Reserved::Unready);
    let before = server::block_on(store.server()).unwrap();
    assert_eq!(server::block_on(store.server()).unwrap(), before);
    let mut asked = deadpool_redis::redis::Client::open(old.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let mut follow = deadpool_redis::redis::cmd("REPLICAOF");
    follow.arg("127.0.0.1").arg(new.port()).exec(&mut asked).unwrap();
    assert!(reserve(&admission).is_err());
    // The connections there live, and answer.
    line.lead_to(new.port());
    assert_eq!(comes_back(&admission), Reserved::Unready);
    let begun = Instant::now();
    while server::block_on(store.server()).is_ok_and(|now| now == before) {
        let _ = reserve(&admission);
        assert!(begun.elapsed() < Duration::from_secs(25));
    }
}
