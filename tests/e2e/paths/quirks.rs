//! What a target does otherwise than its dialect promises, and what that is charged.

use llmgw_tests::answers::{self, chat, chat_events, not_found, ok, said, stream, usage};
use llmgw_tests::{Event, Gateway, Received, Setup, Tap};
use serde_json::{Value, json};

/// A gateway before `tap`, whose target has these quirks.
async fn quirky(tap: &Tap, quirks: &[&str]) -> Gateway {
    let gateway = Setup::default().start().await;
    let target = json!({"id": "t", "base_url": tap.url(), "quirks": quirks});
    gateway
        .admin
        .new_model(json!({"id": "m", "targets": [target]}))
        .await;
    gateway
}

async fn charged(gateway: &Gateway, path: &str, body: Value) -> Event {
    let answer = gateway.post(path, &body.to_string()).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    gateway.record(&answer.id()).await
}

/// Two answers of 40 letters each, and tokens of the first only, as llama.cpp tells them.
fn first_only(received: &Received) -> Vec<u8> {
    let asked: Value = serde_json::from_slice(&received.body).unwrap();
    let told = usage(26, 25, 8);
    match &*received.path {
        "/tokenize" => ok(r#"{"tokens":[1,2,3,4,5,6,7]}"#).into_bytes(),
        "/extras/tokenize/count" => not_found().into_bytes(),
        _ if asked["stream"] == true => {
            let pieces: String = (0..16).map(|_| said("word")).collect();
            stream(&format!(
                "{pieces}{}",
                chat_events(Some(&told))
                    .replacen("Aye", "", 1)
                    .replacen(", aye.", "", 1)
            ))
        }
        _ => {
            let choice = |index: u64| json!({"index": index, "message": {"content": "x".repeat(40)}});
            ok(&json!({"choices": [choice(0), choice(1)], "usage": told}).to_string()).into_bytes()
        }
    }
}

#[tokio::test]
async fn several_answers_are_not_charged_as_one() {
    let tap = Tap::answering(first_only);
    let gateway = quirky(&tap, &["first_choice_only"]).await;
    let path = "/v1/chat/completions";
    let one = charged(&gateway, path, json!({"model": "m", "n": 1})).await;
    assert_eq!((&*one.source, one.tokens.completion), ("reported", 8));
    let two = charged(&gateway, path, json!({"model": "m", "n": 2})).await;
    assert_eq!(
        (&*two.source, two.tokens.prompt, two.tokens.cached),
        ("estimated", 26, 25)
    );
    assert_eq!(two.tokens.completion, 20, "80 letters");
    let streamed = charged(&gateway, path, json!({"model": "m", "n": 2, "stream": true})).await;
    assert_eq!(
        (&*streamed.source, streamed.tokens.completion),
        ("estimated", 16),
        "a token each"
    );
    // Prompts that nobody reports are counted.
    let batch = json!({"model": "m", "prompt": ["one", "two"]});
    let batch = charged(&gateway, "/v1/completions", batch).await;
    assert_eq!(
        (&*batch.source, batch.tokens.prompt, batch.tokens.completion),
        ("estimated", 7, 20)
    );
}

#[tokio::test]
async fn without_the_quirk_what_is_reported_counts() {
    let tap = Tap::answering(first_only);
    let gateway = quirky(&tap, &[]).await;
    for body in [
        json!({"model": "m", "n": 2}),
        json!({"model": "m", "prompt": ["one", "two"]}),
    ] {
        let event = charged(&gateway, "/v1/completions", body).await;
        assert_eq!((&*event.source, event.tokens.completion), ("reported", 8));
    }
}

#[tokio::test]
async fn a_client_that_left_a_cumulative_stream_pays_what_was_reported_last() {
    for (quirks, source, completion) in [(&["cumulative"][..], "reported", 2), (&[], "estimated", 4)] {
        let mut tap = Tap::by_hand();
        let gateway = quirky(&tap, quirks).await;
        let mut client = gateway.begin(r#"{"model":"m","stream":true}"#).await;
        let mut call = tap.call().await;
        call.write(answers::stream_head()).await;
        let told = json!({"choices": [{"delta": {"content": "x"}}], "usage": usage(31, 0, 2)});
        let events = format!("{}{}{}data: {told}\n\n", said("a"), said("b"), said("c"));
        call.event(&events).await;
        client.body_until(&events).await;
        drop(client);
        call.closed().await;
        let event = gateway.only_record().await;
        assert_eq!(
            (&*event.end, &*event.source),
            ("client_gone", source),
            "{quirks:?}"
        );
        assert_eq!(
            (event.tokens.prompt, event.tokens.completion),
            (31, completion),
            "{quirks:?}"
        );
    }
}

#[tokio::test]
async fn several_prompts_and_answers_are_reserved_for() {
    let tap = Tap::answering(|_| ok(&chat(&usage(1, 0, 1))));
    let gateway = Gateway::before(&tap).await;
    let limits = json!([{"unit": "tokens", "window": "day", "amount": 1_000}]);
    let key = gateway.admin.new_key("alice", json!({"limits": limits})).await;
    let status = async |body: &str| {
        let request = llmgw_tests::Request::post("/v1/completions", body).key(&key.text);
        gateway.ask(&request).await.status()
    };
    assert_eq!(
        status(r#"{"model":"smollm2","max_tokens":300,"prompt":["a","b","c"]}"#).await,
        200
    );
    assert_eq!(
        status(r#"{"model":"smollm2","max_tokens":300,"prompt":["a","b"],"n":2}"#).await,
        429
    );
    assert_eq!(
        status(r#"{"model":"smollm2","max_tokens":300,"prompt":[1,2,3,4],"n":3}"#).await,
        200
    );
}
