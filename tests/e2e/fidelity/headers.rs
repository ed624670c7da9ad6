//! Header fields pass by an allow-list, each way.

use llmgw_tests::{Gateway, Received, Request, Setup, Tap};

const SECRET: &str = "the-model-server-s-own-secret";

/// Fields that must reach nobody behind the gateway.
const NEVER_UP: [(&str, &str); 16] = [
    ("Cookie", "session=1"),
    ("x-api-key", "sk-other"),
    ("Proxy-Authorization", "Basic eA=="),
    ("Keep-Alive", "timeout=5"),
    ("TE", "trailers"),
    ("Trailer", "x-late"),
    ("Upgrade", "h2c"),
    ("Proxy-Connection", "keep-alive"),
    ("Accept-Encoding", "gzip, br"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("Forwarded", "for=10.0.0.1"),
    ("X-Real-IP", "10.0.0.1"),
    ("X-Named", "by-connection"),
    ("X-Unknown", "whatever"),
    ("OpenAI-Organization", "org-1"),
    ("Referer", "http://inside/"),
];

const UP: [(&str, &str); 5] = [
    ("User-Agent", "curl/8 (odd; spacing)"),
    ("Accept", "application/json, text/event-stream;q=0.5"),
    (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    ("anthropic-version", "2023-06-01"),
    ("OpenAI-Beta", "assistants=v2"),
];

fn request(key: &str) -> Request {
    let request = Request::post("/v1/chat/completions", r#"{"model":"smollm2"}"#).key(key);
    let request = request.header("Connection", "keep-alive, X-Named, accept");
    let request = request.header("x-request-id", "the-client-s-own");
    NEVER_UP
        .iter()
        .chain(&UP)
        .fold(request, |request, (name, value)| request.header(name, value))
}

#[tokio::test]
async fn no_credential_and_no_hop_by_hop_field_goes_upstream() {
    let tap = Tap::answering(|_| llmgw_tests::answers::ok("{}"));
    let gateway = Setup::default()
        .upstream(&tap)
        .env("INFERENCE_KEY", SECRET)
        .start()
        .await;
    let answer = gateway.ask(&request(&gateway.key)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let received: &Received = &tap.received()[0];
    for (name, value) in NEVER_UP {
        let found = received.get(&name.to_ascii_lowercase());
        assert_ne!(found, Some(value), "{name}");
    }
    assert_eq!(received.get("authorization"), Some(&*format!("Bearer {SECRET}")));
    assert_eq!(
        received
            .headers
            .iter()
            .filter(|(name, _)| name == "authorization")
            .count(),
        1
    );
    assert!(!format!("{:?}", received.headers).contains(&gateway.key));
    assert_eq!(received.get("x-request-id"), Some(&*answer.id()));
    for (name, value) in UP.iter().filter(|(name, _)| *name != "Accept") {
        assert_eq!(received.get(&name.to_ascii_lowercase()), Some(*value), "{name}");
    }
}

#[tokio::test]
async fn a_field_that_connection_names_stays_behind_even_when_it_is_on_the_list() {
    let tap = Tap::answering(|_| llmgw_tests::answers::ok("{}"));
    let gateway = Gateway::before(&tap).await;
    gateway.ask(&request(&gateway.key)).await;
    assert_eq!(tap.received()[0].get("accept"), None);
}

#[tokio::test]
async fn without_a_secret_the_target_gets_no_authorization() {
    let tap = Tap::answering(|_| llmgw_tests::answers::ok("{}"));
    let gateway = Gateway::before(&tap).await;
    gateway.ask(&request(&gateway.key)).await;
    assert_eq!(tap.received()[0].get("authorization"), None);
}

#[tokio::test]
async fn nothing_of_the_model_server_s_inside_comes_back() {
    let tap = Tap::answering(|_| {
        "HTTP/1.1 200 OK\r\nServer: inner/1\r\nSet-Cookie: a=b\r\nConnection: keep-alive, retry-after\r\n\
         Keep-Alive: timeout=5\r\nX-Request-Id: theirs\r\nX-Powered-By: php\r\nX-Internal: 10.0.0.7\r\n\
         Via: 1.1 inner\r\nAlt-Svc: h3=\":1\"\r\nWWW-Authenticate: Basic\r\nContent-Type: application/json\r\n\
         Retry-After: 3\r\nOpenAI-Processing-Ms: 12\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\n{}"
    });
    let gateway = Gateway::before(&tap).await;
    let answer = gateway.ask(&request(&gateway.key)).await;
    for name in [
        "server",
        "set-cookie",
        "keep-alive",
        "x-powered-by",
        "x-internal",
        "via",
        "alt-svc",
        "www-authenticate",
    ] {
        assert_eq!(answer.head.get(name), None, "{name}");
    }
    assert_eq!(answer.head.get("openai-processing-ms"), Some("12"));
    assert_eq!(answer.head.get("cache-control"), Some("no-store"));
    assert_eq!(answer.head.get("content-type"), Some("application/json"));
    assert_eq!(answer.head.get("content-length"), Some("2"));
    assert_eq!(answer.head.get("retry-after"), None, "its Connection names it");
    assert_eq!(
        answer
            .head
            .headers
            .iter()
            .filter(|(name, _)| name == "x-request-id")
            .count(),
        1
    );
    assert_eq!(gateway.only_record().await.request_id, answer.id());
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own() {
    let tap = Tap::answering(|_| llmgw_tests::answers::ok("{}"));
    let gateway = Gateway::before(&tap).await;
    let mut connection = gateway.connect().await;
    let first = connection.ask(&request(&gateway.key)).await.id();
    let second = connection.ask(&request(&gateway.key)).await.id();
    assert_ne!(first, second);
    let mut ids: Vec<_> = gateway
        .ledger()
        .await
        .into_iter()
        .map(|event| event.request_id)
        .collect();
    assert!(
        gateway.log().contains("the-client-s-own"),
        "the client's own id is logged beside it"
    );
    ids.reverse();
    assert_eq!(ids, [first, second]);
}
