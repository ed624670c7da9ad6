//! Limits hold exactly, refusals cost nothing, and both survive the process.

use llmgw_tests::answers::{self, chat, ok, said, usage};
use llmgw_tests::{Answer, Connection, Gateway, Key, Request, Setup, Tap, eventually};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const PATH: &str = "/v1/chat/completions";

fn ask(key: &Key, body: &Value) -> Request {
    Request::post(PATH, body.to_string()).key(&key.text)
}

/// Sends the request so many times at once.
async fn at_once(gateway: &Gateway, request: &Request, times: usize) -> Vec<Answer> {
    let mut running = JoinSet::new();
    for _ in 0..times {
        let (at, request) = (gateway.api, request.clone());
        running.spawn(async move { Connection::open(at).await.ask(&request).await });
    }
    running.join_all().await
}

/// How many were served; the others must have been refused by a limit, with all that a client needs to know.
#[track_caller]
fn served(answers: &[Answer], unit: &str, limit: u64) -> usize {
    for answer in answers.iter().filter(|answer| answer.status() != 200) {
        assert_eq!(
            (answer.status(), answer.code()),
            (429, "rate_limit_exceeded".to_owned()),
            "{}",
            answer.text()
        );
        let after: u64 = answer
            .head
            .get("retry-after")
            .expect("when to come back")
            .parse()
            .unwrap();
        assert!((1..=31 * 86_400).contains(&after));
        assert_eq!(
            answer.head.get(&format!("x-ratelimit-limit-{unit}")),
            Some(&*limit.to_string())
        );
        assert!(answer.head.get(&format!("x-ratelimit-reset-{unit}")).is_some());
        assert_eq!(answer.head.get("x-should-retry"), None);
    }
    answers.iter().filter(|answer| answer.status() == 200).count()
}

async fn own_limits(gateway: &Gateway, key: &Key) -> Vec<Value> {
    let answer = gateway.ask(&Request::get("/v1/key").key(&key.text)).await;
    assert_eq!(answer.status(), 200);
    answer.json()["limits"].as_array().unwrap().clone()
}

#[track_caller]
fn assert_left(limit: &Value, used: u64, reserved: u64, remaining: u64) {
    assert_eq!(
        (&limit["used"], &limit["reserved"], &limit["remaining"]),
        (&json!(used), &json!(reserved), &json!(remaining))
    );
}

fn quick() -> Tap {
    Tap::answering(|_| ok(&chat(&usage(10, 0, 10))))
}

#[tokio::test]
async fn of_500_requests_at_once_exactly_the_budget_is_admitted() {
    let tap = quick();
    let gateway = Gateway::before(&tap).await;
    let limits = json!([{"unit": "requests", "window": "month", "amount": 100}]);
    let key = gateway.admin.new_key("alice", json!({"limits": limits})).await;
    let answers = at_once(&gateway, &ask(&key, &json!({"model": "smollm2"})), 500).await;
    assert_eq!(served(&answers, "requests", 100), 100);
    assert_eq!(tap.received().len(), 100, "the model server's own count");
    assert_eq!(gateway.ledger().await.len(), 100);
    assert_left(&own_limits(&gateway, &key).await[0], 100, 0, 0);
    let mut left: Vec<u64> = answers
        .iter()
        .filter(|answer| answer.status() == 200)
        .map(|answer| {
            answer
                .head
                .get("x-ratelimit-remaining-requests")
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    left.sort_unstable();
    assert_eq!(left, (0..100).collect::<Vec<u64>>(), "each was told what it left");
}

#[tokio::test]
async fn a_token_budget_is_never_exceeded() {
    let body = json!({"model": "smollm2", "max_tokens": 90, "messages": []});
    let prompt = body.to_string().len() as u64 / 4;
    let estimate = prompt + 90;
    // The model takes exactly what was estimated.
    let tap = Tap::answering(move |_| ok(&chat(&usage(prompt, 0, 90))));
    let gateway = Gateway::before(&tap).await;
    let amount = 40 * estimate + estimate - 1;
    let key = gateway
        .admin
        .new_key(
            "alice",
            json!({"limits": [{"unit": "tokens", "window": "month", "amount": amount}]}),
        )
        .await;
    let answers = at_once(&gateway, &ask(&key, &body), 200).await;
    assert_eq!(served(&answers, "tokens", amount), 40);
    let events = gateway.ledger().await;
    let sum: u64 = events
        .iter()
        .map(|event| event.tokens.prompt + event.tokens.completion)
        .sum();
    assert_eq!((events.len(), sum), (40, 40 * estimate));
    assert_left(&own_limits(&gateway, &key).await[0], sum, 0, amount - sum);
}

#[tokio::test]
async fn what_was_estimated_too_high_is_given_back() {
    let tap = quick();
    let gateway = Gateway::before(&tap).await;
    let key = gateway
        .admin
        .new_key(
            "alice",
            json!({"limits": [{"unit": "tokens", "window": "month", "amount": 500}]}),
        )
        .await;
    let request = ask(&key, &json!({"model": "smollm2", "max_tokens": 200}));
    // Each takes 20 of an estimate above 200, so the budget lasts for many more than two.
    for turn in 1..=14 {
        eventually("the one before is settled", async || {
            let left = own_limits(&gateway, &key).await[0]["reserved"].clone();
            (left == 0).then_some(())
        })
        .await;
        assert_eq!(gateway.ask(&request).await.status(), 200, "request {turn}");
    }
    let used = gateway
        .ledger()
        .await
        .iter()
        .map(|event| event.tokens.prompt + event.tokens.completion)
        .sum::<u64>();
    assert_eq!(used, 14 * 20);
    let limit = &own_limits(&gateway, &key).await[0];
    assert_left(limit, used, 0, 500 - used);
}

#[tokio::test]
async fn a_budget_of_money_holds() {
    let body = json!({"model": "dear", "max_tokens": 100, "messages": []});
    let prompt = body.to_string().len() as u64 / 4;
    let tap = Tap::answering(move |_| ok(&chat(&usage(prompt, 0, 100))));
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url()});
    // 1,000 and 2,000 nano-units a token.
    let price = json!({"prompt": 1_000_000_000, "completion": 2_000_000_000});
    gateway
        .admin
        .new_model(json!({"id": "dear", "targets": [target], "price": price}))
        .await;
    let cost = prompt * 1_000 + 100 * 2_000;
    let limits = json!([{"unit": "cost", "window": "month", "amount": 10 * cost}]);
    let key = gateway.admin.new_key("alice", json!({"limits": limits})).await;
    let answers = at_once(&gateway, &ask(&key, &body), 60).await;
    let done = answers.iter().filter(|answer| answer.status() == 200).count();
    assert_eq!((done, tap.received().len()), (10, 10));
    let spent: i64 = gateway.ledger().await.iter().map(|event| event.cost).sum();
    assert_eq!(spent as u64, 10 * cost);
}

#[tokio::test]
async fn slots_in_flight_come_back_however_a_request_ends() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let key = gateway
        .admin
        .new_key("alice", json!({"limits": [{"unit": "in_flight", "amount": 3}]}))
        .await;
    let request = ask(&key, &json!({"model": "smollm2", "stream": true}));
    for _ in 0..3 {
        let mut running = Vec::new();
        for _ in 0..3 {
            let mut client = gateway.connect().await;
            client.send(&request.bytes()).await;
            let mut call = tap.call().await;
            call.write(answers::stream_head()).await;
            call.event(&said("one")).await;
            client.body_until(&said("one")).await;
            running.push((client, call));
        }
        let refused = gateway.ask(&request).await;
        assert_eq!(
            (refused.status(), refused.head.get("retry-after")),
            (429, Some("1"))
        );
        assert_left(&own_limits(&gateway, &key).await[0], 0, 3, 0);
        let (mut ends, cancelled, dies) = (running.remove(0), running.remove(0), running.remove(0));
        ends.1.event(&answers::chat_events(Some(&usage(1, 0, 1)))).await;
        ends.1.write(answers::LAST_CHUNK).await;
        ends.0.rest().await;
        drop(cancelled.0);
        drop(dies.1);
        eventually("all slots are free", async || {
            (own_limits(&gateway, &key).await[0]["reserved"] == 0).then_some(())
        })
        .await;
    }
    let events = gateway.ledger().await;
    let ended = |end: &str| events.iter().filter(|event| event.end == end).count();
    assert_eq!(
        (
            ended("complete"),
            ended("client_gone"),
            ended("upstream_error"),
            events.len()
        ),
        (3, 3, 3, 9)
    );
}

#[tokio::test]
async fn a_request_that_can_never_fit_is_told_so_and_costs_nothing() {
    let tap = quick();
    let gateway = Gateway::before(&tap).await;
    let limits = json!([{"unit": "requests", "window": "month", "amount": 2}, {"unit": "tokens", "window": "month", "amount": 900}]);
    let key = gateway.admin.new_key("alice", json!({"limits": limits})).await;
    for _ in 0..5 {
        let answer = gateway
            .ask(&ask(&key, &json!({"model": "smollm2", "max_tokens": 901})))
            .await;
        assert_eq!(
            (answer.status(), answer.code()),
            (429, "insufficient_quota".to_owned())
        );
        assert_eq!(
            (answer.head.get("retry-after"), answer.head.get("x-should-retry")),
            (None, Some("false"))
        );
    }
    assert_left(&own_limits(&gateway, &key).await[0], 0, 0, 2);
    let fits = ask(&key, &json!({"model": "smollm2", "max_tokens": 100}));
    let statuses: Vec<_> = at_once(&gateway, &fits, 5)
        .await
        .iter()
        .map(Answer::status)
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        2,
        "{statuses:?}"
    );
    assert_eq!((tap.received().len(), gateway.ledger().await.len()), (2, 2));
}

#[tokio::test]
async fn n_answers_are_reserved_n_times() {
    let tap = quick();
    let gateway = Gateway::before(&tap).await;
    let key = gateway
        .admin
        .new_key(
            "alice",
            json!({"limits": [{"unit": "tokens", "window": "month", "amount": 1_000}]}),
        )
        .await;
    for (body, status) in [
        (json!({"model": "smollm2", "max_tokens": 300, "n": 4}), 429),
        (json!({"model": "smollm2", "max_completion_tokens": 1_001}), 429),
        (json!({"model": "smollm2", "max_output_tokens": 1_001}), 429),
        // The model's default for an answer, 1024.
        (json!({"model": "smollm2"}), 429),
        (json!({"model": "smollm2", "max_tokens": 300, "n": 2}), 200),
    ] {
        assert_eq!(gateway.ask(&ask(&key, &body)).await.status(), status, "{body}");
    }
}

#[tokio::test]
async fn a_budget_survives_a_restart_and_a_crash() {
    let mut tap = Tap::by_hand();
    let mut gateway = Gateway::before(&tap).await;
    let key = gateway
        .admin
        .new_key(
            "alice",
            json!({"limits": [{"unit": "requests", "window": "month", "amount": 3}]}),
        )
        .await;
    let request = ask(&key, &json!({"model": "smollm2"}));
    let begin = async |gateway: &Gateway, tap: &mut Tap| {
        let mut client = gateway.connect().await;
        client.send(&request.bytes()).await;
        (client, tap.call().await)
    };
    let (mut client, mut call) = begin(&gateway, &mut tap).await;
    call.write(ok(&chat(&usage(1, 0, 1)))).await;
    assert_eq!(client.answer().await.status(), 200);
    gateway.sigterm();
    assert!(gateway.exited().await.success());
    gateway.start_again().await;
    assert_left(&own_limits(&gateway, &key).await[0], 1, 0, 2);

    let (mut client, mut call) = begin(&gateway, &mut tap).await;
    call.write(ok(&chat(&usage(1, 0, 1)))).await;
    assert_eq!(client.answer().await.status(), 200);
    let cut = begin(&gateway, &mut tap).await;
    gateway.kill9().await;
    drop(cut);
    gateway.start_again().await;
    // The one that was cut is charged, too.
    assert_left(&own_limits(&gateway, &key).await[0], 3, 0, 0);
    assert_eq!(served(&[gateway.ask(&request).await], "requests", 3), 0);
}

#[tokio::test]
async fn limits_of_key_user_and_model_hold_together_or_not_at_all() {
    let tap = quick();
    let each_user = r#"[{unit="requests",window="month",amount=3}]"#;
    let gateway = Setup::default()
        .upstream(&tap)
        .env("LLMGW_LIMITS__DEFAULT", each_user)
        .start()
        .await;
    let target = json!({"id": "t", "base_url": tap.url()});
    let two = json!([{"unit": "requests", "window": "month", "amount": 2}]);
    gateway
        .admin
        .new_model(json!({"id": "scarce", "targets": [target], "limits": two}))
        .await;
    let alice = gateway.admin.new_key("alice", json!({"limits": two})).await;
    let alice_too = gateway.admin.new_key("alice", json!({})).await;
    let bob = gateway.admin.new_key("bob", json!({})).await;
    let status =
        async |key: &Key, model: &str| gateway.ask(&ask(key, &json!({"model": model}))).await.status();

    assert_eq!(status(&alice, "scarce").await, 200);
    assert_eq!(status(&alice_too, "scarce").await, 200);
    // The model's is used up, which costs neither key nor user anything.
    assert_eq!(
        (status(&alice, "scarce").await, status(&bob, "scarce").await),
        (429, 429)
    );
    assert_left(&own_limits(&gateway, &alice).await[0], 1, 0, 1);
    assert_eq!(status(&alice, "smollm2").await, 200);
    // Now the key's; the user's other key is held by the user's.
    assert_eq!(
        (
            status(&alice, "smollm2").await,
            status(&alice_too, "smollm2").await
        ),
        (429, 429)
    );
    for _ in 0..3 {
        assert_eq!(status(&bob, "smollm2").await, 200);
    }
    assert_eq!(status(&bob, "smollm2").await, 429);
    assert_eq!((tap.received().len(), gateway.ledger().await.len()), (6, 6));
    let limits = own_limits(&gateway, &alice).await;
    let subjects: Vec<_> = limits
        .iter()
        .map(|limit| limit["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, ["key", "user"]);
    assert_left(&limits[1], 3, 0, 0);
}

#[tokio::test]
async fn limits_of_everyone_come_from_a_file() {
    let tap = quick();
    let setup = Setup::default().upstream(&tap);
    let file = setup.folder().join("settings.toml");
    std::fs::write(
        &file,
        "[[limits.everyone]]\nunit = \"requests\"\nwindow = \"month\"\namount = 4\n",
    )
    .unwrap();
    let gateway = setup.arg("--config").arg(file.to_str().unwrap()).start().await;
    let alice = gateway.admin.new_key("alice", json!({})).await;
    let bob = gateway.admin.new_key("bob", json!({})).await;
    let mut done = 0;
    for key in [&alice, &bob, &alice, &bob, &alice, &bob] {
        done += usize::from(
            gateway
                .ask(&ask(key, &json!({"model": "smollm2"})))
                .await
                .status()
                == 200,
        );
    }
    assert_eq!(done, 4);
}

#[tokio::test]
async fn a_target_s_cap_of_requests_holds() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let target = json!({"id": "t", "base_url": tap.url(), "max_in_flight": 2});
    gateway
        .admin
        .new_model(json!({"id": "capped", "targets": [target]}))
        .await;
    let body = r#"{"model":"capped"}"#;
    let mut running = Vec::new();
    for _ in 0..2 {
        running.push((gateway.begin(body).await, tap.call().await));
    }
    let full = gateway.post(PATH, body).await;
    assert_eq!(
        (full.status(), full.code(), full.head.get("retry-after")),
        (503, "service_unavailable".to_owned(), Some("1"))
    );
    for (mut client, mut call) in running {
        call.write(ok(&chat(&usage(1, 0, 1)))).await;
        assert_eq!(client.answer().await.status(), 200);
    }
    let mut next = gateway.begin(body).await;
    tap.call().await.write(ok(&chat(&usage(1, 0, 1)))).await;
    assert_eq!(next.answer().await.status(), 200);
}

#[tokio::test]
async fn the_gateway_s_own_cap_of_requests_holds() {
    let mut tap = Tap::by_hand();
    let setup = Setup::default()
        .upstream(&tap)
        .env("LLMGW_GATEWAY__MAX_IN_FLIGHT", "2");
    let gateway = setup.start().await;
    for _ in 0..3 {
        let mut running = Vec::new();
        for _ in 0..2 {
            running.push((gateway.begin(r#"{"model":"smollm2"}"#).await, tap.call().await));
        }
        let full = gateway.post(PATH, r#"{"model":"smollm2"}"#).await;
        assert_eq!(
            (full.status(), full.code(), full.head.get("retry-after")),
            (503, "service_unavailable".to_owned(), Some("1"))
        );
        for (mut client, mut call) in running {
            call.write(ok(&chat(&usage(1, 0, 1)))).await;
            assert_eq!(client.answer().await.status(), 200);
        }
        gateway.ledger().await;
    }
    assert_eq!(gateway.ledger().await.len(), 6);
}
