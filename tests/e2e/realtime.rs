//! Sessions over WebSocket: what passes, what is counted, and when they end.

mod server;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use llmgw_tests::{Call, Connection, Event, Gateway, Request, Setup, Tap, Tokens, eventually, within};
use serde_json::{Value, json};
use server::{CACHED, COMPLETION, PROMPT, Server};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// The promise for a client that leaves is 100 ms, for a key that is revoked a second; a busy machine gets five times that.
const LEFT_WITHIN: Duration = Duration::from_millis(500);
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

const NONE: Tokens = Tokens {
    prompt: 0,
    cached: 0,
    completion: 0,
    reasoning: 0,
};

const fn answers(count: u64) -> Tokens {
    Tokens {
        prompt: count * PROMPT,
        cached: count * CACHED,
        completion: count * COMPLETION,
        reasoning: 0,
    }
}

/// A client's end.
struct Client {
    socket: WebSocketStream<TcpStream>,
    answer: Response,
}

type Field<'a> = (&'static str, &'a str);

async fn try_open(gateway: &Gateway, query: &str, fields: &[Field<'_>]) -> Result<Client, Error> {
    let mut request = format!("ws://{}/v1/realtime{query}", gateway.api).into_client_request()?;
    for (name, value) in fields {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(gateway.api).await?;
    let (socket, answer) = within("a socket", client_async(request, stream)).await?;
    Ok(Client { socket, answer })
}

async fn open(gateway: &Gateway, query: &str, key: &str) -> Client {
    let shown = format!("Bearer {key}");
    let mut client = try_open(gateway, query, &[("authorization", &shown)])
        .await
        .unwrap();
    assert_eq!(client.event().await["type"], "session.created");
    client
}

impl Client {
    async fn say(&mut self, name: &str) {
        self.socket
            .send(Message::text(json!({"type": name}).to_string()))
            .await
            .unwrap();
    }

    async fn event(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no event: {other:?}"),
        }
    }

    async fn next(&mut self) -> Message {
        let next = within("a message", self.socket.next()).await;
        next.expect("the session goes on").expect("a message")
    }

    async fn until(&mut self, name: &str) {
        while self.event().await["type"] != name {}
    }

    async fn answer(&mut self) {
        self.say("response.create").await;
        self.until("response.done").await;
    }

    async fn close(mut self) {
        self.socket.close(None).await.unwrap();
        while within("the close", self.socket.next()).await.is_some() {}
    }

    /// The close, and the event before it, if one came.
    async fn closed(&mut self) -> (Option<Value>, CloseFrame) {
        let mut last = None;
        loop {
            match self.next().await {
                Message::Text(text) => last = Some(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return (last, frame.expect("a reason")),
                _ => {}
            }
        }
    }
}

fn status(error: Error) -> (u16, Value) {
    let Error::Http(answer) = error else {
        panic!("no answer: {error}")
    };
    let body = answer.body().as_deref().unwrap_or_default();
    (
        answer.status().as_u16(),
        serde_json::from_slice(body).unwrap_or_default(),
    )
}

async fn gateway(server: &Server) -> Gateway {
    let upstream = format!("smollm2={}", server.url());
    Setup::default().arg("--upstream").arg(&upstream).start().await
}

fn of(events: &[Event], end: &str) -> Vec<Tokens> {
    let of_end = events.iter().filter(|event| event.end == end);
    of_end.map(|event| event.tokens).collect()
}

#[tokio::test]
async fn each_answer_is_counted_as_it_is_reported() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let mut client = open(&gateway, "?model=smollm2", &gateway.key).await;
    let first = client.answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    for _ in 0..3 {
        client.answer().await;
    }
    client.say("twice").await;
    client.until("response.done").await;
    client.until("response.done").await;
    client.say("hello").await;
    assert_eq!(client.event().await["of"]["type"], "hello");
    client.close().await;
    let events = gateway.ledger().await;
    let mut sum = NONE;
    for event in &events {
        sum += event.tokens;
        assert_eq!(
            (
                &*event.endpoint,
                event.status,
                &*event.end,
                &*event.source,
                event.streamed
            ),
            ("realtime", 101, "complete", "reported", true),
            "{event:?}"
        );
    }
    assert_eq!((sum, server.answers()), (answers(5), 5));
    // That of the handshake; then one for each answer, but two at the same time share one.
    let tokens: Vec<_> = events.iter().rev().map(|event| event.tokens).collect();
    assert_eq!(tokens, [NONE, answers(1), answers(1), answers(1), answers(2)]);
    assert_eq!(events[4].request_id, first);
}

#[tokio::test]
async fn the_model_server_gets_what_it_needs_and_no_key() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let target = json!({"id": "own", "base_url": server.url(), "model": "own/name", "secret_text": "the server's own"});
    gateway
        .admin
        .new_model(json!({"id": "public", "aliases": ["also"], "targets": [target]}))
        .await;
    let shown = format!("Bearer {}", gateway.key);
    let fields = [
        ("authorization", &*shown),
        ("openai-beta", "realtime=v1"),
        ("cookie", "a=b"),
    ];
    try_open(&gateway, "?intent=a%20b&model=also", &fields)
        .await
        .unwrap()
        .close()
        .await;
    let (path, headers) = server.heads().pop().unwrap();
    assert_eq!(path, "/v1/realtime?intent=a%20b&model=own%2Fname");
    assert_eq!(headers["authorization"], "Bearer the server's own");
    assert_eq!(headers["openai-beta"], "realtime=v1");
    assert!(!headers.contains_key("cookie") && !headers.contains_key("sec-websocket-extensions"));
    assert_no_key(&gateway, &headers);
    // As a browser does it.
    let protocols = format!(
        "realtime, openai-insecure-api-key.{}, openai-beta.realtime-v1",
        gateway.key
    );
    for query in ["?model=public", "?model=public&choose_none"] {
        let client = try_open(&gateway, query, &[("sec-websocket-protocol", &protocols)])
            .await
            .unwrap();
        assert_eq!(client.answer.headers()["sec-websocket-protocol"], "realtime");
        let (_, headers) = server.heads().pop().unwrap();
        assert_eq!(
            headers["sec-websocket-protocol"],
            "realtime, openai-beta.realtime-v1"
        );
        assert_no_key(&gateway, &headers);
        client.close().await;
    }
    assert!(!gateway.log().contains(&gateway.key));
}

fn assert_no_key(gateway: &Gateway, headers: &HeaderMap) {
    for (name, value) in headers {
        assert!(!value.to_str().unwrap().contains(&gateway.key), "{name}");
    }
}

/// Both ends of a session, as bytes. `greeting` comes together with the head of the model server's answer.
async fn by_hand(gateway: &Gateway, tap: &mut Tap, key: &str, greeting: &[u8]) -> (Connection, Call) {
    let mut client = gateway.connect().await;
    let request = Request::get("/v1/realtime?model=smollm2")
        .key(key)
        .header("Connection", "keep-alive, Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Extensions", "permessage-deflate");
    client.send(&request.bytes()).await;
    let mut call = tap.call().await;
    assert_eq!(call.request.get("sec-websocket-extensions"), None);
    let accept = derive_accept_key(call.request.get("sec-websocket-key").unwrap().as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    call.write([head.as_bytes(), greeting].concat()).await;
    let head = client.head().await;
    assert_eq!(head.status, 101);
    // RFC 6455 1.3.
    assert_eq!(
        head.get("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(
        (head.get("content-length"), head.get("transfer-encoding")),
        (None, None)
    );
    (client, call)
}

#[tokio::test]
async fn bytes_pass_as_they_are() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    // The first frame comes with the head.
    let greeting = [b"\x81\x02".as_slice(), b"{}"].concat();
    let (mut client, mut call) = by_hand(&gateway, &mut tap, &gateway.key, &greeting).await;
    // Fragments with a ping between, odd lengths in odd fields, bytes that are no JSON and no UTF-8.
    let long = vec![b'x'; 70_000];
    let frames: Vec<Vec<u8>> = vec![
        b"\x01\x01{".to_vec(),
        b"\x89\x04ping".to_vec(),
        b"\x80\x01}".to_vec(),
        b"\x82\x7e\x00\x03\xff\xfe\x00".to_vec(),
        [b"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70".as_slice(), &long].concat(),
        b"\x8a\x00".to_vec(),
    ];
    let mut expected = greeting;
    for frame in &frames {
        // Slow enough that most pieces come for themselves.
        for piece in frame.chunks(frame.len().div_ceil(3)) {
            call.write(piece).await;
            tokio::task::yield_now().await;
        }
        expected.extend_from_slice(frame);
    }
    let mut got = Vec::new();
    while got.len() < expected.len() {
        let more = client.raw().await;
        assert!(!more.is_empty(), "broken off behind {} bytes", got.len());
        got.extend(more);
    }
    assert!(got == expected, "what the model server sends");
    let masked: Vec<u8> = [
        b"\x81\xfe\x10\x00abcd".as_slice(),
        &[0xA5; 4_096],
        b"\x8a\x80wxyz\x00",
    ]
    .concat();
    client.send(&masked[..9]).await;
    client.send(&masked[9..]).await;
    let mut got = Vec::new();
    while got.len() < masked.len() {
        let more = call.read().await;
        assert!(!more.is_empty(), "broken off behind {} bytes", got.len());
        got.extend(more);
    }
    assert!(got == masked, "what the client sends");
}

#[tokio::test]
async fn an_end_is_told_between_two_messages_only() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let key = gateway.admin.new_key("gone", json!({})).await;
    let (mut client, mut call) = by_hand(&gateway, &mut tap, &key.text, b"").await;
    // No write ends between two messages.
    let message = [b"\x81\x05".as_slice(), b"hello"].concat();
    call.write(&message[..3]).await;
    gateway.admin.revoke(&key.id).await;
    let halves = [&message[3..], &message[..3]].concat();
    let telling = async { while call.try_write(&halves).await {} };
    let reading = async {
        let mut got = Vec::new();
        loop {
            match client.raw().await {
                more if more.is_empty() => return got,
                more => got.extend(more),
            }
        }
    };
    let both = async { tokio::join!(reading, telling) };
    let (got, ()) = within("the last words", both).await;
    let last = got
        .chunks(message.len())
        .position(|piece| piece != message)
        .unwrap();
    let rest = &got[last * message.len()..];
    // An event of less than 64 KiB, then the close.
    let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
    let event: Value = serde_json::from_slice(&rest[4..4 + length]).unwrap();
    assert_eq!(
        (rest[0], &event["error"]["code"]),
        (0x81, &json!("revoked_api_key"))
    );
    assert_eq!(rest[4 + length], 0x88);
    assert!(rest.ends_with(b"revoked_api_key"));
}

#[tokio::test]
async fn a_client_that_leaves_in_an_answer_pays_for_what_it_saw() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let mut client = open(&gateway, "?model=smollm2", &gateway.key).await;
    client.answer().await;
    client.say("begin").await;
    client.until("response.output_text.delta").await;
    drop(client);
    let left = Instant::now();
    eventually("the model server is left", async || {
        (server.open() == 0).then_some(())
    })
    .await;
    assert!(left.elapsed() < LEFT_WITHIN, "{:?}", left.elapsed());
    let events = gateway.ledger().await;
    assert_eq!(of(&events, "complete"), [answers(1), NONE]);
    // What the last answer left behind is in the prompt of the next.
    let seen = Tokens {
        prompt: PROMPT + COMPLETION,
        completion: "Aye, it is a lighthouse.".len() as u64 / 4,
        ..NONE
    };
    assert_eq!(of(&events, "client_gone"), [seen]);
    // One that leaves while nothing is answered pays nothing.
    drop(open(&gateway, "?model=smollm2", &gateway.key).await);
    let mut client = open(&gateway, "?model=smollm2", &gateway.key).await;
    client.say("say nothing of usage").await;
    client.until("response.done").await;
    client.close().await;
    let events = gateway.ledger().await;
    assert_eq!(events.len(), 6);
    assert_eq!(
        (&*events[0].end, &*events[0].source, events[0].tokens.completion),
        ("complete", "estimated", 6)
    );
    assert_eq!(events[1].tokens, NONE);
}

#[tokio::test]
async fn a_model_server_that_leaves_is_told_of() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let mut client = open(&gateway, "?model=smollm2", &gateway.key).await;
    client.say("vanish").await;
    let (event, close) = client.closed().await;
    assert_eq!((event, close.code), (None, CloseCode::Error));
    let mut client = open(&gateway, "?model=smollm2", &gateway.key).await;
    client.say("begin").await;
    client.say("vanish").await;
    assert_eq!(client.closed().await.1.code, CloseCode::Error);
    let events = gateway.ledger().await;
    let last = &events[0];
    assert_eq!(
        (events.len(), &*last.end, last.tokens.completion),
        (3, "upstream_error", 6)
    );
}

#[tokio::test]
async fn what_may_not_begin_is_a_plain_answer() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let plain = gateway
        .ask(&Request::get("/v1/realtime?model=smollm2").key(&gateway.key))
        .await;
    assert_eq!((plain.status(), &*plain.code()), (426, "websocket_required"));
    assert_eq!(plain.head.get("upgrade"), Some("websocket"));
    let other = Request::get("/v1/realtime?model=smollm2")
        .key(&gateway.key)
        .header("Connection", "Upgrade")
        .header("Upgrade", "h2c, websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(gateway.ask(&other).await.status(), 426);
    let post = gateway.post("/v1/realtime?model=smollm2", "{}").await;
    assert_eq!((post.status(), post.head.get("allow")), (405, Some("GET")));
    let shown = format!("Bearer {}", gateway.key);
    let elsewhere = gateway
        .admin
        .new_key("other", json!({"models": ["elsewhere"]}))
        .await;
    let elsewhere = format!("Bearer {}", elsewhere.text);
    for (query, key, expected, code) in [
        ("?model=smollm2", "Bearer sk-llmgw-wrong", 401, "invalid_api_key"),
        ("?model=nobody", &*shown, 404, "model_not_found"),
        ("?model=smollm2&model=nobody", &*shown, 400, "invalid_field"),
        ("?model=smollm2", &*elsewhere, 403, "model_not_allowed"),
        ("?model=smollm2&refuse", &*shown, 502, "upstream_error"),
    ] {
        let refused = try_open(&gateway, query, &[("authorization", key)])
            .await
            .err()
            .unwrap();
        let (status, body) = status(refused);
        assert_eq!(
            (status, &body["error"]["code"]),
            (expected, &json!(code)),
            "{query}: {body}"
        );
    }
    let (status, body) = status(try_open(&gateway, "?model=smollm2", &[]).await.err().unwrap());
    assert_eq!((status, &body["error"]["code"]), (401, &json!("missing_api_key")));
    // Where only one model can be meant, it need not be named.
    open(&gateway, "", &gateway.key).await.close().await;
    let ends: Vec<_> = gateway
        .ledger()
        .await
        .into_iter()
        .map(|event| (event.end, event.status))
        .collect();
    assert_eq!(
        ends,
        [("complete".to_owned(), 101), ("upstream_error".to_owned(), 502)]
    );
}

#[tokio::test]
async fn budgets_end_a_session() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    // For each answer 1,024 tokens and what was said before are reserved: one answer of 253 tokens leaves room for
    // another, two do not.
    let limits = json!([{"unit": "tokens", "window": "day", "amount": 1_600}]);
    let key = gateway.admin.new_key("spender", json!({"limits": limits})).await;
    let mut client = open(&gateway, "?model=smollm2", &key.text).await;
    assert_eq!(client.answer.headers()["x-ratelimit-limit-tokens"], "1600");
    client.answer().await;
    client.answer().await;
    client.say("begin").await;
    let (event, close) = client.closed().await;
    let event = event.unwrap();
    assert_eq!(
        (&event["type"], &event["error"]["code"]),
        (&json!("error"), &json!("rate_limit_exceeded"))
    );
    assert_eq!(
        (close.code, &*close.reason),
        (CloseCode::Policy, "rate_limit_exceeded")
    );
    let events = gateway.ledger().await;
    assert_eq!(of(&events, "complete"), [answers(1), answers(1), NONE]);
    // What had begun when it was refused is charged too, and counts for what comes next.
    let [begun] = of(&events, "client_gone")[..] else {
        panic!("{events:?}")
    };
    assert_eq!(begun.prompt, PROMPT + COMPLETION);
    let used = format!("used {}", 3 * (PROMPT + COMPLETION) + begun.completion);
    let shown = format!("Bearer {}", key.text);
    let refused = try_open(&gateway, "?model=smollm2", &[("authorization", &shown)]).await;
    let (status, body) = status(refused.err().unwrap());
    assert!(
        status == 429 && body["error"]["message"].as_str().unwrap().contains(&used),
        "{body}"
    );
}

#[tokio::test]
async fn sessions_that_wait_do_not_count_as_running_and_answers_do() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let limits = json!([{"unit": "in_flight", "window": "none", "amount": 1}]);
    let key = gateway.admin.new_key("one", json!({"limits": limits})).await;
    let mut first = open(&gateway, "?model=smollm2", &key.text).await;
    let mut second = open(&gateway, "?model=smollm2", &key.text).await;
    first.answer().await;
    second.answer().await;
    first.answer().await;
    assert_eq!(gateway.metric("llmgw_requests_in_flight").await, 0.0);
    first.say("begin").await;
    first.until("response.output_text.delta").await;
    assert_eq!(gateway.metric("llmgw_requests_in_flight").await, 1.0);
    second.say("begin").await;
    assert_eq!(second.closed().await.1.code, CloseCode::Policy);
    first.close().await;
    open(&gateway, "?model=smollm2", &key.text).await.close().await;
}

#[tokio::test]
async fn a_session_that_says_nothing_for_too_long_is_ended() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let target = json!({"id": "it", "base_url": server.url()});
    let timeouts = json!({"idle_ms": 300});
    gateway
        .admin
        .new_model(json!({"id": "brief", "targets": [target], "timeouts": timeouts}))
        .await;
    let (event, close) = open(&gateway, "?model=brief", &gateway.key).await.closed().await;
    assert_eq!((event, close.code), (None, CloseCode::Away));
    assert_eq!(&*gateway.only_record().await.end, "complete");
}

#[tokio::test]
async fn a_crash_charges_what_was_begun_and_no_session_that_waits() {
    let server = Server::start();
    let mut gateway = gateway(&server).await;
    let mut waiting = open(&gateway, "?model=smollm2", &gateway.key).await;
    waiting.answer().await;
    let mut cut = open(&gateway, "?model=smollm2", &gateway.key).await;
    cut.answer().await;
    cut.say("begin").await;
    cut.until("response.output_text.delta").await;
    gateway.kill9().await;
    gateway.start_again().await;
    let events = eventually("the journal is replayed", async || {
        let events = gateway.admin.events().await;
        (events.len() == 5).then_some(events)
    })
    .await;
    assert_eq!(of(&events, "complete").len(), 4);
    let said_before = Tokens {
        prompt: PROMPT + COMPLETION,
        ..NONE
    };
    assert_eq!(of(&events, "crashed"), [said_before]);
}

const MANY: usize = 1_000;

#[tokio::test]
async fn a_thousand_idle_sessions_are_held_and_those_of_a_revoked_key_are_closed() {
    let server = Server::start();
    let gateway = gateway(&server).await;
    let kept = gateway.admin.new_key("kept", json!({})).await;
    let revoked = gateway.admin.new_key("revoked", json!({})).await;
    let before = gateway.resident();
    let mut clients = Vec::new();
    while clients.len() < MANY {
        let some = (0..50).map(|at| {
            let key = if at % 2 == 0 { &kept } else { &revoked };
            open(&gateway, "?model=smollm2", &key.text)
        });
        clients.extend(join_all(some).await);
    }
    assert_eq!(server.open(), MANY);
    println!(
        "{MANY} idle sessions: {} KiB each",
        (gateway.resident() - before) / 1_024 / MANY as u64
    );
    join_all(clients.iter_mut().map(Client::answer)).await;
    gateway.admin.revoke(&revoked.id).await;
    let since = Instant::now();
    let (mut stay, mut go): (Vec<_>, Vec<_>) =
        clients.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
    for (event, close) in join_all(go.iter_mut().map(|(_, client)| client.closed())).await {
        assert_eq!(event.unwrap()["error"]["code"], "revoked_api_key");
        assert_eq!(
            (close.code, &*close.reason),
            (CloseCode::Policy, "revoked_api_key")
        );
    }
    println!(
        "{} sessions of a revoked key were closed after {:?}",
        go.len(),
        since.elapsed()
    );
    assert!(since.elapsed() < REVOKED_WITHIN, "{:?}", since.elapsed());
    eventually("the model server is left", async || {
        (server.open() == MANY / 2).then_some(())
    })
    .await;
    join_all(stay.iter_mut().map(|(_, client)| client.answer())).await;
    join_all(stay.into_iter().map(|(_, client)| client.close())).await;
    let mut sum = NONE;
    for event in gateway.ledger().await {
        sum += event.tokens;
        assert_eq!(
            (&*event.end, &*event.source),
            ("complete", "reported"),
            "{event:?}"
        );
    }
    assert_eq!((sum, server.answers()), (answers(1_500), 1_500));
}
