//! The ledger has of every path what its model server says, and nothing of what is not counted.

use std::collections::BTreeMap;

use llmgw_tests::answers::{not_found, ok};
use llmgw_tests::{Connection, Gateway, Received, Request, Tap, Tokens};
use serde_json::json;
use tokio::task::JoinSet;

use super::samples::{SAMPLES, Sample};

/// Says to each path what its sample says.
fn by_the_book() -> Tap {
    Tap::answering(|received: &Received| {
        let of_path = |sample: &&Sample| sample.upstream_path() == received.path;
        match SAMPLES.iter().find(of_path) {
            Some(sample) if received.get("x-request-id").is_some() => ok(sample.answer),
            _ => not_found(),
        }
    })
}

const EACH: usize = 12;

#[tokio::test]
async fn the_ledger_s_sums_are_the_model_server_s_own() {
    let tap = by_the_book();
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url()});
    let price =
        json!({"prompt": 3_000_000, "cached_prompt": 1_000_000, "completion": 5_000_000, "unit": 7_000_000});
    gateway
        .admin
        .new_model(json!({"id": "dear", "targets": [target], "price": price}))
        .await;
    let mut running = JoinSet::new();
    let mut expected = BTreeMap::new();
    for sample in SAMPLES {
        for number in 0..EACH {
            let model = if number % 3 == 0 { "smollm2" } else { "dear" };
            let body = sample.body(model);
            let request = Request::post_as(&sample.content_type(), sample.path, body).key(&gateway.key);
            let at = gateway.api;
            running.spawn(async move { (Connection::open(at).await.ask(&request).await, sample, model) });
        }
        while running.len() > 30 {
            note(running.join_next().await.unwrap().unwrap(), &mut expected);
        }
    }
    while let Some(done) = running.join_next().await {
        note(done.unwrap(), &mut expected);
    }
    let events = gateway.ledger().await;
    assert_eq!(events.len(), SAMPLES.len() * EACH);
    let mut sums: BTreeMap<String, (u64, Tokens, i64)> = BTreeMap::new();
    for event in &events {
        let (sample, model): &(&Sample, &str) = &expected[&event.request_id];
        let source = if sample.is_free() { "counted" } else { "reported" };
        assert_eq!(
            (
                &*event.endpoint,
                &*event.source,
                &*event.end,
                event.status,
                event.streamed
            ),
            (sample.endpoint, source, "complete", 200, false),
            "{}: {event:?}",
            sample.path
        );
        assert_eq!(
            (event.tokens, event.units),
            (sample.tokens, sample.units),
            "{}",
            sample.path
        );
        let cost = if *model == "dear" { cost(sample) } else { 0 };
        assert_eq!(event.cost, cost, "{}", sample.path);
        let sum = sums.entry(event.endpoint.clone()).or_default();
        sum.0 += 1;
        sum.1 += event.tokens;
        sum.2 += event.cost;
    }
    let report = gateway.admin.usage("by=endpoint").await;
    let rows = report["data"].as_array().unwrap();
    assert_eq!(rows.len(), sums.len());
    for row in rows {
        let (requests, tokens, cost) = sums[row["endpoint"].as_str().unwrap()];
        assert_eq!(row["requests"], requests, "{row}");
        assert_eq!(
            serde_json::from_value::<Tokens>(row["tokens"].clone()).unwrap(),
            tokens,
            "{row}"
        );
        assert_eq!(row["cost"], cost, "{row}");
    }
}

type Expected = BTreeMap<String, (&'static Sample, &'static str)>;

fn note(
    (answer, sample, model): (llmgw_tests::Answer, &'static Sample, &'static str),
    expected: &mut Expected,
) {
    assert_eq!(
        (answer.status(), answer.text()),
        (200, sample.answer),
        "{}",
        sample.path
    );
    expected.insert(answer.id(), (sample, model));
}

fn cost(sample: &Sample) -> i64 {
    let tokens = sample.tokens;
    let sum = 3 * (tokens.prompt - tokens.cached) + tokens.cached + 5 * tokens.completion + 7 * sample.units;
    i64::try_from(sum).unwrap()
}

#[tokio::test]
async fn what_nobody_reports_is_counted_or_estimated() {
    let tap = Tap::answering(|received: &Received| match &*received.path {
        "/tokenize" => ok(r#"{"tokens":[1,2,3,4,5]}"#),
        "/v1/audio/transcriptions" => {
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 400\r\n\r\n"
                .to_owned()
                + &"Aye.".repeat(100)
        }
        "/extras/tokenize/count" => not_found(),
        _ => ok(r#"{"results":[],"data":[],"text":"Aye."}"#),
    });
    let gateway = Gateway::before(&tap).await;
    let post = async |sample: &Sample| {
        let request =
            Request::post_as(&sample.content_type(), sample.path, sample.body("smollm2")).key(&gateway.key);
        let answer = gateway.ask(&request).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        gateway.record(&answer.id()).await
    };
    let of = |path: &str| SAMPLES.iter().find(|sample| sample.path == path).unwrap();
    for path in ["/v1/rerank", "/v1/score", "/v1/embeddings", "/v1/audio/speech"] {
        let event = post(of(path)).await;
        assert_eq!((&*event.source, event.tokens.prompt), ("counted", 5), "{path}");
        assert_eq!(event.units, of(path).units, "{path}");
    }
    let asked: Vec<_> = tap
        .tokenized()
        .into_iter()
        .filter(|asked| asked.get("x-request-id").is_none())
        .collect();
    assert!(
        asked
            .iter()
            .any(|asked| asked.text().contains(r"cat\na cat\na dog")),
        "{asked:?}"
    );
    // A file at a fixed number of tokens, one second begun, and four bytes of text for each token.
    let event = post(of("/v1/audio/transcriptions")).await;
    assert_eq!((&*event.source, event.units), ("estimated", 1));
    assert_eq!(
        (event.tokens.prompt, event.tokens.completion),
        (1_001, 100),
        "{event:?}"
    );
}

#[tokio::test]
async fn limits_on_cost_know_what_is_not_counted_in_tokens() {
    let tap = by_the_book();
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url()});
    let price = json!({"unit": 1_000_000_000_000_i64});
    gateway
        .admin
        .new_model(json!({"id": "dear", "targets": [target], "price": price}))
        .await;
    // A picture costs a million; two are wanted each time.
    let limits = json!([{"unit": "cost", "window": "day", "amount": 5_000_000}]);
    let key = gateway.admin.new_key("alice", json!({"limits": limits})).await;
    let sample = SAMPLES
        .iter()
        .find(|sample| sample.path == "/v1/images/generations")
        .unwrap();
    let request = Request::post(sample.path, sample.body("dear")).key(&key.text);
    let statuses = [
        gateway.ask(&request).await.status(),
        gateway.ask(&request).await.status(),
        gateway.ask(&request).await.status(),
    ];
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(
        gateway.ledger().await.iter().map(|event| event.cost).sum::<i64>(),
        4_000_000
    );
}
