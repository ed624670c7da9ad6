//! What is refused is refused with its own status and word, costs nothing, and reaches no model server.

mod secrets;

use std::sync::atomic::{AtomicU8, Ordering};

use jiff::{SignedDuration, Timestamp};
use llmgw_tests::answers::{LAST_CHUNK, chat, chunk, ok, usage};
use llmgw_tests::{Answer, Connection, Gateway, Request, Setup, Tap, eventually};
use serde_json::json;

const PATHS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/messages",
];
const BODY: &str = r#"{"model":"smollm2","messages":[]}"#;
const MAX_BODY: usize = 64 * 1024;

/// A gateway before a model server that must not be asked.
struct Refusing {
    gateway: Gateway,
    tap: Tap,
    clients: AtomicU8,
}

impl Refusing {
    async fn start() -> Self {
        let tap = Tap::answering(|_| ok(&chat(&usage(1, 0, 1))));
        let setup = Setup::default()
            .upstream(&tap)
            .env("LLMGW_GATEWAY__MAX_BODY", &MAX_BODY.to_string())
            .env("LLMGW_GATEWAY__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
        Self {
            gateway: setup.start().await,
            tap,
            clients: AtomicU8::new(1),
        }
    }

    /// Asks on every path; each refuses in its own dialect.
    async fn refuses(&self, status: u16, code: &str, request: impl Fn(&str) -> Request) {
        for path in PATHS {
            let request = request(path);
            let answer = self.gateway.ask(&request).await;
            assert_eq!(
                answer.status(),
                status,
                "{code}: {}",
                String::from_utf8_lossy(&request.bytes())
            );
            assert_refused(&answer, path, status, code);
        }
    }

    async fn refuses_body(&self, status: u16, code: &str, body: &str) {
        self.refuses(status, code, |path| self.gateway.request(path, body))
            .await;
    }

    // Each comes from an address of its own: one that tries many keys is slowed down.
    async fn refuses_key(&self, code: &str, key: &str) {
        let client = format!("192.0.2.{}", self.clients.fetch_add(1, Ordering::Relaxed));
        let from_client = |path: &str| Request::post(path, BODY).header("X-Forwarded-For", &client);
        self.refuses(401, code, |path| from_client(path).key(key)).await;
        self.refuses(401, code, |path| from_client(path).header("x-api-key", key))
            .await;
    }

    /// Nothing that was refused left a trace.
    async fn assert_untouched(&self) {
        assert_eq!(self.gateway.ledger().await, []);
        assert_eq!((self.tap.connections(), self.tap.received().len()), (0, 0));
        assert_eq!(self.gateway.metric("llmgw_requests_in_flight").await, 0.0);
    }
}

#[track_caller]
fn assert_refused(answer: &Answer, path: &str, status: u16, code: &str) {
    assert_eq!(answer.status(), status, "{path}: {}", answer.text());
    assert_eq!(
        answer.head.get("content-type"),
        Some("application/json"),
        "{path}"
    );
    let (body, id) = (answer.json(), answer.id());
    assert!(!body["error"]["message"].as_str().unwrap().is_empty(), "{path}");
    if path == "/v1/messages" {
        let kind = match status {
            400 | 405 | 408 | 415 => "invalid_request_error",
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            _ => "api_error",
        };
        assert_eq!(
            (&body["type"], &body["error"]["type"]),
            (&json!("error"), &json!(kind)),
            "{path}"
        );
        assert_eq!(body["request_id"], id, "{path}");
    } else {
        assert_eq!(body["error"]["code"], code, "{path}: {body}");
        assert!(
            body["error"]["type"].is_string() && body["error"].get("param").is_some(),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn keys_that_are_none() {
    let refusing = Refusing::start().await;
    refusing
        .refuses(401, "missing_api_key", |path| Request::post(path, BODY))
        .await;
    refusing
        .refuses(401, "missing_api_key", |path| {
            Request::post(path, BODY).header("Authorization", "Basic eDp5")
        })
        .await;
    refusing.refuses_key("invalid_api_key", "sk-wrong").await;
    refusing
        .refuses_key("invalid_api_key", &format!("sk-llmgw-{}", "a".repeat(20)))
        .await;
    let key = &refusing.gateway.key;
    let typo = if key.ends_with('a') { "b" } else { "a" };
    refusing
        .refuses_key("mistyped_api_key", &format!("{}{typo}", &key[..key.len() - 1]))
        .await;
    // Well formed, but of another gateway.
    let other = Setup::default().start().await;
    refusing.refuses_key("invalid_api_key", &other.key).await;
    refusing.assert_untouched().await;
}

#[tokio::test]
async fn keys_that_were() {
    let refusing = Refusing::start().await;
    let admin = &refusing.gateway.admin;
    let revoked = admin.new_key("alice", json!({})).await;
    admin.revoke(&revoked.id).await;
    refusing.refuses_key("revoked_api_key", &revoked.text).await;
    let soon = Timestamp::now() + SignedDuration::from_millis(300);
    let expiring = admin.new_key("alice", json!({"expires_at": soon})).await;
    eventually("the key expires", async || {
        let listed = refusing
            .gateway
            .ask(&Request::get("/v1/models").key(&expiring.text))
            .await;
        (listed.status() == 401).then_some(())
    })
    .await;
    refusing.refuses_key("expired_api_key", &expiring.text).await;
    refusing.assert_untouched().await;
}

#[tokio::test]
async fn models_that_are_not_for_this_key() {
    let refusing = Refusing::start().await;
    let admin = &refusing.gateway.admin;
    let target = json!({"id": "t", "base_url": refusing.tap.url()});
    admin
        .new_model(json!({"id": "of-others", "targets": [target], "access": {"groups": ["staff"]}}))
        .await;
    admin
        .new_model(json!({"id": "off", "targets": [target], "state": "disabled"}))
        .await;
    admin.new_model(json!({"id": "nowhere"})).await;
    for unknown in ["no-such-model", "of-others", "off"] {
        refusing
            .refuses_body(404, "model_not_found", &json!({"model": unknown}).to_string())
            .await;
    }
    refusing
        .refuses_body(503, "model_unavailable", r#"{"model":"nowhere"}"#)
        .await;
    let scoped = admin.new_key("alice", json!({"models": ["nowhere"]})).await;
    refusing
        .refuses(403, "model_not_allowed", |path| {
            Request::post(path, BODY).key(&scoped.text)
        })
        .await;
    refusing.assert_untouched().await;

    admin
        .new_model(json!({"id": "embedder", "targets": [target], "endpoints": ["embeddings"]}))
        .await;
    let answer = refusing
        .gateway
        .post("/v1/chat/completions", r#"{"model":"embedder"}"#)
        .await;
    assert_refused(&answer, "/v1/chat/completions", 404, "endpoint_not_supported");
    refusing.assert_untouched().await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let refusing = Refusing::start().await;
    // Of two models none can be meant that is not named.
    let target = json!({"id": "t", "base_url": refusing.tap.url()});
    let other = json!({"id": "other", "targets": [target]});
    refusing.gateway.admin.new_model(other).await;
    let deep = format!(
        r#"{{"model":"smollm2","x":{}{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    for (status, code, body) in [
        (400, "duplicate_field", r#"{"model":"cheap","model":"smollm2"}"#),
        (
            400,
            "duplicate_field",
            r#"{"model":"smollm2","mod\u0065l":"smollm2"}"#,
        ),
        (
            400,
            "duplicate_field",
            r#"{"model":"smollm2","stream":true,"stream":false}"#,
        ),
        (400, "body_too_deep", &deep),
        (400, "invalid_json", r#"{"model":"smollm2","#),
        (400, "invalid_json", r#"{"model":"smollm2"} {"model":"smollm2"}"#),
        (400, "invalid_json", "\u{feff}{\"model\":\"smollm2\"}"),
        (400, "invalid_json", "[]"),
        (400, "missing_model", r#"{"messages":[]}"#),
        (400, "missing_model", "{}"),
        (400, "invalid_field", r#"{"model":"smollm2","stream":"yes"}"#),
        (400, "invalid_field", r#"{"model":7}"#),
    ] {
        refusing.refuses_body(status, code, body).await;
    }
    refusing.assert_untouched().await;
}

#[tokio::test]
async fn bodies_of_another_kind() {
    let refusing = Refusing::start().await;
    let gateway = &refusing.gateway;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        refusing
            .refuses(415, "unsupported_media_type", |path| {
                gateway.request(path, BODY).header("Content-Type", kind)
            })
            .await;
    }
    for encoding in ["gzip", "br", "identity, gzip"] {
        refusing
            .refuses(415, "unsupported_content_encoding", |path| {
                gateway.request(path, BODY).header("Content-Encoding", encoding)
            })
            .await;
    }
    refusing.assert_untouched().await;
    let good = gateway
        .request(PATHS[0], BODY)
        .header("Content-Type", "Application/JSON ; charset=utf-8")
        .header("Content-Encoding", "identity");
    assert_eq!(gateway.ask(&good).await.status(), 200);
}

#[tokio::test]
async fn bodies_that_are_too_long() {
    let refusing = Refusing::start().await;
    let long = |length: usize| format!(r#"{{"model":"smollm2","input":"{}"}}"#, "x".repeat(length));
    refusing
        .refuses_body(413, "request_too_large", &long(MAX_BODY))
        .await;
    for path in PATHS {
        let request = refusing
            .gateway
            .request(path, BODY)
            .header("Transfer-Encoding", "chunked");
        let mut client = refusing.gateway.connect().await;
        client.send(&request.head_bytes()).await;
        for part in long(MAX_BODY).as_bytes().chunks(10_000) {
            client.send(&chunk(part)).await;
        }
        client.send(LAST_CHUNK.as_bytes()).await;
        assert_refused(&client.answer().await, path, 413, "request_too_large");
    }
    refusing.assert_untouched().await;
    let fits = long(MAX_BODY - long(0).len());
    assert_eq!(fits.len(), MAX_BODY);
    assert_eq!(refusing.gateway.post("/v1/embeddings", &fits).await.status(), 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time() {
    let tap = Tap::answering(|_| ok("{}"));
    let gateway = Setup::default()
        .upstream(&tap)
        .env("LLMGW_GATEWAY__BODY_TIMEOUT", "200ms")
        .start()
        .await;
    let mut client = gateway.connect().await;
    let bytes = gateway.request(PATHS[0], BODY).bytes();
    client.send(&bytes[..bytes.len() - 5]).await;
    let answer = client.answer().await;
    assert_refused(&answer, PATHS[0], 408, "request_timeout");
    assert_eq!((gateway.ledger().await.len(), tap.received().len()), (0, 0));
}

#[tokio::test]
async fn bodies_that_would_take_more_memory_than_there_may_be() {
    let tap = Tap::answering(|_| ok("{}"));
    let gateway = Setup::default()
        .upstream(&tap)
        .env("LLMGW_GATEWAY__MAX_BUFFERED", "10KiB")
        .start()
        .await;
    let body = json!({"model": "smollm2", "input": "x".repeat(20_000)}).to_string();
    let answer = gateway.post(PATHS[0], &body).await;
    assert_refused(&answer, PATHS[0], 503, "service_unavailable");
    assert_eq!(answer.head.get("retry-after"), Some("1"));
    // What was refused holds no memory.
    assert_eq!(gateway.post(PATHS[0], BODY).await.status(), 200);
}

#[tokio::test]
async fn paths_and_methods_that_are_not_served() {
    let refusing = Refusing::start().await;
    let gateway = &refusing.gateway;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/chat/completions",
        "/v1/chat/completions/",
        "/v1/chat//completions",
        "/v1/../v1/models",
        "/metrics",
        "/health/ready",
        "/api/v1/keys",
        "/v1/models/../../metrics",
        "/v1/%63hat/completions/x/y",
    ] {
        let answer = gateway.ask(&gateway.request(path, BODY)).await;
        assert!(
            [404, 405].contains(&answer.status()),
            "{path}: {}",
            answer.status()
        );
        assert!(
            ["unknown_url", "method_not_allowed"].contains(&&*answer.code()),
            "{path}: {}",
            answer.text()
        );
    }
    for path in PATHS {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = gateway
                .ask(&Request::get(path).key(&gateway.key).method(method))
                .await;
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert!(answer.json()["error"]["message"].is_string());
        }
    }
    for path in ["/v1/models", "/v1/models/smollm2", "/v1/key"] {
        let answer = gateway.ask(&gateway.request(path, BODY)).await;
        assert_eq!(
            (answer.status(), answer.code()),
            (405, "method_not_allowed".to_owned()),
            "{path}"
        );
        let answer = gateway.ask(&Request::get(path)).await;
        assert_eq!(
            (answer.status(), answer.code()),
            (401, "missing_api_key".to_owned()),
            "{path}"
        );
    }
    refusing.assert_untouched().await;
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_usable() {
    let refusing = Refusing::start().await;
    let gateway = &refusing.gateway;
    let mut client: Connection = gateway.connect().await;
    for _ in 0..3 {
        let refused = client
            .ask(&gateway.request(PATHS[0], r#"{"model":"no-such-model"}"#))
            .await;
        assert_eq!(refused.status(), 404);
        let wrong_key = client.ask(&Request::post(PATHS[0], BODY).key("sk-wrong")).await;
        assert_eq!(wrong_key.status(), 401);
        assert_eq!(client.ask(&gateway.request(PATHS[0], BODY)).await.status(), 200);
    }
}

#[tokio::test]
async fn the_administration_needs_its_own_key() {
    let refusing = Refusing::start().await;
    let gateway = &refusing.gateway;
    for path in [
        "/api/v1/keys",
        "/api/v1/models",
        "/api/v1/usage",
        "/api/v1/usage/events",
    ] {
        for request in [
            Request::get(path),
            Request::get(path).key(&gateway.key),
            Request::get(path).key(""),
        ] {
            let answer = Connection::open(gateway.admin.at()).await.ask(&request).await;
            assert_eq!(answer.status(), 401, "{path}");
            assert_eq!(answer.head.get("content-type"), Some("application/problem+json"));
        }
    }
}

#[tokio::test]
async fn requests_that_smuggle_are_refused_or_framed_by_one_rule() {
    let refusing = Refusing::start().await;
    let gateway = &refusing.gateway;
    let head = format!(
        "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
        gateway.key
    );
    for framing in [
        "Content-Length: 4\r\nContent-Length: 40\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
    ] {
        let mut client = gateway.connect().await;
        client
            .send(format!("{head}{framing}\r\n0\r\n\r\n").as_bytes())
            .await;
        let answer = client.answer().await;
        assert!(
            (400..500).contains(&answer.status()),
            "{framing}: {}",
            answer.status()
        );
    }
    refusing.assert_untouched().await;
}
