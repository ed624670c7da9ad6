//! `llm-gateway-admin serve` beside gateways: what it changes holds there within a second, and is written down.

use std::time::{Duration, Instant};

use llmgw_servers::{Mongod, Redis};
use llmgw_tests::{Request, eventually};
use serde_json::{Value, json};

use super::process::{Replica, Running};
use super::seed::{CHAT, answering, seed};

/// One second is promised.
const SOON: Duration = Duration::from_secs(5);

const ADMIN_KEY: &str = "the-admin-key-of-a-test";

async fn ask(service: &Running, method: &'static str, path: &str, body: Option<Value>) -> (u16, Value) {
    let body = body.map_or_else(String::new, |body| body.to_string());
    let request = Request::post(&format!("/api/v1/{path}"), body)
        .method(method)
        .key(ADMIN_KEY);
    let answer = service.ask(&request).await;
    let json = serde_json::from_str(answer.text()).unwrap_or(Value::Null);
    (answer.status(), json)
}

#[tokio::test]
async fn what_it_changes_holds_at_the_gateways_within_a_second() {
    let tap = answering();
    let seeded = seed(Mongod::shared(), Redis::shared(), &tap).await;
    let replica = seeded.replica.env("LLMGW_ADMIN__KEY", ADMIN_KEY);
    let (gateway, service) = (replica.serve().await, replica.serve_admin().await);
    assert_eq!(service.until_it_says(&["ready"]).await, 200);
    let status = async |key: &str, model: &str| {
        let chat = Request::post("/v1/chat/completions", CHAT.replace("smollm2", model)).key(key);
        gateway.ask(&chat).await.status()
    };
    let soon = async |what: &str, key: &str, model: &str, expected: u16| {
        let changed = Instant::now();
        let seen = async || (status(key, model).await == expected).then_some(());
        eventually(what, seen).await;
        assert!(changed.elapsed() < SOON, "{what}");
    };

    let wanted = json!({"id": "second", "targets": [{"base_url": tap.url()}]});
    let (made, model) = ask(&service, "POST", "models", Some(wanted)).await;
    assert_eq!(made, 201, "{model}");
    soon("a model is served", &seeded.key, "second", 200).await;

    let (made, key) = ask(&service, "POST", "keys", Some(json!({"owner": "grace"}))).await;
    assert_eq!(made, 201, "{key}");
    let (id, key) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    soon("a key works", key, "second", 200).await;

    let limit = json!({"each_user": [{"unit": "requests", "window": "month", "amount": 1}]});
    let (set, limits) = ask(&service, "PUT", "limits", Some(limit)).await;
    assert_eq!(set, 200, "{limits}");
    soon("a limit holds", key, "second", 429).await;
    let (_, left) = ask(&service, "GET", "users/grace/limits", None).await;
    assert_eq!(
        (&left["data"][0]["amount"], &left["data"][0]["remaining"]),
        (&json!(1), &json!(0))
    );
    let none = json!({"each_user": null});
    assert_eq!(ask(&service, "PUT", "limits", Some(none)).await.0, 200);
    soon("it is gone", key, "second", 200).await;

    let suspended = json!({"state": "suspended"});
    assert_eq!(
        ask(&service, "PATCH", "users/grace", Some(suspended)).await.0,
        200
    );
    soon("a user is suspended", key, "second", 401).await;
    assert_eq!(
        ask(&service, "PATCH", "users/grace", Some(json!({"state": "active"})))
            .await
            .0,
        200
    );
    soon("and acts again", key, "second", 200).await;
    assert_eq!(ask(&service, "DELETE", &format!("keys/{id}"), None).await.0, 204);
    soon("a key is revoked", key, "second", 401).await;

    let (_, checked) = ask(&service, "POST", "audit/verify", Some(json!({"heads": []}))).await;
    assert_eq!(
        (&checked["faults"], &checked["unfinished"]),
        (&json!([]), &json!(0))
    );
    let listed = replica.admin(&["audit", "list"]);
    for action in [
        "model.create",
        "key.create",
        "limits.set",
        "user.change",
        "key.revoke",
    ] {
        assert!(listed.stdout.contains(action), "{action}: {}", listed.stdout);
    }
    gateway.stop().await;
    service.stop().await;
}

#[tokio::test]
async fn it_starts_without_mongodb_and_says_so() {
    let (mongod, redis) = (Mongod::start(), Redis::start());
    let tap = answering();
    let seeded = seed(&mongod, &redis, &tap).await;
    let replica = seeded.replica.env("LLMGW_ADMIN__KEY", ADMIN_KEY);
    mongod.kill();
    let service = replica.serve_admin().await;
    assert_eq!(service.until_it_says(&["ready", "mongo: away"]).await, 200);
    let (status, problem) = ask(&service, "GET", "models", None).await;
    assert_eq!(status, 503, "{problem}");
    service.stop().await;
}

#[test]
fn without_an_admin_key_it_says_how_to_make_one() {
    let ended = Replica::new().admin(&["serve"]);
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("admin.key") && ended.stderr.contains("openssl rand"),
        "{}",
        ended.stderr
    );
}
