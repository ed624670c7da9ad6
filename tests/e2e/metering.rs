//! Every token is counted once, in every dialect, whoever says how many it were.

mod mix;

use llmgw_tests::answers::{self, DONE, chat, chat_events, ok, said, stream, usage};
use llmgw_tests::{Event, Gateway, Received, Tap, Tokens};
use serde_json::json;

const CHAT: &str =
    r#"{"model":"smollm2","messages":[{"role":"user","content":"Ahoy, is it a lighthouse?"}]}"#;
const CHAT_STREAM: &str =
    r#"{"model":"smollm2","stream":true,"messages":[{"role":"user","content":"Ahoy, is it a lighthouse?"}]}"#;

pub(crate) const fn tokens(prompt: u64, cached: u64, completion: u64) -> Tokens {
    Tokens {
        prompt,
        cached,
        completion,
        reasoning: 0,
    }
}

/// The record of one request to a model server that answers `answer`.
async fn recorded(path: &str, body: &str, answer: impl Into<Vec<u8>>) -> Event {
    let answer = answer.into();
    let tap = Tap::answering(move |received: &Received| {
        if received.path.contains("/v1/") {
            answer.clone()
        } else {
            answers::not_found().into_bytes()
        }
    });
    let gateway = Gateway::before(&tap).await;
    assert_eq!(gateway.post(path, body).await.status(), 200);
    let event = gateway.only_record().await;
    assert_eq!(
        (event.status, &*event.end, &*event.model),
        (200, "complete", "smollm2")
    );
    event
}

#[track_caller]
fn assert_reported(event: &Event, endpoint: &str, streamed: bool, tokens: Tokens) {
    assert_eq!(
        (&*event.endpoint, event.streamed, &*event.source, event.tokens),
        (endpoint, streamed, "reported", tokens)
    );
}

#[tokio::test]
async fn a_chat_is_counted_as_reported() {
    let event = recorded("/v1/chat/completions", CHAT, ok(&chat(&usage(26, 25, 10)))).await;
    assert_reported(&event, "chat_completions", false, tokens(26, 25, 10));
}

#[tokio::test]
async fn reasoning_tokens_are_kept_apart() {
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 90, "completion_tokens_details": {"reasoning_tokens": 80}});
    let event = recorded("/v1/chat/completions", CHAT, ok(&chat(&usage))).await;
    assert_reported(
        &event,
        "chat_completions",
        false,
        Tokens {
            reasoning: 80,
            ..tokens(5, 0, 90)
        },
    );
}

#[tokio::test]
async fn a_chat_s_stream_is_counted_as_reported() {
    let events = chat_events(Some(&usage(26, 25, 2)));
    let event = recorded("/v1/chat/completions", CHAT_STREAM, stream(&events)).await;
    assert_reported(&event, "chat_completions", true, tokens(26, 25, 2));
}

#[tokio::test]
async fn completions_may_report_in_the_finish_chunk() {
    let finish = json!({"choices": [{"text": "", "finish_reason": "length"}], "usage": usage(4, 3, 4)});
    let events = format!("data: {{\"choices\":[{{\"text\":\" the\"}}]}}\n\ndata: {finish}\n\n{DONE}");
    let event = recorded(
        "/v1/completions",
        r#"{"model":"smollm2","stream":true,"prompt":"x"}"#,
        stream(&events),
    )
    .await;
    assert_reported(&event, "completions", true, tokens(4, 3, 4));
}

#[tokio::test]
async fn embeddings_have_a_prompt_only() {
    let body = json!({"data": [{"embedding": [0.1, 0.2]}], "usage": {"prompt_tokens": 9, "total_tokens": 9}});
    let event = recorded(
        "/v1/embeddings",
        r#"{"model":"smollm2","input":"x"}"#,
        ok(&body.to_string()),
    )
    .await;
    assert_reported(&event, "embeddings", false, tokens(9, 0, 0));
}

#[tokio::test]
async fn responses_are_counted_as_reported() {
    let usage =
        json!({"input_tokens": 32, "input_tokens_details": {"cached_tokens": 31}, "output_tokens": 5});
    let body = json!({"object": "response", "output": [], "usage": usage}).to_string();
    let event = recorded("/v1/responses", r#"{"model":"smollm2","input":"x"}"#, ok(&body)).await;
    assert_reported(&event, "responses", false, tokens(32, 31, 5));
    let events = stream(&answers::response_events(32, 31, 5));
    let event = recorded(
        "/v1/responses",
        r#"{"model":"smollm2","stream":true,"input":"x"}"#,
        events,
    )
    .await;
    assert_reported(&event, "responses", true, tokens(32, 31, 5));
}

#[tokio::test]
async fn messages_count_what_came_from_the_cache_and_went_into_it() {
    let usage = json!({"input_tokens": 1, "cache_read_input_tokens": 31, "cache_creation_input_tokens": 8, "output_tokens": 5});
    let body = json!({"type": "message", "content": [], "usage": usage}).to_string();
    let event = recorded("/v1/messages", CHAT, ok(&body)).await;
    assert_reported(&event, "messages", false, tokens(40, 31, 5));
    let event = recorded(
        "/v1/messages",
        CHAT_STREAM,
        stream(&answers::message_events(1, 31, 8, 5)),
    )
    .await;
    assert_reported(&event, "messages", true, tokens(40, 31, 5));
}

#[tokio::test]
async fn the_last_usage_that_is_not_null_wins() {
    let at = |completion| json!({"choices": [{"delta": {"content": "x"}}], "usage": usage(9, 0, completion)});
    let null = json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": null});
    let events = format!("data: {}\n\ndata: {}\n\ndata: {null}\n\n{DONE}", at(1), at(2));
    let event = recorded("/v1/chat/completions", CHAT_STREAM, stream(&events)).await;
    assert_reported(&event, "chat_completions", true, tokens(9, 0, 2));
}

#[tokio::test]
async fn usage_inside_of_an_answer_s_text_counts_nothing() {
    let lie = json!({"choices": [{"message": {"content": "\"usage\":{\"prompt_tokens\":999}", "usage": usage(998, 0, 998)}}],
        "usage": usage(3, 0, 4), "x": {"usage": usage(997, 0, 997)}});
    let event = recorded("/v1/chat/completions", CHAT, ok(&lie.to_string())).await;
    assert_reported(&event, "chat_completions", false, tokens(3, 0, 4));
}

/// A model server that never reports, with a tokenizer at `path` or none.
fn silent(path: &'static str, counted: &'static str) -> Tap {
    Tap::answering(move |received: &Received| match &*received.path {
        "/v1/chat/completions" if received.text().contains("\"stream\":true") => stream(&chat_events(None)),
        "/v1/chat/completions" => ok(r#"{"choices":[{"message":{"content":"Aye."}}]}"#).into_bytes(),
        asked if asked == path => ok(counted).into_bytes(),
        _ => answers::not_found().into_bytes(),
    })
}

#[tokio::test]
async fn what_no_server_reports_its_tokenizer_counts() {
    for (path, counted, prompt) in [
        ("/extras/tokenize/count", r#"{"count":42}"#, 42),
        ("/tokenize", r#"{"tokens":[5,6,7]}"#, 3),
    ] {
        let tap = silent(path, counted);
        let gateway = Gateway::before(&tap).await;
        let id = gateway.post("/v1/chat/completions", CHAT_STREAM).await.id();
        let event = gateway.record(&id).await;
        assert_eq!(
            (&*event.source, event.tokens),
            ("counted", tokens(prompt, 0, 2)),
            "{path}"
        );
        assert!(
            tap.tokenized()
                .iter()
                .all(|asked| asked.text().contains("Ahoy, is it a lighthouse?"))
        );
        let id = gateway.post("/v1/chat/completions", CHAT).await.id();
        let event = gateway.record(&id).await;
        assert_eq!(
            (&*event.source, event.tokens.prompt),
            ("counted", prompt),
            "{path}"
        );
        assert!(event.tokens.completion > 0);
    }
}

#[tokio::test]
async fn files_and_tools_are_more_than_the_tokenizer_counts() {
    let tap = silent("/extras/tokenize/count", r#"{"count":42}"#);
    let gateway = Gateway::before(&tap).await;
    let body = r#"{"model":"smollm2","tools":[{"type":"function","function":{"name":"weather"}}],"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}"#;
    let event = gateway
        .record(&gateway.post("/v1/chat/completions", body).await.id())
        .await;
    assert_eq!((&*event.source, event.tokens.prompt), ("estimated", 42 + 1_000));
    assert!(
        tap.tokenized()
            .iter()
            .all(|asked| asked.text().contains("weather"))
    );
}

#[tokio::test]
async fn what_nobody_counts_is_estimated() {
    let tap = silent("/nowhere", "");
    let gateway = Gateway::before(&tap).await;
    for body in [CHAT, CHAT_STREAM] {
        let id = gateway.post("/v1/chat/completions", body).await.id();
        let event = gateway.record(&id).await;
        assert_eq!((&*event.source, &*event.end), ("estimated", "complete"));
        assert_eq!(
            event.tokens.prompt,
            body.len() as u64 / 4,
            "bytes of the body / 4"
        );
        assert!(event.tokens.completion > 0);
    }
}

#[tokio::test]
async fn a_stream_without_a_byte_is_an_error() {
    let tap = Tap::answering(|_| stream_without_a_byte());
    let gateway = Gateway::before(&tap).await;
    let answer = gateway.post("/v1/chat/completions", CHAT_STREAM).await;
    assert_eq!(
        (answer.status(), answer.code()),
        (502, "upstream_error".to_owned())
    );
    let event = gateway.only_record().await;
    assert_eq!(
        (event.request_id, &*event.end, event.status),
        (answer.id(), "upstream_error", 502)
    );
    assert_eq!(event.tokens, Tokens::default());
}

fn stream_without_a_byte() -> String {
    format!("{}{}", answers::stream_head(), answers::LAST_CHUNK)
}

#[tokio::test]
async fn cost_is_that_of_the_model_s_price() {
    let tap = Tap::answering(|_| ok(&chat(&usage(1_000, 400, 50))));
    let gateway = Gateway::before(&tap).await;
    let price = json!({"prompt": 3_000_000_000_i64, "cached_prompt": 1_000_000_000_i64, "completion": 15_000_000_000_i64});
    let target = json!({"id": "t", "base_url": tap.url()});
    gateway
        .admin
        .new_model(json!({"id": "dear", "targets": [target], "price": price}))
        .await;
    gateway.post("/v1/chat/completions", r#"{"model":"dear"}"#).await;
    // (600 x 3 + 400 x 1 + 50 x 15) / 1,000,000 of the currency, in nano-units.
    assert_eq!(gateway.only_record().await.cost, 2_950_000);
    let report = gateway.admin.usage("").await;
    assert_eq!(report["total"]["cost"], 2_950_000);
}

#[tokio::test]
async fn pieces_of_an_answer_are_counted_even_when_usage_is_refused() {
    let events = format!(
        "{}{}{DONE}",
        said("a").repeat(30),
        "data: {\"choices\":[],\"usage\":{}}\n\n"
    );
    let event = recorded("/v1/chat/completions", CHAT_STREAM, stream(&events)).await;
    assert_eq!((&*event.source, event.tokens.completion), ("estimated", 30));
}
