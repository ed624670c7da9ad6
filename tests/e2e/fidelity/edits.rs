//! What a parser might be tempted to tidy up goes through as it was written.

use llmgw_tests::answers::{self, DONE, LAST_CHUNK, chunk, ok, said, usage, usage_event};
use llmgw_tests::{Gateway, Received, Reply, Tap};
use serde_json::json;

const ODD: &str = " {\r\n\t\"zeta\" : 1.0e+3, \"big\":123456789012345678901234567890 ,\"model\"\t:\n\"smollm2\",\"a\\u0062c\": \
    \"\\u00e9\\uD83D\\uDE00\\/é😀\",\"unknown\":{\"model\":\"inner\",\"stream_options\":[ ]},\"-0\":-0.0, \"messages\":[]  }\n";

fn mirror() -> Tap {
    Tap::answering(|received: &Received| ok(received.text()))
}

#[tokio::test]
async fn odd_spacing_order_numbers_and_escapes_pass_both_ways() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    for path in [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/messages",
    ] {
        let answer = gateway.post(path, ODD).await;
        assert_eq!(tap.received().last().unwrap().text(), ODD);
        assert_eq!(answer.text(), ODD);
    }
}

#[tokio::test]
async fn only_the_value_of_model_changes() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "own", "base_url": tap.url(), "model": "own/name"});
    gateway
        .admin
        .new_model(json!({"id": "public", "aliases": ["also"], "targets": [target]}))
        .await;
    for name in ["public", "p\\u0075blic"] {
        gateway
            .post(
                "/v1/chat/completions",
                &ODD.replace("\"smollm2\"", &format!("\"{name}\"")),
            )
            .await;
        assert_eq!(
            tap.received().last().unwrap().text(),
            ODD.replace("\"smollm2\"", "\"own/name\""),
            "{name}"
        );
    }
}

#[tokio::test]
async fn stream_options_are_edited_in_their_place() {
    let tap = Tap::answering(|_| answers::stream(&answers::chat_events(Some(&usage(1, 0, 1)))));
    let gateway = Gateway::before(&tap).await;
    let asked = r#"{"include_usage":true}"#;
    for (sent, arrives) in [
        (
            r#"{"stream":true, "model":"smollm2" }"#,
            format!(r#"{{"stream":true, "model":"smollm2","stream_options":{asked} }}"#),
        ),
        (
            r#"{"stream_options" : null,"model":"smollm2","stream":true}"#,
            format!(r#"{{"stream_options" : {asked},"model":"smollm2","stream":true}}"#),
        ),
        (
            r#"{"stream_options":{"include_obfuscation":false},"model":"smollm2","stream":true}"#,
            r#"{"stream_options":{"include_obfuscation":false,"include_usage":true},"model":"smollm2","stream":true}"#.to_owned(),
        ),
        (
            r#"{"stream_options":{ "include_usage" : true },"model":"smollm2","stream":true}"#,
            r#"{"stream_options":{ "include_usage" : true },"model":"smollm2","stream":true}"#.to_owned(),
        ),
        (
            r#"{"model":"smollm2","stream":false}"#,
            r#"{"model":"smollm2","stream":false}"#.to_owned(),
        ),
    ] {
        gateway.post("/v1/chat/completions", sent).await;
        assert_eq!(tap.received().last().unwrap().text(), arrives);
    }
    for path in ["/v1/responses", "/v1/messages", "/v1/embeddings"] {
        let sent = r#"{"model":"smollm2","stream":true}"#;
        gateway.post(path, sent).await;
        assert_eq!(tap.received().last().unwrap().text(), sent, "{path}");
    }
}

#[tokio::test]
async fn a_target_that_must_not_be_asked_for_usage_is_not() {
    let events = answers::chat_events(Some(&usage(1, 0, 1)));
    let whole = answers::stream(&events);
    let tap = Tap::answering(move |_| whole.clone());
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url(), "quirks": ["no_stream_usage"]});
    gateway
        .admin
        .new_model(json!({"id": "quirky", "targets": [target]}))
        .await;
    let sent = r#"{"model":"quirky","stream":true}"#;
    let answer = gateway.post("/v1/chat/completions", sent).await;
    assert_eq!(tap.received().last().unwrap().text(), sent);
    assert_eq!(
        answer.text(),
        events,
        "nothing was asked for, so nothing is taken out"
    );
}

#[tokio::test]
async fn only_events_without_choices_are_taken_out() {
    let with_choice = json!({"choices": [{"delta": {"content": "x"}}], "usage": usage(1, 0, 1)});
    let null = json!({"choices": [], "usage": null});
    let error = json!({"error": {"message": "late"}, "usage": usage(1, 0, 1)});
    let kept = format!(
        ": a comment\n\ndata: {with_choice}\n\nevent: x\nid: 7\nretry: 10\ndata: {null}\n\ndata: {error}\n\n{}",
        said("usage")
    );
    let events = format!("{kept}{}{DONE}", usage_event(&usage(2, 0, 2)));
    let tap = Tap::answering(move |_| answers::stream(&events));
    let gateway = Gateway::before(&tap).await;
    let answer = gateway
        .post("/v1/chat/completions", r#"{"model":"smollm2","stream":true}"#)
        .await;
    assert_eq!(answer.text(), format!("{kept}{DONE}"));
    assert_eq!(gateway.only_record().await.tokens.prompt, 2);
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    let body = json!({"model": "smollm2", "input": "ü\n".repeat(1 << 20)}).to_string();
    let answer = gateway.post("/v1/embeddings", &body).await;
    assert!(tap.received()[0].text() == body, "upstream got other bytes");
    assert!(answer.text() == body, "the client got other bytes");
}

#[tokio::test]
async fn a_body_sent_slowly_and_in_chunks_arrives_whole() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    let body = r#"{"model":"smollm2","input":"slow"}"#;
    let request = gateway
        .request("/v1/embeddings", body)
        .header("Transfer-Encoding", "chunked");
    let mut connection = gateway.connect().await;
    connection.send(&request.head_bytes()).await;
    for byte in body.as_bytes().chunks(1) {
        connection.send(&chunk(byte)).await;
    }
    connection.send(LAST_CHUNK.as_bytes()).await;
    assert_eq!(connection.answer().await.text(), body);
    let received = &tap.received()[0];
    assert_eq!((received.text(), received.get("transfer-encoding")), (body, None));
}

const UNTIL_CLOSED: &str = r#"{"data":[],"usage":{"prompt_tokens":4,"total_tokens":4}}"#;

/// A model server whose answers end when it closes the connection (RFC 9112 6.3, item 8).
fn until_closed(version: &'static str) -> Tap {
    Tap::answering(move |_| {
        let head = format!("{version} 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
        Reply {
            close: true,
            ..(head + UNTIL_CLOSED).into()
        }
    })
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_passes() {
    let tap = until_closed("HTTP/1.0");
    let gateway = Gateway::before(&tap).await;
    let answer = gateway
        .post("/v1/embeddings", r#"{"model":"smollm2","input":"x"}"#)
        .await;
    assert_eq!((answer.text(), answer.whole), (UNTIL_CLOSED, true));
    assert_eq!(gateway.only_record().await.tokens.prompt, 4);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_empty_answer() {
    let tap = until_closed("HTTP/1.1");
    let gateway = Gateway::before(&tap).await;
    let answer = gateway
        .post("/v1/embeddings", r#"{"model":"smollm2","input":"x"}"#)
        .await;
    // Either will do; an empty answer of status 200 would be an invention.
    assert!(
        answer.text() == UNTIL_CLOSED || answer.status() == 502,
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_event_longer_than_the_gateway_keeps_passes_whole() {
    let long = said(&"long ".repeat(400_000));
    let kept = format!("{}{long}{}{DONE}", said("before"), said("after"));
    let events = kept.replace(DONE, &format!("{}{DONE}", usage_event(&usage(2, 0, 2))));
    let tap = Tap::answering(move |_| answers::stream(&events));
    let gateway = Gateway::before(&tap).await;
    let answer = gateway
        .post("/v1/chat/completions", r#"{"model":"smollm2","stream":true}"#)
        .await;
    assert!(
        answer.whole && answer.text() == kept,
        "the client got other bytes: {} of {}",
        answer.body.len(),
        kept.len()
    );
    assert_eq!(gateway.only_record().await.source, "reported");
}

#[tokio::test]
async fn chunk_extensions_and_trailers_are_framing_and_nothing_else() {
    let body = r#"{"usage":{"prompt_tokens":4}}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: x-late\r\n\r\n";
    let bytes = format!(
        "{head}{:x};ext=\"1\"\r\n{body}\r\n0\r\nX-Late: 1\r\n\r\n",
        body.len()
    );
    let tap = Tap::answering(move |_| bytes.clone());
    let gateway = Gateway::before(&tap).await;
    let answer = gateway
        .post("/v1/embeddings", r#"{"model":"smollm2","input":"x"}"#)
        .await;
    assert_eq!(
        (answer.text(), answer.whole, answer.head.get("x-late")),
        (body, true, None)
    );
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let tap = mirror();
    let gateway = Gateway::before(&tap).await;
    let body = r#"{"model":"smollm2","input":"x"}"#;
    let request = gateway
        .request("/v1/embeddings", body)
        .header("Expect", "100-continue");
    let mut client = gateway.connect().await;
    client.send(&request.head_bytes()).await;
    assert_eq!(client.head().await.status, 100);
    client.send(body.as_bytes()).await;
    assert_eq!(client.next_answer().await.text(), body);
    assert_eq!(tap.received()[0].get("expect"), None);
}
