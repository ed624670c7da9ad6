//! No secret and no word of a prompt or an answer is ever logged.

use llmgw_tests::answers::{chat_events, ok, stream, usage};
use llmgw_tests::{Received, Reply, Request, Setup, Tap};
use serde_json::json;

const UPSTREAM_KEY: &str = "upstream-secret-5d41402abc";
const PROMPT: &str = "my grandmother's maiden name is Featherstonehaugh";
const ANSWER: &str = "Noted, dear Cholmondeley";
const COOKIE: &str = "cookie-value-7d793037a0";

fn talkative() -> Tap {
    Tap::answering(|received: &Received| match received.text() {
        body if body.contains("die") => Reply {
            pieces: vec![b"HTTP/1.1 200 OK\r\n".to_vec()],
            close: true,
        },
        body if body.contains("\"stream\":true") => stream(&format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{ANSWER}\"}}}}]}}\n\n{}",
            chat_events(None)
        ))
        .into(),
        _ => ok(&json!({"choices": [{"message": {"content": ANSWER}}], "usage": usage(1, 0, 1)}).to_string())
            .into(),
    })
}

#[tokio::test]
async fn no_secret_and_no_prompt_is_in_the_log_at_any_level() {
    let tap = talkative();
    let setup = Setup::default()
        .upstream(&tap)
        .env("INFERENCE_KEY", UPSTREAM_KEY)
        .env("LLMGW_LOG__LEVEL", "trace");
    let mut gateway = setup.start().await;
    let made = gateway.admin.new_key("alice", json!({})).await;
    let key = gateway.key.clone();
    let typo = format!("{}!", &key[..key.len() - 1]);
    for key in [&key, &made.text, &typo] {
        for (path, more) in [
            ("/v1/chat/completions", ""),
            ("/v1/chat/completions", r#","stream":true"#),
            ("/v1/chat/completions", r#","x":"die""#),
            ("/v1/messages", r#","model":"twice""#),
            ("/v1/messages", r#","stream":"no""#),
            ("/v1/embeddings", "broken"),
            ("/v1/nowhere", ""),
        ] {
            let body =
                format!(r#"{{"model":"smollm2","messages":[{{"role":"user","content":"{PROMPT}"}}]{more}}}"#);
            gateway
                .ask(
                    &Request::post(path, body.clone())
                        .key(key)
                        .header("Cookie", COOKIE),
                )
                .await;
            gateway
                .ask(&Request::post(path, body).header("x-api-key", key))
                .await;
        }
        gateway.ask(&Request::get("/v1/key").key(key)).await;
    }
    gateway.ledger().await;
    gateway.sigterm();
    assert!(gateway.exited().await.success());

    let log = gateway.log();
    assert!(
        log.contains("TRACE") && log.lines().count() > 100,
        "the log is as talkative as it gets"
    );
    let pepper = std::fs::read_to_string(gateway.setup().data().join("pepper")).unwrap();
    for (what, secret) in [
        ("the first key", &*key),
        ("a key", &made.text),
        ("a mistyped key", &typo),
        ("the admin key", &gateway.admin.key),
        ("the upstream's key", UPSTREAM_KEY),
        ("a prompt", "Featherstonehaugh"),
        ("an answer", "Cholmondeley"),
        ("a cookie", COOKIE),
        ("the pepper", pepper.trim()),
    ] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{what} is in the log");
    }
    for file in walk(&gateway.setup().data()) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [
            &*key,
            &made.text,
            &gateway.admin.key,
            "Featherstonehaugh",
            "Cholmondeley",
        ] {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", file.display());
        }
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] })
        .collect()
}
