//! The ledger is true whatever ends the gateway.

mod chaos;
mod disk;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use llmgw_tests::answers::{self, DONE, LAST_CHUNK, chat, ok, said, usage};
use llmgw_tests::{Call, Connection, Event, Gateway, Request, Tap, Tokens, eventually};

const CHAT: &str =
    r#"{"model":"smollm2","messages":[{"role":"user","content":"Ahoy, is it a lighthouse?"}]}"#;
const STREAM: &str =
    r#"{"model":"smollm2","stream":true,"messages":[{"role":"user","content":"Ahoy, is it a lighthouse?"}]}"#;

/// A request that has its answer.
async fn finished(gateway: &Gateway, tap: &mut Tap) -> String {
    let mut client = gateway.begin(CHAT).await;
    let mut call = tap.call().await;
    call.write(ok(&chat(&usage(9, 0, 2)))).await;
    client.answer().await.id()
}

/// A request that waits for the head of its answer, and its id.
async fn waiting(gateway: &Gateway, tap: &mut Tap) -> (String, Connection, Call) {
    let client = gateway.begin(CHAT).await;
    let call = tap.call().await;
    (call.request.get("x-request-id").unwrap().to_owned(), client, call)
}

/// A stream of which the client has a first piece, and its id.
async fn streaming(gateway: &Gateway, tap: &mut Tap) -> (String, Connection, Call) {
    let mut client = gateway.begin(STREAM).await;
    let mut call = tap.call().await;
    call.write(answers::stream_head()).await;
    call.event(&said("one")).await;
    client.body_until(&said("one")).await;
    (call.request.get("x-request-id").unwrap().to_owned(), client, call)
}

async fn end_stream((_, mut client, mut call): (String, Connection, Call)) {
    call.event(&answers::chat_events(Some(&usage(9, 0, 3)))).await;
    call.write(LAST_CHUNK).await;
    assert!(client.rest().await.ends_with(DONE.as_bytes()));
}

fn ids(events: &[Event]) -> BTreeSet<String> {
    events.iter().map(|event| event.request_id.clone()).collect()
}

async fn assert_totals(gateway: &Gateway, events: &[Event]) {
    let mut tokens = Tokens::default();
    events.iter().for_each(|event| tokens += event.tokens);
    let total = gateway.admin.usage("").await["total"].clone();
    assert_eq!(total["requests"], events.len());
    assert_eq!(
        serde_json::from_value::<Tokens>(total["tokens"].clone()).unwrap(),
        tokens
    );
}

#[tokio::test]
async fn kill_9_loses_nothing_and_doubles_nothing() {
    let mut tap = Tap::by_hand();
    let mut gateway = Gateway::before(&tap).await;
    let mut complete = BTreeSet::new();
    for _ in 0..20 {
        complete.insert(finished(&gateway, &mut tap).await);
    }
    assert_eq!(gateway.ledger().await.len(), 20);
    let mut running = Vec::new();
    for _ in 0..50 {
        running.push(waiting(&gateway, &mut tap).await);
        running.push(streaming(&gateway, &mut tap).await);
    }
    // The last of these are hardly in the ledger when it dies.
    for _ in 0..20 {
        complete.insert(finished(&gateway, &mut tap).await);
    }
    gateway.kill9().await;
    let crashed: BTreeSet<_> = running.into_iter().map(|(id, ..)| id).collect();

    gateway.start_again().await;
    let events = gateway.ledger().await;
    assert_eq!(events.len(), 140);
    assert_eq!(ids(&events), &complete | &crashed);
    for event in &events {
        if crashed.contains(&event.request_id) {
            assert_eq!(
                (&*event.end, &*event.source),
                ("crashed", "estimated"),
                "{event:?}"
            );
            assert!(event.tokens.prompt > 0, "{event:?}");
        } else {
            assert_eq!(
                (&*event.end, &*event.source, event.tokens.prompt),
                ("complete", "reported", 9),
                "{event:?}"
            );
        }
    }
    assert_totals(&gateway, &events).await;

    for _ in 0..2 {
        gateway.kill9().await;
        gateway.start_again().await;
        assert_eq!(gateway.ledger().await, events, "another start changes nothing");
        assert_totals(&gateway, &events).await;
    }
}

#[tokio::test]
async fn a_stream_that_ran_for_long_is_charged_what_was_last_seen() {
    let mut tap = Tap::by_hand();
    let mut gateway = Gateway::before(&tap).await;
    let (id, mut client, mut call) = streaming(&gateway, &mut tap).await;
    // A note of progress is taken once a second at most: go on until one must have been.
    let began = Instant::now();
    let mut pieces = 1;
    while began.elapsed() < Duration::from_millis(2_500) {
        call.event(&said("more")).await;
        client.body_until(&said("more")).await;
        pieces += 1;
    }
    gateway.kill9().await;
    gateway.start_again().await;
    let event = gateway.record(&id).await;
    assert_eq!((&*event.end, event.status), ("crashed", 200));
    assert!(
        (2..=pieces).contains(&event.tokens.completion),
        "{event:?}, of {pieces}"
    );
}

#[tokio::test]
async fn a_second_process_leaves_the_first_one_s_requests_alone() {
    let mut tap = Tap::by_hand();
    let mut first = Gateway::before(&tap).await;
    let stream = streaming(&first, &mut tap).await;
    let held = waiting(&first, &mut tap).await;
    let mut second = first.beside().await;
    assert_eq!(second.admin.events().await, [], "they still run");
    let of_second = finished(&second, &mut tap).await;
    let (of_first, cut) = (stream.0.clone(), held.0.clone());
    end_stream(stream).await;
    let ended = eventually("both are in the ledger", async || {
        let events = first.admin.events().await;
        (events.len() == 2).then_some(events)
    })
    .await;
    assert_eq!(ids(&ended), BTreeSet::from([of_first, of_second]));
    assert!(ended.iter().all(|event| event.end == "complete"));
    // The second one starts anew while the first still lives, then after it died.
    second.kill9().await;
    second.start_again().await;
    assert_eq!(second.admin.events().await.len(), 2);
    first.kill9().await;
    second.kill9().await;
    second.start_again().await;
    let events = second.ledger().await;
    assert_eq!(events.len(), 3);
    assert_eq!(
        events
            .iter()
            .find(|event| event.end == "crashed")
            .map(|event| &event.request_id),
        Some(&cut)
    );
    assert_totals(&second, &events).await;
}

#[tokio::test]
async fn sigterm_lets_streams_end_and_leaves_an_empty_journal() {
    let mut tap = Tap::by_hand();
    let mut gateway = Gateway::before(&tap).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(streaming(&gateway, &mut tap).await);
    }
    let running: BTreeSet<_> = streams.iter().map(|(id, ..)| id.clone()).collect();
    gateway.sigterm();
    eventually("it is not ready any more", async || {
        let mut health = Connection::open(gateway.health).await;
        (health.ask(&Request::get("/health/ready")).await.status() == 503).then_some(())
    })
    .await;
    // Longer than a server needs that cuts what runs.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1_500) {
        for (_, client, call) in &mut streams {
            call.event(&said("more")).await;
            client.body_until(&said("more")).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for stream in streams {
        end_stream(stream).await;
    }
    assert!(gateway.exited().await.success());
    assert_eq!(
        segments(&gateway.setup().data().join("journal")),
        0,
        "records stayed in the journal"
    );
    gateway.start_again().await;
    let events = gateway.ledger().await;
    assert_eq!(ids(&events), running);
    assert!(
        events
            .iter()
            .all(|event| event.end == "complete" && event.tokens.completion == 3)
    );
}

#[tokio::test]
async fn sigterm_cuts_streams_when_the_time_to_drain_is_over() {
    let mut tap = Tap::by_hand();
    let setup = llmgw_tests::Setup::default()
        .upstream(&tap)
        .env("LLMGW_GATEWAY__DRAIN", "1s");
    let mut gateway = setup.start().await;
    let (id, client, call) = streaming(&gateway, &mut tap).await;
    gateway.sigterm();
    assert!(gateway.exited().await.success());
    drop((client, call));
    gateway.start_again().await;
    let event = gateway.record(&id).await;
    assert!(
        ["client_gone", "upstream_error", "crashed"].contains(&&*event.end),
        "{event:?}"
    );
    assert!(event.tokens.prompt > 0);
    assert_eq!(gateway.ledger().await.len(), 1);
}

/// How many segments lie in the journal's folder and below.
fn segments(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                segments(&path)
            } else {
                usize::from(path.extension().is_some_and(|e| e == "seg"))
            }
        })
        .sum()
}
