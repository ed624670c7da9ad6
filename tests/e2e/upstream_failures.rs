//! What a model server does wrong reaches the client as an error, and the ledger as one record.

use llmgw_tests::answers::{self, DONE, chat, ok, plain, said, usage};
use llmgw_tests::{Event, Gateway, Received, Reply, Request, Tap, Tokens};
use serde_json::{Value, json};

const CHAT: &str = r#"{"model":"smollm2","messages":[]}"#;
const STREAM: &str = r#"{"model":"smollm2","stream":true,"messages":[]}"#;
const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/messages"];

/// An event that every dialect takes for a piece of an answer.
const PIECE: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"choices\":[{\"delta\":{\"content\":\"Ahoy\"}}]}\n\n";

#[track_caller]
fn assert_given_back(event: &Event, status: u16) {
    assert_eq!(
        (&*event.end, event.status, event.tokens, event.cost),
        ("upstream_error", status, Tokens::default(), 0)
    );
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_and_never_in_done() {
    for path in PATHS {
        for tail in ["", "data: {\"choices\":[{\"delta\":{\"content\":\"unfin"] {
            let mut tap = Tap::by_hand();
            let gateway = Gateway::before(&tap).await;
            let mut client = gateway.connect().await;
            client.send(&gateway.request(path, STREAM).bytes()).await;
            let mut call = tap.call().await;
            call.write(answers::stream_head()).await;
            call.event(PIECE).await;
            client.body_until(PIECE).await;
            if path == PATHS[0] && !tail.is_empty() {
                call.event(tail).await;
            }
            drop(call);
            let rest = client.rest().await;
            let text = String::from_utf8(rest).unwrap();
            assert_error_event(path, &text);
            assert!(!text.contains("unfin") && !text.contains("[DONE]"), "{text}");
            let event = gateway.only_record().await;
            assert_eq!((&*event.end, event.status), ("upstream_error", 200), "{path}");
            assert_eq!(event.tokens.completion, u64::from(path != PATHS[1]), "{path}");
            assert!(event.tokens.prompt > 0);
        }
    }
}

#[track_caller]
fn assert_error_event(path: &str, text: &str) {
    let (name, data) = match text.strip_prefix("event: error\n") {
        Some(rest) => ("error", rest),
        None => ("", text),
    };
    let data = data
        .strip_prefix("data: ")
        .and_then(|data| data.strip_suffix("\n\n"));
    let data: Value = serde_json::from_str(data.unwrap_or_else(|| panic!("no event: {text:?}"))).unwrap();
    let seen = match path {
        "/v1/chat/completions" => (name, &data["error"]["code"], &data["error"]["type"]),
        "/v1/responses" => (name, &data["code"], &data["type"]),
        _ => (name, &data["error"]["type"], &data["type"]),
    };
    let expected = match path {
        "/v1/chat/completions" => ("", &json!("upstream_error"), &json!("server_error")),
        "/v1/responses" => ("error", &json!("upstream_error"), &json!("error")),
        _ => ("error", &json!("api_error"), &json!("error")),
    };
    assert_eq!(seen, expected, "{path}: {text}");
}

#[tokio::test]
async fn a_stream_that_ends_without_its_last_event_is_no_answer_either() {
    let tap = Tap::answering(|_| answers::stream(&said("Ahoy")));
    let gateway = Gateway::before(&tap).await;
    let answer = gateway.post(PATHS[0], STREAM).await;
    let rest = answer
        .text()
        .strip_prefix(&*said("Ahoy"))
        .expect("what came is passed on");
    assert_error_event(PATHS[0], rest);
    assert_eq!(gateway.only_record().await.end, "upstream_error");
}

#[tokio::test]
async fn a_plain_answer_that_breaks_off_is_aborted() {
    let heads = [
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{\"choices\":[",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"choices\":[",
        "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"choices\":[",
    ];
    for head in heads {
        let tap = Tap::answering(move |_| Reply {
            close: true,
            ..head.into()
        });
        let gateway = Gateway::before(&tap).await;
        // Where it breaks off soon enough, not even the head is sent.
        if let Some(answer) = gateway.begin(CHAT).await.try_next_answer().await {
            assert!(
                !answer.whole,
                "the client must see that something is missing: {answer:?}"
            );
        }
        let event = gateway.only_record().await;
        assert_eq!((&*event.end, event.status), ("upstream_error", 200), "{head}");
        assert!(event.tokens.prompt > 0);
    }
}

#[tokio::test]
async fn an_error_of_the_target_passes_as_it_is_and_costs_nothing() {
    for (status, body) in [
        (
            "400 Bad Request",
            r#"{"error":{"message":"too long","n_ctx":2048}}"#,
        ),
        ("401 Unauthorized", r#"{"error":"who are you"}"#),
        ("404 Not Found", r#"{"detail": "Not Found"}"#),
        ("422 Unprocessable Entity", r#"{"detail":[{"loc":["body"]}]}"#),
        ("429 Too Many Requests", r#"{"error":{"code":429}}"#),
        ("500 Internal Server Error", "no JSON at all"),
        (
            "503 Service Unavailable",
            r#"{"error":{"message":"Loading model","code":503}}"#,
        ),
    ] {
        let tap = Tap::answering(move |_| plain(status, body));
        let gateway = Gateway::before(&tap).await;
        let limits = json!([{"unit": "requests", "window": "month", "amount": 1}, {"unit": "tokens", "window": "month", "amount": 5_000}]);
        let key = gateway.admin.new_key("alice", json!({"limits": limits})).await;
        let number: u16 = status[..3].parse().unwrap();
        for (turn, sent) in [(1, CHAT), (2, STREAM)] {
            let answer = gateway.ask(&Request::post(PATHS[0], sent).key(&key.text)).await;
            assert_eq!(
                (answer.status(), answer.text()),
                (number, body),
                "the budget of one request is not used up"
            );
            assert_given_back(&gateway.record(&answer.id()).await, number);
            assert_eq!(gateway.ledger().await.len(), turn);
        }
        let own = gateway.ask(&Request::get("/v1/key").key(&key.text)).await.json();
        assert_eq!(
            (&own["limits"][0]["used"], &own["limits"][1]["used"]),
            (&json!(0), &json!(0)),
            "{own}"
        );
    }
}

#[tokio::test]
async fn a_target_that_is_not_there_is_a_bad_gateway() {
    // Bound but not listening: it refuses, and nobody else can take the port meanwhile.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed
        .bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
        .unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    let tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    gateway
        .admin
        .new_model(json!({"id": "away", "targets": [{"id": "t", "base_url": url}]}))
        .await;
    for path in PATHS {
        let answer = gateway.post(path, r#"{"model":"away"}"#).await;
        assert_eq!(answer.status(), 502);
        let word = if path == PATHS[2] {
            answer.json()["error"]["type"].clone()
        } else {
            answer.code().into()
        };
        assert_eq!(
            word,
            if path == PATHS[2] {
                "api_error"
            } else {
                "upstream_error"
            }
        );
        assert_given_back(&gateway.record(&answer.id()).await, 502);
    }
}

#[tokio::test]
async fn a_target_that_does_not_answer_in_time_is_a_timeout() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url()});
    gateway
        .admin
        .new_model(json!({"id": "slow", "targets": [target], "timeouts": {"first_byte_ms": 200}}))
        .await;
    let body = r#"{"model":"slow"}"#;
    let mut client = gateway.begin(body).await;
    let mut call = tap.call().await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status(), answer.code()),
        (504, "upstream_error".to_owned())
    );
    call.closed().await;
    assert_given_back(&gateway.only_record().await, 504);
    assert_eq!(tap.received().len(), 1, "a slow target is not asked twice");
}

#[tokio::test]
async fn a_stream_that_falls_silent_for_too_long_ends_in_an_error() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url()});
    gateway
        .admin
        .new_model(json!({"id": "slow", "targets": [target], "timeouts": {"idle_ms": 200}}))
        .await;
    let mut client = gateway.begin(r#"{"model":"slow","stream":true}"#).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    call.event(&said("Ahoy")).await;
    client.body_until(&said("Ahoy")).await;
    assert_error_event(PATHS[0], &String::from_utf8(client.rest().await).unwrap());
    call.closed().await;
    let event = gateway.only_record().await;
    assert_eq!((&*event.end, event.tokens.completion), ("upstream_error", 1));
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_tried_again() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    // One connection of the client stays with one worker, and so with one pool.
    let mut client = gateway.connect().await;
    client.send(&gateway.request(PATHS[0], CHAT).bytes()).await;
    let mut call = tap.call().await;
    call.write(ok(&chat(&usage(1, 0, 1)))).await;
    assert_eq!(client.answer().await.status(), 200);
    client.send(&gateway.request(PATHS[0], CHAT).bytes()).await;
    let again = call.next().await.expect("the connection is used again");
    // As if it had been closed just before the request came.
    drop(again);
    let mut fresh = tap.call().await;
    fresh.write(ok(&chat(&usage(1, 0, 1)))).await;
    assert_eq!(client.next_answer().await.status(), 200);
    assert_eq!(tap.connections(), 2);
    assert!(gateway.ledger().await.iter().all(|event| event.end == "complete"));
}

#[tokio::test]
async fn a_new_connection_that_dies_before_an_answer_is_not_tried_again() {
    let tap = Tap::answering(|_| Reply {
        pieces: Vec::new(),
        close: true,
    });
    let gateway = Gateway::before(&tap).await;
    let answer = gateway.post(PATHS[0], CHAT).await;
    assert_eq!(
        (answer.status(), answer.code()),
        (502, "upstream_error".to_owned())
    );
    assert_given_back(&gateway.only_record().await, 502);
    assert_eq!(tap.received().len(), 1);
}

#[tokio::test]
async fn the_second_target_is_tried_when_the_first_cannot_take_it() {
    let good = Tap::answering(|_: &Received| ok(&chat(&usage(7, 0, 1))));
    let busy = Tap::answering(|_: &Received| plain("503 Service Unavailable", "{}"));
    let dying = Tap::answering(|_| Reply {
        pieces: Vec::new(),
        close: true,
    });
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed
        .bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
        .unwrap();
    let gone = format!("http://{}", closed.local_addr().unwrap());
    let gateway = Gateway::before(&good).await;
    for (name, first) in [("gone", &gone), ("busy", &busy.url()), ("dying", &dying.url())] {
        let targets = json!([{"id": "first", "base_url": first, "weight": 1000}, {"id": "second", "base_url": good.url()}]);
        gateway
            .admin
            .new_model(json!({"id": name, "targets": targets}))
            .await;
        for _ in 0..3 {
            let answer = gateway.post(PATHS[0], &json!({"model": name}).to_string()).await;
            assert_eq!(answer.status(), 200, "{name}");
            let event = gateway.record(&answer.id()).await;
            assert_eq!(
                (event.target.as_deref(), &*event.end),
                (Some("second"), "complete"),
                "{name}"
            );
        }
    }
    assert!(
        busy.received().len() >= 2 && dying.received().len() >= 2,
        "the first was tried"
    );
}

#[tokio::test]
async fn an_answer_that_has_begun_is_never_tried_elsewhere() {
    let good = Tap::answering(|_: &Received| answers::stream(&answers::chat_events(Some(&usage(7, 0, 1)))));
    let mut first = Tap::by_hand();
    let gateway = Gateway::before(&good).await;
    let targets = json!([{"id": "first", "base_url": first.url(), "weight": 1000}]);
    gateway
        .admin
        .new_model(json!({"id": "two", "targets": targets, "fallbacks": ["smollm2"]}))
        .await;
    let mut client = gateway.begin(r#"{"model":"two","stream":true}"#).await;
    let mut call = first.call().await;
    call.write(answers::stream_head()).await;
    call.event(&said("Ahoy")).await;
    client.body_until(&said("Ahoy")).await;
    drop(call);
    assert_error_event(PATHS[0], &String::from_utf8(client.rest().await).unwrap());
    assert!(good.received().is_empty());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Tap::answering(|_| ok("{}"));
    let to = elsewhere.url();
    let tap = Tap::answering(move |_| {
        format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}/v1/chat/completions\r\nContent-Length: 0\r\n\r\n"
        )
    });
    let gateway = Gateway::before(&tap).await;
    let answer = gateway.post(PATHS[0], CHAT).await;
    assert_eq!((answer.status(), answer.head.get("location")), (307, None));
    assert!(elsewhere.received().is_empty());
    assert_given_back(&gateway.only_record().await, 307);
}

#[tokio::test]
async fn an_error_event_of_the_model_server_passes_as_it_is() {
    let error = "data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
    let tap = Tap::answering(move |_| answers::stream(&format!("{}{error}{DONE}", said("Ahoy"))));
    let gateway = Gateway::before(&tap).await;
    let answer = gateway.post(PATHS[0], STREAM).await;
    assert_eq!(answer.text(), format!("{}{error}{DONE}", said("Ahoy")));
}

#[tokio::test]
async fn a_stream_that_ends_in_the_model_server_s_own_error_gets_no_second_one() {
    let error = |path: &str| match path {
        "/v1/messages" => {
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n"
        }
        _ => {
            "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"x\",\"param\":null}\n\n"
        }
    };
    for path in ["/v1/messages", "/v1/responses"] {
        let events = format!("{PIECE}{}", error(path));
        let sent = events.clone();
        let tap = Tap::answering(move |_| answers::stream(&sent));
        let gateway = Gateway::before(&tap).await;
        let answer = gateway.post(path, STREAM).await;
        assert_eq!(answer.text(), events, "{path}");
        assert_eq!(gateway.only_record().await.end, "upstream_error", "{path}");
    }
}
