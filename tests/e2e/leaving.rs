//! A client that leaves frees what it held, at once, and pays for what it got.

use std::time::{Duration, Instant};

use llmgw_tests::answers::{self, DONE, LAST_CHUNK, chat, ok, said, usage};
use llmgw_tests::{Call, Gateway, Request, Tap, eventually};
use serde_json::json;

/// The promise is 100 ms; a busy machine gets five times that.
const AT_ONCE: Duration = Duration::from_millis(500);

const CHAT: &str =
    r#"{"model":"smollm2","messages":[{"role":"user","content":"Ahoy, is it a lighthouse?"}]}"#;
const STREAM: &str =
    r#"{"model":"smollm2","stream":true,"messages":[{"role":"user","content":"Ahoy, is it a lighthouse?"}]}"#;

async fn assert_closed_at_once(call: &mut Call, left: Instant) {
    let took = call.closed().await.saturating_duration_since(left);
    assert!(took < AT_ONCE, "the model server worked on for {took:?}");
}

#[tokio::test]
async fn before_the_head_of_the_answer() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let client = gateway.begin(CHAT).await;
    let mut call = tap.call().await;
    drop(client);
    assert_closed_at_once(&mut call, Instant::now()).await;
    let event = gateway.only_record().await;
    assert_eq!(
        (&*event.end, event.status, &*event.source),
        ("client_gone", 499, "estimated")
    );
    assert_eq!(
        (event.tokens.prompt, event.tokens.completion),
        (CHAT.len() as u64 / 4, 0)
    );
}

#[tokio::test]
async fn between_two_chunks() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let mut client = gateway.begin(STREAM).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    for word in ["one", "two", "three"] {
        call.event(&said(word)).await;
        client.body_until(&said(word)).await;
    }
    drop(client);
    let left = Instant::now();
    // The model goes on talking.
    for _ in 0..3 {
        call.try_write(answers::chunk(said("more").as_bytes())).await;
    }
    assert_closed_at_once(&mut call, left).await;
    let event = gateway.only_record().await;
    assert_eq!(
        (&*event.end, event.status, event.streamed),
        ("client_gone", 200, true)
    );
    assert!(event.tokens.prompt > 0);
    assert!((3..=6).contains(&event.tokens.completion), "{event:?}");
}

#[tokio::test]
async fn while_a_begun_stream_is_silent() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let mut client = gateway.begin(STREAM).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    call.event(&said("one")).await;
    client.body_until(&said("one")).await;
    drop(client);
    assert_closed_at_once(&mut call, Instant::now()).await;
    let event = gateway.only_record().await;
    assert_eq!(
        (&*event.end, &*event.source, event.tokens.completion),
        ("client_gone", "estimated", 1)
    );
    assert!(event.tokens.prompt > 0);
}

#[tokio::test]
async fn while_a_plain_answer_is_under_way() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let mut client = gateway.begin(CHAT).await;
    let mut call = tap.call().await;
    call.write(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"choices\":[",
    )
    .await;
    client.head().await;
    drop(client);
    assert_closed_at_once(&mut call, Instant::now()).await;
    let event = gateway.only_record().await;
    assert_eq!((&*event.end, event.status), ("client_gone", 200));
    assert!(event.tokens.prompt > 0);
}

#[tokio::test]
async fn while_it_does_not_read_what_it_is_sent() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let client = gateway.begin(STREAM).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    // Until all buffers on the way are full.
    let event = answers::chunk(said(&"word ".repeat(50_000)).as_bytes());
    while tokio::time::timeout(Duration::from_millis(300), call.try_write(&event)).await == Ok(true) {}
    drop(client);
    assert_closed_at_once(&mut call, Instant::now()).await;
    let event = gateway.only_record().await;
    assert_eq!((&*event.end, event.status), ("client_gone", 200));
}

#[tokio::test]
async fn usage_that_was_reported_before_is_what_counts() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let mut client = gateway.begin(STREAM).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    let event = json!({"choices": [{"delta": {"content": "x"}}], "usage": usage(31, 0, 1)});
    let event = format!("data: {event}\n\n");
    call.event(&event).await;
    client.body_until(&event).await;
    drop(client);
    call.closed().await;
    let event = gateway.only_record().await;
    assert_eq!((&*event.end, &*event.source), ("client_gone", "reported"));
    assert_eq!((event.tokens.prompt, event.tokens.completion), (31, 1));
}

#[tokio::test]
async fn right_after_the_end_is_no_leaving() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let mut client = gateway.begin(STREAM).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    call.event(&answers::chat_events(Some(&usage(9, 0, 2)))).await;
    client.body_until(DONE).await;
    // The chunk that ends the body never comes: OpenAI's own clients do not wait for it.
    drop(client);
    let event = gateway.only_record().await;
    assert_eq!((&*event.end, &*event.source), ("complete", "reported"));
    assert_eq!((event.tokens.prompt, event.tokens.completion), (9, 2));
    drop(call);
}

#[tokio::test]
async fn the_slot_in_flight_is_free_again() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let one = gateway
        .admin
        .new_key("alice", json!({"limits": [{"unit": "in_flight", "amount": 1}]}))
        .await;
    let request = Request::post("/v1/chat/completions", CHAT).key(&one.text);
    let mut client = gateway.connect().await;
    client.send(&request.bytes()).await;
    let mut call = tap.call().await;
    assert_eq!(gateway.ask(&request).await.status(), 429, "the one slot is taken");
    drop(client);
    call.closed().await;
    let mut next = eventually("the slot is free", async || {
        let mut next = gateway.connect().await;
        next.send(&request.bytes()).await;
        tokio::select! {
            head = next.head() => { assert_eq!(head.status, 429); None }
            call = tap.call() => Some((next, call)),
        }
    })
    .await;
    next.1.write(ok(&chat(&usage(1, 0, 1)))).await;
    assert_eq!(next.0.answer().await.status(), 200);
    assert_eq!(gateway.ledger().await.len(), 2);
}

#[tokio::test]
async fn while_it_still_sends_its_request() {
    let tap = Tap::answering(|_| ok(&chat(&usage(1, 0, 1))));
    let gateway = Gateway::before(&tap).await;
    let request = gateway.request("/v1/chat/completions", CHAT);
    let mut chunked = gateway.connect().await;
    chunked
        .send(
            &request
                .clone()
                .header("Transfer-Encoding", "chunked")
                .head_bytes(),
        )
        .await;
    chunked.send(&answers::chunk(CHAT.as_bytes())).await;
    let mut announced = gateway.connect().await;
    let bytes = request.bytes();
    announced.send(&bytes[..bytes.len() - 1]).await;
    drop((chunked, announced));
    // Whoever came after them is through: they would be, too.
    let id = gateway.post("/v1/chat/completions", CHAT).await.id();
    assert_eq!(gateway.only_record().await.request_id, id);
    assert_eq!(tap.received().len(), 1);
}

#[tokio::test]
async fn many_at_once_leave_one_record_each() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let mut held = Vec::new();
    for number in 0..60 {
        let mut client = gateway.begin(STREAM).await;
        let mut call = tap.call().await;
        if number % 3 > 0 {
            // Closed behind its answer: a connection held here must not be used again.
            call.write(answers::stream_head().replacen("\r\n", "\r\nConnection: close\r\n", 1))
                .await;
            call.event(&said("one")).await;
            client.body_until(&said("one")).await;
        }
        if number % 3 == 2 {
            call.event(&answers::chat_events(Some(&usage(9, 0, 2)))).await;
            call.write(LAST_CHUNK).await;
            client.body_until(DONE).await;
        }
        held.push((client, call));
    }
    let (clients, calls): (Vec<_>, Vec<_>) = held.into_iter().unzip();
    drop(clients);
    let events = gateway.ledger().await;
    let ended = |end: &str| events.iter().filter(|event| event.end == end).count();
    assert_eq!(
        (events.len(), ended("complete"), ended("client_gone")),
        (60, 20, 40)
    );
    drop(calls);
}
