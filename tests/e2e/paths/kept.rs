//! An answer that its model server keeps is asked for there, and by nobody but whom it was made for.

use std::sync::atomic::{AtomicUsize, Ordering};

use llmgw_tests::answers::{ok, stream, stream_head};
use llmgw_tests::{Answer, Gateway, Key, Received, Request, Setup, Tap, Tokens};
use serde_json::{Value, json};

/// A model server that keeps answers, and says in each who it is.
fn keeper(name: &'static str) -> Tap {
    let made = AtomicUsize::new(0);
    Tap::answering(move |received: &Received| {
        let asked: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        let path = received.path.split('?').next().unwrap();
        let made_here = path == "/v1/responses" || path == "/v1/chat/completions";
        if received.method != "POST" || !made_here {
            let usage = json!({"input_tokens": 32, "output_tokens": 5});
            return ok(&json!({"by": name, "id": path, "usage": usage}).to_string()).into_bytes();
        }
        let id = format!("made_{name}_{}", made.fetch_add(1, Ordering::SeqCst));
        let usage = json!({"input_tokens": 32, "output_tokens": 5});
        if asked["stream"] == true {
            let made = json!({"type": "response.created", "response": {"id": id, "usage": null}});
            let done = json!({"type": "response.completed", "response": {"id": id, "usage": usage}});
            return stream(&format!("data: {made}\n\ndata: {done}\n\n"));
        }
        ok(&json!({"object": "response", "usage": usage, "output": [{"id": "inner"}], "id": id}).to_string())
            .into_bytes()
    })
}

struct World {
    gateway: Gateway,
    taps: [Tap; 2],
    alice: Key,
}

impl World {
    async fn start() -> Self {
        let taps = [keeper("a"), keeper("b")];
        let gateway = Setup::default().start().await;
        let target = |tap: &Tap, id: &str| json!({"id": id, "base_url": tap.url()});
        let targets = [target(&taps[0], "a"), target(&taps[1], "b")];
        gateway
            .admin
            .new_model(json!({"id": "m", "targets": targets}))
            .await;
        let alice = gateway.admin.new_key("alice", json!({})).await;
        Self { gateway, taps, alice }
    }

    async fn post(&self, path: &str, key: &Key, body: Value) -> Answer {
        self.gateway
            .ask(&Request::post(path, body.to_string()).key(&key.text))
            .await
    }

    /// The id of a new response, and the server that has it.
    async fn made(&self, fields: Value) -> (String, String) {
        let mut body = json!({"model": "m", "input": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().cloned().unwrap());
        let answer = self.post("/v1/responses", &self.alice, body).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let at = answer.text().find("made_").unwrap();
        let id: String = answer.text()[at..].chars().take_while(|c| *c != '"').collect();
        let by = id.split('_').nth(1).unwrap().to_owned();
        (id, by)
    }

    async fn ask(&self, method: &'static str, path: &str, key: &Key) -> Answer {
        self.gateway
            .ask(&Request::get(path).method(method).key(&key.text))
            .await
    }

    fn asked(&self) -> usize {
        self.taps.iter().map(|tap| tap.forwarded().len()).sum()
    }

    async fn assert_unknown(&self, method: &'static str, path: &str, key: &Key) {
        let asked = self.asked();
        let answer = self.ask(method, path, key).await;
        assert_eq!(
            (answer.status(), answer.code()),
            (404, "answer_not_found".to_owned()),
            "{method} {path}"
        );
        assert_eq!(self.asked(), asked, "a model server was asked: {method} {path}");
    }
}

#[tokio::test]
async fn an_answer_is_asked_for_where_it_was_made() {
    let world = World::start().await;
    let mut servers = Vec::new();
    for number in 0..4 {
        let (id, by) = world.made(json!({"stream": number % 2 == 1})).await;
        for (method, rest) in [
            ("GET", ""),
            ("GET", "?stream=true&starting_after=7"),
            ("GET", "/input_items?limit=2"),
            ("POST", "/cancel"),
        ] {
            let path = format!("/v1/responses/{id}{rest}");
            let answer = world.ask(method, &path, &world.alice).await;
            assert_eq!(
                (answer.status(), &answer.json()["by"]),
                (200, &json!(by)),
                "{method} {path}"
            );
            let tap = &world.taps[usize::from(by == "b")];
            let received = tap.forwarded().pop().unwrap();
            assert_eq!(
                (&*received.method, received.path, received.body),
                (method, path, Vec::new())
            );
            let event = world.gateway.record(&answer.id()).await;
            assert_eq!(
                (event.tokens, &*event.endpoint),
                (Tokens::default(), "responses"),
                "charged twice"
            );
        }
        servers.push(by);
    }
    servers.sort();
    assert_eq!(servers, ["a", "a", "b", "b"], "else this proves nothing");
}

#[tokio::test]
async fn nobody_else_reaches_it() {
    let world = World::start().await;
    let (id, _) = world.made(json!({})).await;
    let mallory = world.gateway.admin.new_key("mallory", json!({})).await;
    let narrow = world
        .gateway
        .admin
        .new_key("alice", json!({"models": ["other"]}))
        .await;
    let path = format!("/v1/responses/{id}");
    for (method, path) in [
        ("GET", path.clone()),
        ("GET", format!("{path}/input_items")),
        ("POST", format!("{path}/cancel")),
        ("DELETE", path.clone()),
        ("GET", format!("/v1/chat/completions/{id}x")),
    ] {
        world.assert_unknown(method, &path, &mallory).await;
    }
    world.assert_unknown("GET", &path, &narrow).await;
    world
        .assert_unknown("GET", "/v1/responses/made_a_999", &world.alice)
        .await;
    for odd in ["..", "%2e%2e", "a%2Fb", "a%3fb", "made_a_0%20"] {
        let asked = world.asked();
        let answer = world
            .ask("GET", &format!("/v1/responses/{odd}"), &world.alice)
            .await;
        assert_eq!((answer.status(), world.asked()), (404, asked), "{odd}");
    }
    let second = world.gateway.admin.new_key("alice", json!({})).await;
    assert_eq!(
        world.ask("GET", &path, &second).await.status(),
        200,
        "another key of hers"
    );
    let nobody = world.gateway.ask(&Request::get(&path)).await;
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn what_goes_on_from_an_answer_goes_where_that_is() {
    let world = World::start().await;
    for _ in 0..4 {
        let (first, by) = world.made(json!({})).await;
        for _ in 0..3 {
            let (_, next) = world.made(json!({"previous_response_id": first})).await;
            assert_eq!(next, by);
        }
        let mallory = world.gateway.admin.new_key("mallory", json!({})).await;
        let asked = world.asked();
        for previous in [json!(first), json!("made_x"), json!(7)] {
            let body = json!({"model": "m", "input": "x", "previous_response_id": previous});
            for path in [
                "/v1/responses",
                "/v1/responses/compact",
                "/v1/responses/input_tokens",
            ] {
                let answer = world.post(path, &mallory, body.clone()).await;
                assert_eq!(
                    (answer.status(), answer.code()),
                    (404, "previous_response_not_found".to_owned()),
                    "{path}"
                );
                assert_eq!(answer.json()["error"]["param"], "previous_response_id");
            }
        }
        // Nor can she give her own answer the id of another.
        let body = json!({"model": "m", "input": "x", "request_id": first});
        assert_eq!(world.post("/v1/responses", &mallory, body).await.status(), 400);
        assert_eq!(world.asked(), asked);
    }
    // Elsewhere the field means nothing, and null is none.
    world.made(json!({"previous_response_id": null})).await;
    let body = json!({"model": "m", "previous_response_id": {"x": 1}});
    assert_eq!(
        world.post("/v1/embeddings", &world.alice, body).await.status(),
        200
    );
}

#[tokio::test]
async fn what_is_not_kept_is_not_remembered() {
    let world = World::start().await;
    let (id, _) = world.made(json!({"store": false})).await;
    world
        .assert_unknown("GET", &format!("/v1/responses/{id}"), &world.alice)
        .await;
    for (store, kept) in [(json!(true), true), (json!(false), false), (Value::Null, false)] {
        let body = json!({"model": "m", "store": store, "messages": []});
        let id = world
            .post("/v1/chat/completions", &world.alice, body)
            .await
            .json()["id"]
            .clone();
        let path = format!("/v1/chat/completions/{}", id.as_str().unwrap());
        if !kept {
            world.assert_unknown("GET", &path, &world.alice).await;
            continue;
        }
        let note = json!({"metadata": {"a": "b"}});
        let answer = world.post(&path, &world.alice, note.clone()).await;
        assert_eq!((answer.status(), &answer.json()["id"]), (200, &json!(path)));
        let received = world
            .taps
            .iter()
            .filter_map(|tap| tap.forwarded().pop())
            .find(|one| one.path == path);
        assert_eq!(received.unwrap().text(), note.to_string());
        assert_eq!(
            world
                .ask("GET", &format!("{path}/messages?limit=1"), &world.alice)
                .await
                .status(),
            200
        );
        assert_eq!(world.ask("DELETE", &path, &world.alice).await.status(), 200);
        world.assert_unknown("GET", &path, &world.alice).await;
    }
}

#[tokio::test]
async fn it_is_remembered_over_a_restart_and_forgotten_in_time() {
    let mut world = World::start().await;
    let (id, by) = world.made(json!({})).await;
    let path = format!("/v1/responses/{id}");
    world.gateway.sigterm();
    world.gateway.exited().await;
    world.gateway.start_again().await;
    assert_eq!(world.ask("GET", &path, &world.alice).await.json()["by"], by);

    let setup = Setup::default()
        .upstream(&world.taps[0])
        .env("LLMGW_GATEWAY__ANSWERS_KEPT", "0s");
    let short = setup.start().await;
    let answer = short.post("/v1/responses", r#"{"model":"smollm2"}"#).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let gone = short
        .ask(&Request::get(&format!("/v1/responses/{id}")).key(&short.key))
        .await;
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn a_fallback_s_answer_is_the_fallback_s() {
    let tap = keeper("a");
    let gateway = Setup::default().start().await;
    let at = |url: &str| json!([{"id": "t", "base_url": url}]);
    gateway
        .admin
        .new_model(json!({"id": "second", "targets": at(&tap.url())}))
        .await;
    gateway
        .admin
        .new_model(json!({"id": "first", "targets": at("http://127.0.0.1:9"), "fallbacks": ["second"]}))
        .await;
    let answer = gateway.post("/v1/responses", r#"{"model":"first"}"#).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let kept = gateway
        .ask(&Request::get(&format!("/v1/responses/{id}")).key(&gateway.key))
        .await;
    assert_eq!((kept.status(), &kept.json()["by"]), (200, &json!("a")));
    assert_eq!(gateway.record(&kept.id()).await.model, "second");
}

#[tokio::test]
async fn an_answer_in_the_background_is_charged_its_estimate() {
    let tap = Tap::answering(|_| ok(r#"{"id":"r_1","status":"queued","usage":null}"#));
    let gateway = Gateway::before(&tap).await;
    let body =
        r#"{"model":"smollm2","background":true,"max_output_tokens":77,"input":"Ahoy, is it a lighthouse?"}"#;
    let event = gateway
        .record(&gateway.post("/v1/responses", body).await.id())
        .await;
    assert_eq!((&*event.source, &*event.end), ("estimated", "complete"));
    assert_eq!(
        (event.tokens.prompt, event.tokens.completion),
        (body.len() as u64 / 4, 77)
    );
}

#[tokio::test]
async fn a_stream_in_the_background_that_is_left_is_charged_its_estimate_too() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let body = r#"{"model":"smollm2","background":true,"stream":true,"max_output_tokens":77,"input":"Ahoy, is it one?"}"#;
    let mut client = gateway.connect().await;
    client.send(&gateway.request("/v1/responses", body).bytes()).await;
    let mut call = tap.call().await;
    call.write(stream_head()).await;
    let created = r#"data: {"type":"response.created","response":{"id":"r_1","usage":null}}"#;
    call.event(&format!("{created}\n\n")).await;
    client.body_until("\n\n").await;
    drop(client);
    let event = gateway.only_record().await;
    assert_eq!((&*event.source, &*event.end), ("estimated", "client_gone"));
    assert_eq!(
        (event.tokens.prompt, event.tokens.completion),
        (body.len() as u64 / 4, 77)
    );
}

#[tokio::test]
async fn a_model_is_named_where_everybody_looks_for_it() {
    let tap = Tap::answering(|_| ok("{}"));
    let gateway = Gateway::before(&tap).await;
    let path = "/v1/images/generations?model=dear";
    let refused = gateway.post(path, r#"{"prompt":"a cat"}"#).await;
    assert_eq!(
        (refused.status(), &refused.json()["error"]["param"]),
        (400, &json!("model"))
    );
    let taken = gateway
        .post(path, r#"{"prompt":"a cat","model":"smollm2"}"#)
        .await;
    assert_eq!((taken.status(), tap.forwarded().len()), (200, 1));
}
