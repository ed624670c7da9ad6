//! Serving, over outages of the stores and the end of the process.

use std::fs;
use std::time::{Duration, Instant};

use llmgw_keys::KeyText;
use llmgw_servers::{Mongod, Redis};
use llmgw_tests::answers::{self, DONE, LAST_CHUNK, chat, ok, said, usage};
use llmgw_tests::{Call, Connection, Gateway, Request, Tap, eventually};
use llmgw_types::TokenSource;
use llmgw_usage::ledger::End;
use rustix::process::Signal;

use super::process::{Replica, Running};
use super::seed::{CHAT, Seeded, answering, seed};

const STREAM: &str = r#"{"model":"smollm2","stream":true,"messages":[{"role":"user","content":"Ahoy!"}]}"#;

fn request(seeded: &Seeded, body: &str) -> Request {
    Request::post("/v1/chat/completions", body).key(&seeded.key)
}

/// A stream of which the client has a first piece, and its id.
async fn streaming(running: &Running, seeded: &Seeded, tap: &mut Tap) -> (String, Connection, Call) {
    let mut client = Connection::open(running.api).await;
    client.send(&request(seeded, STREAM).bytes()).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    call.event(&said("one")).await;
    client.body_until(&said("one")).await;
    (call.request.get("x-request-id").unwrap().to_owned(), client, call)
}

#[tokio::test]
async fn a_request_is_answered_and_stands_in_the_ledger() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let running = seeded.replica.serve().await;
    let answer = running.ask(&request(&seeded, CHAT)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let record = seeded.record(&answer.id()).await;
    assert_eq!(
        (record.end, record.source),
        (End::Complete, TokenSource::Reported)
    );
    assert_eq!((record.tokens.prompt, record.tokens.completion), (9, 2));
    assert_eq!(
        running.until_it_says(&["ready", "redis: ok", "mongo: ok"]).await,
        200
    );
    let stranger = Request::post("/v1/chat/completions", CHAT).key("sk-llmgw-nobody");
    assert_eq!(running.ask(&stranger).await.status(), 401);
    running.stop().await;
    assert_eq!(seeded.records().await.len(), 1);
}

#[tokio::test]
async fn it_starts_and_serves_while_mongod_is_away() {
    let (mongod, tap) = (Mongod::start(), answering());
    let seeded = seed(&mongod, Redis::shared(), &tap).await;
    let running = seeded.replica.serve().await;
    assert_eq!(running.ask(&request(&seeded, CHAT)).await.status(), 200);
    running.stop().await;
    mongod.kill();

    let running = seeded.replica.serve().await;
    let answer = running.ask(&request(&seeded, CHAT)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(running.until_it_says(&["redis: ok", "mongo: away"]).await, 200);
    mongod.restart();
    assert_eq!(running.until_it_says(&["mongo: ok"]).await, 200);
    assert_eq!(seeded.record(&answer.id()).await.end, End::Complete);
    running.stop().await;
}

#[tokio::test]
async fn without_any_store_it_lives_and_knows_the_models_of_its_last_life() {
    let (mongod, redis, tap) = (Mongod::start(), Redis::start(), answering());
    let seeded = seed(&mongod, &redis, &tap).await;
    let nobody = Replica::new()
        .env("LLMGW_MONGO__URL", &mongod.url())
        .env("LLMGW_REDIS__URL", &redis.url());
    seeded.replica.serve().await.stop().await;
    mongod.kill();
    redis.kill();

    let mut fresh = nobody.serve_unready();
    let away = ["not ready: no models are known yet", "redis: away", "mongo: away"];
    assert_eq!(fresh.until_it_says(&away).await, 503);
    let live = Connection::open(fresh.health)
        .await
        .ask(&Request::get("/health/live"))
        .await;
    assert_eq!(live.status(), 200);
    fresh.signal(Signal::TERM);
    assert!(fresh.exited().await.success());

    let again = seeded.replica.serve().await;
    assert_eq!(
        again
            .until_it_says(&["ready", "redis: away", "mongo: away"])
            .await,
        200
    );
    again.stop().await;
}

#[tokio::test]
async fn sigterm_takes_requests_while_it_lingers_and_lets_streams_end() {
    let mut tap = Tap::by_hand();
    let mut seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    seeded.replica = seeded.replica.env("LLMGW_GATEWAY__LINGER", "2s");
    let mut running = seeded.replica.serve().await;
    let (id, mut client, mut call) = streaming(&running, &seeded, &mut tap).await;
    running.signal(Signal::TERM);
    assert_eq!(running.until_it_says(&["not ready: stopping"]).await, 503);
    let mut late = Connection::open(running.api).await;
    late.send(&request(&seeded, CHAT).bytes()).await;
    tap.call().await.write(ok(&chat(&usage(9, 0, 2)))).await;
    assert_eq!(late.answer().await.status(), 200);

    call.event(&answers::chat_events(Some(&usage(9, 0, 3)))).await;
    call.write(LAST_CHUNK).await;
    assert!(client.rest().await.ends_with(DONE.as_bytes()));
    assert!(running.exited().await.success());
    // Not waited for: the exit waited until all was in the ledger.
    let records = seeded.records().await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().any(|record| record.id.to_string() == id));
    assert!(records.iter().all(|record| record.end == End::Complete));
}

#[tokio::test]
async fn a_stream_that_outlasts_the_drain_ends_in_an_error_and_is_settled() {
    let mut tap = Tap::by_hand();
    let mut seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    seeded.replica = seeded.replica.env("LLMGW_GATEWAY__DRAIN", "1s");
    let mut running = seeded.replica.serve().await;
    let (id, mut client, _call) = streaming(&running, &seeded, &mut tap).await;
    running.signal(Signal::TERM);
    let rest = String::from_utf8(client.rest().await).unwrap();
    assert!(rest.contains(r#""error""#) && !rest.contains("[DONE]"), "{rest}");
    assert!(running.exited().await.success());
    let records = seeded.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].id.to_string(), records[0].end),
        (id, End::UpstreamError)
    );
    assert!(records[0].tokens.prompt > 0);
}

#[tokio::test]
async fn a_dead_gateways_journal_is_drained_by_hand_once() {
    let mut tap = Tap::by_hand();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let mut running = seeded.replica.serve().await;
    let (id, _client, _call) = streaming(&running, &seeded, &mut tap).await;
    running.signal(Signal::KILL);
    running.exited().await;

    let journal = seeded.replica.journal().display().to_string();
    for said in ["1 records were taken", "0 records were taken"] {
        let ended = seeded.replica.run(&["journal", "drain", &journal]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains(said), "{}", ended.stdout);
    }
    let records = seeded.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].id.to_string(), records[0].end), (id, End::Crashed));
    let ended = seeded.replica.run(&["journal", "drain", "no-such-folder"]);
    assert_eq!(ended.code, Some(1));
    assert!(!seeded.replica.folder().join("no-such-folder").exists());
}

#[tokio::test]
async fn stores_of_no_use_are_refused_with_what_mends_them() {
    let evicting = Redis::start_with(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let (standalone, uninitiated) = (Mongod::standalone(), Mongod::uninitiated());
    let good = (Mongod::shared().url(), Redis::shared().url());
    for (mongo, redis, words) in [
        (standalone.url(), good.1.clone(), ["mongo.url", "--replSet"]),
        (
            format!("{}?replicaSet=rs0", standalone.url()),
            good.1.clone(),
            ["mongo.url", "--replSet"],
        ),
        (uninitiated.url(), good.1.clone(), ["mongo.url", "rs.initiate()"]),
        (
            good.0.clone(),
            evicting.url(),
            ["redis.url", "maxmemory-policy noeviction"],
        ),
    ] {
        let replica = Replica::new()
            .env("LLMGW_MONGO__URL", &mongo)
            .env("LLMGW_REDIS__URL", &redis);
        let listen = ["--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"];
        let ended = replica.run(&[&["serve"], &listen[..]].concat());
        assert_eq!(ended.code, Some(78), "{}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn the_old_names_reach_a_replica_set_of_one_node() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let redis_port = Redis::shared().port().to_string();
    let seeded = Seeded {
        replica: seeded
            .replica
            .without("LLMGW_MONGO__URL")
            .without("LLMGW_REDIS__URL")
            // The replica set calls its member 127.0.0.1.
            .env("MONGOHOST", &format!("localhost:{}", Mongod::shared().port()))
            .env("REDISHOST", "127.0.0.1")
            .env("REDISPORT", &redis_port),
        ..seeded
    };
    let running = seeded.replica.serve().await;
    let answer = running.ask(&request(&seeded, CHAT)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    // An append is a transaction.
    seeded.record(&answer.id()).await;
    running.stop().await;
    assert!(fs::read_dir(seeded.replica.journal()).unwrap().count() > 0);
}

#[tokio::test]
async fn a_sqlite_file_may_hold_what_lasts() {
    let tap = answering();
    let standalone = Gateway::before(&tap).await;
    let data = |name: &str| standalone.setup().data().join(name).display().to_string();
    let replica = Replica::new()
        .env("LLMGW_STORE__KIND", "sqlite")
        .env("LLMGW_STORE__PATH", &data("llmgw.sqlite"))
        .env("LLMGW_KEYS__PEPPER_FILE", &data("pepper"))
        .env("LLMGW_REDIS__PREFIX", "of-sqlite")
        .env("LLMGW_REDIS__URL", &Redis::shared().url());
    let running = replica.serve().await;
    let answer = running
        .ask(&standalone.request("/v1/chat/completions", CHAT))
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(running.ready().await, (200, "ready\nredis: ok\n".to_owned()));
    running.stop().await;
    let events = standalone.admin.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&*events[0].request_id, &*events[0].end),
        (&*answer.id(), "complete")
    );
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_every_replica_soon() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let (one, other) = (seeded.replica.serve().await, seeded.replica.serve().await);
    for running in [&one, &other] {
        assert_eq!(running.ask(&request(&seeded, CHAT)).await.status(), 200);
    }
    seeded.keys.revoke(seeded.key_id).await.unwrap();
    let revoked = Instant::now();
    for running in [&one, &other] {
        eventually("it is refused", async || {
            let status = running.ask(&request(&seeded, CHAT)).await.status();
            (status == 401).then_some(())
        })
        .await;
    }
    // One second is promised. What was not heard would last for thirty.
    assert!(revoked.elapsed() < Duration::from_secs(5));
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_mongod_that_hangs_holds_nobody_up() {
    let (mongod, tap) = (Mongod::start(), answering());
    let seeded = seed(&mongod, Redis::shared(), &tap).await;
    let running = seeded.replica.serve().await;
    assert_eq!(running.ask(&request(&seeded, CHAT)).await.status(), 200);
    mongod.freeze();
    let known = running.ask(&request(&seeded, CHAT)).await;
    assert_eq!(known.status(), 200, "{}", known.text());
    // Nobody can say whether there is this key.
    let unknown = KeyText::generate([7; 32]);
    let began = Instant::now();
    let asked = Request::post("/v1/chat/completions", CHAT).key(unknown.expose());
    assert_eq!(running.ask(&asked).await.status(), 503);
    // Two seconds are promised.
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(running.until_it_says(&["ready", "mongo: away"]).await, 200);
    mongod.thaw();
    assert_eq!(seeded.record(&known.id()).await.end, End::Complete);
    running.stop().await;
}
