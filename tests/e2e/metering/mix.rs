//! Many requests of every kind at once: the ledger has what the model server says it told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use llmgw_tests::answers::{chat, chat_events, message_events, ok, response_events, stream, usage};
use llmgw_tests::{Connection, Event, Gateway, Key, Received, Request, Tap, Tokens};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const REQUESTS: u64 = 500;
const AT_ONCE: usize = 25;
const PATHS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/messages",
];
const MODELS: [&str; 2] = ["smollm2", "second"];

type Tally = Arc<Mutex<HashMap<String, Tokens>>>;

/// Answers in the dialect of the path and keeps its own books.
fn honest(tally: &Tally) -> Tap {
    let tally = Arc::clone(tally);
    Tap::answering(move |received: &Received| {
        let asked: Value = serde_json::from_slice(&received.body).unwrap();
        let (prompt, cached) = (
            asked["n"].as_u64().unwrap() % 97 + 5,
            asked["n"].as_u64().unwrap() % 5,
        );
        let completion = if received.path.ends_with("embeddings") {
            0
        } else {
            asked["n"].as_u64().unwrap() % 31 + 1
        };
        let told = Tokens {
            prompt,
            cached,
            completion,
            reasoning: 0,
        };
        let twice = tally
            .lock()
            .unwrap()
            .insert(received.get("x-request-id").unwrap().to_owned(), told);
        assert_eq!(twice, None, "a request was sent twice");
        answer(&received.path, asked["stream"] == true, told)
    })
}

fn answer(
    path: &str,
    streamed: bool,
    Tokens {
        prompt,
        cached,
        completion,
        ..
    }: Tokens,
) -> Vec<u8> {
    let openai = usage(prompt, cached, completion);
    match (path, streamed) {
        ("/v1/responses", true) => stream(&response_events(prompt, cached, completion)),
        ("/v1/messages", true) => stream(&message_events(prompt - cached, cached, 0, completion)),
        (_, true) => stream(&chat_events(Some(&openai))),
        ("/v1/responses", false) => {
            let usage = json!({"input_tokens": prompt, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": completion});
            ok(&json!({"object": "response", "usage": usage}).to_string()).into_bytes()
        }
        ("/v1/messages", false) => {
            let usage = json!({"input_tokens": prompt - cached, "cache_read_input_tokens": cached, "output_tokens": completion});
            ok(&json!({"type": "message", "usage": usage}).to_string()).into_bytes()
        }
        _ => ok(&chat(&openai)).into_bytes(),
    }
}

#[tokio::test]
async fn the_ledger_s_sums_are_the_model_server_s_own() {
    let tally = Tally::default();
    let tap = honest(&tally);
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url()});
    gateway.admin.new_model(json!({"id": "second", "targets": [target], "price": {"prompt": 1_000_000, "completion": 2_000_000}})).await;
    let mut keys = Vec::new();
    for owner in ["alice", "alice", "bob", "carol"] {
        keys.push(gateway.admin.new_key(owner, json!({})).await);
    }
    let ids = send_all(&gateway, &keys).await;

    let events = gateway.ledger().await;
    let told = tally.lock().unwrap().clone();
    assert_eq!((events.len(), told.len()), (REQUESTS as usize, REQUESTS as usize));
    for event in &events {
        assert!(ids.contains(&event.request_id), "nobody sent {event:?}");
        assert_eq!(
            (&*event.source, &*event.end),
            ("reported", "complete"),
            "{event:?}"
        );
        assert_eq!(Some(&event.tokens), told.get(&event.request_id), "{event:?}");
    }
    assert_reports(&gateway, &events).await;
}

async fn send_all(gateway: &Gateway, keys: &[Key]) -> Vec<String> {
    let mut running = JoinSet::new();
    let mut ids = Vec::new();
    for n in 0..REQUESTS {
        // Four strides without a common divisor: every combination comes up.
        let (path, model) = (PATHS[n as usize % 5], MODELS[n as usize / 5 % 2]);
        let (key, streamed) = (
            &keys[n as usize / 7 % keys.len()],
            n / 10 % 3 != 0 && path != "/v1/embeddings",
        );
        let body = json!({"model": model, "stream": streamed, "n": n, "messages": []}).to_string();
        let (request, at) = (Request::post(path, body).key(&key.text), gateway.api);
        running.spawn(async move {
            let answer = Connection::open(at).await.ask(&request).await;
            assert_eq!((answer.status(), answer.whole), (200, true), "{}", answer.text());
            answer.id()
        });
        if running.len() >= AT_ONCE {
            ids.push(running.join_next().await.unwrap().unwrap());
        }
    }
    ids.extend(running.join_all().await);
    ids
}

/// Requests, tokens and cost.
type Sum = (u64, u64, u64, u64, i64);

async fn assert_reports(gateway: &Gateway, events: &[Event]) {
    let user = |event: &Event| event.user.clone().unwrap();
    let hour = |event: &Event| format!("{}:00:00", &event.time[..13]);
    let day = |event: &Event| event.time[..10].to_owned();
    for (query, field, group) in [
        ("by=user", "user", &user as &dyn Fn(&Event) -> String),
        ("by=key", "key_id", &|event: &Event| event.key_id.clone()),
        ("by=model", "model", &|event: &Event| event.model.clone()),
        ("by=endpoint", "endpoint", &|event: &Event| event.endpoint.clone()),
        ("bucket=hour", "time", &hour),
        ("bucket=day", "time", &day),
    ] {
        let mut expected: BTreeMap<String, Sum> = BTreeMap::new();
        for event in events {
            add(expected.entry(group(event)).or_default(), event);
        }
        let report = gateway.admin.usage(query).await;
        let mut rows: BTreeMap<String, Sum> = BTreeMap::new();
        for row in report["data"].as_array().unwrap() {
            let name = row[field].as_str().unwrap();
            let name = expected
                .keys()
                .find(|known| name.starts_with(*known))
                .unwrap_or_else(|| panic!("{row}"));
            assert_eq!(
                rows.insert(name.clone(), sum(row)),
                None,
                "{query}: two rows of {name}"
            );
        }
        assert_eq!(rows, expected, "{query}");
        let total = rows.values().fold(Sum::default(), |a, b| {
            (a.0 + b.0, a.1 + b.1, a.2 + b.2, a.3 + b.3, a.4 + b.4)
        });
        assert_eq!(sum(&report["total"]), total, "{query}");
    }
}

fn add(sum: &mut Sum, event: &Event) {
    sum.0 += 1;
    sum.1 += event.tokens.prompt;
    sum.2 += event.tokens.cached;
    sum.3 += event.tokens.completion;
    sum.4 += event.cost;
}

fn sum(row: &Value) -> Sum {
    let tokens = |name: &str| row["tokens"][name].as_u64().unwrap();
    let requests = row["requests"].as_u64().unwrap();
    (
        requests,
        tokens("prompt"),
        tokens("cached"),
        tokens("completion"),
        row["cost"].as_i64().unwrap(),
    )
}
