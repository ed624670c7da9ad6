//! Limits and refusals over several replicas, and while Redis is away.

use std::time::{Duration, Instant};

use llmgw_keys::NewKey;
use llmgw_servers::{Mongod, Redis};
use llmgw_tests::{Connection, Request, eventually};
use llmgw_types::{Limit, Timestamp, Unit, Window};

use super::process::Running;
use super::seed::{CHAT, Seeded, answering, seed};

/// What is left of the key's only limit, and what it says is reserved.
async fn left(running: &Running, key: &str) -> (u64, u64) {
    let asked = Request::get("/v1/key").key(key);
    let answer = running.ask(&asked).await;
    let said: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
    let limit = &said["limits"][0];
    (
        limit["remaining"].as_u64().unwrap(),
        limit["reserved"].as_u64().unwrap(),
    )
}

/// A key that may send `most` requests a day.
async fn limited_key(seeded: &Seeded, most: u64) -> String {
    let new = NewKey {
        owner: "grace".to_owned(),
        name: "limited".to_owned(),
        limits: vec![Limit::new(Unit::Requests, Window::Day, most).unwrap()],
        ..NewKey::default()
    };
    let now = Timestamp::from_millis(1_700_000_000_000);
    let made = seeded.keys.create(new, now).await.unwrap();
    made.text.expose().to_owned()
}

#[tokio::test]
async fn known_keys_go_on_while_redis_is_away_and_limits_are_counted_anew() {
    let (redis, tap) = (Redis::start(), answering());
    let seeded = seed(Mongod::shared(), &redis, &tap).await;
    let key = limited_key(&seeded, 100).await;
    let (one, other) = (seeded.replica.serve().await, seeded.replica.serve().await);
    let ask = async |running: &Running| {
        let asked = Request::post("/v1/chat/completions", CHAT).key(&key);
        running.ask(&asked).await.status()
    };
    for running in [&one, &other, &one] {
        assert_eq!(ask(running).await, 200);
    }
    assert_eq!(left(&other, &key).await.0, 97);
    let well = [
        "llmgw_breaker_open{store=\"limits\"} 0",
        "llmgw_store_up{store=\"redis\"} 1",
    ];
    one.until_metrics_say(&well).await;

    for breaks in [Redis::kill, Redis::freeze] {
        breaks(&redis);
        let began = Instant::now();
        for running in [&one, &other, &one, &other] {
            assert_eq!(ask(running).await, 200);
        }
        // Each waits for a moment only, and after three in a row not at all.
        assert!(began.elapsed() < Duration::from_secs(10));
        let away = [
            "llmgw_breaker_open{store=\"limits\"} 1",
            "llmgw_store_up{store=\"redis\"} 0",
        ];
        one.until_metrics_say(&away).await;
        redis.thaw();
        redis.restart();
        let back = Instant::now();
        for running in [&one, &other] {
            assert_eq!(running.until_it_says(&["redis: ok"]).await, 200);
        }
        eventually("both know the use of both", async || {
            let records = seeded.records().await.len() as u64;
            let whole = [left(&one, &key).await, left(&other, &key).await];
            (whole == [(100 - records, 0); 2]).then_some(())
        })
        .await;
        one.until_metrics_say(&well).await;
        // Ten seconds are promised.
        assert!(back.elapsed() < Duration::from_secs(50));
    }
    assert_eq!(left(&one, &key).await.0, 100 - 3 - 8);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn two_replicas_hold_one_budget_exactly() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let key = limited_key(&seeded, 40).await;
    let (one, other) = (seeded.replica.serve().await, seeded.replica.serve().await);
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..100 {
        let at = if number % 2 == 0 { one.api } else { other.api };
        let asked = Request::post("/v1/chat/completions", CHAT).key(&key);
        asking.spawn(async move { Connection::open(at).await.ask(&asked).await.status() });
    }
    let statuses = asking.join_all().await;
    let count = |status| statuses.iter().filter(|said| **said == status).count();
    assert_eq!((count(200), count(429)), (40, 60));
    one.stop().await;
    other.stop().await;
    assert_eq!(seeded.records().await.len(), 40);
}

#[tokio::test]
async fn whoever_tries_many_keys_is_slowed_down_and_a_good_key_is_not() {
    let tap = answering();
    let mut seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    seeded.replica = seeded
        .replica
        .env("LLMGW_GATEWAY__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
    let running = seeded.replica.serve().await;
    let from = |client: &str, key: &str| {
        Request::post("/v1/chat/completions", CHAT)
            .key(key)
            .header("X-Forwarded-For", client)
    };
    let mut statuses = Vec::new();
    for number in 0..60 {
        let wrong = format!("sk-llmgw-{number:049}");
        statuses.push(running.ask(&from("192.0.2.7", &wrong)).await.status());
    }
    assert_eq!(statuses[..20], [401; 20]);
    // A minute may have begun anew in between, once.
    let slowed = statuses.iter().filter(|status| **status == 429).count();
    assert!((20..=40).contains(&slowed), "{statuses:?}");
    let good = running.ask(&from("192.0.2.7", &seeded.key)).await;
    assert_eq!(good.status(), 200, "{}", good.text());
    let elsewhere = running.ask(&from("192.0.2.8", "sk-llmgw-nobody")).await;
    assert_eq!(elsewhere.status(), 401);
    running.stop().await;
}
