//! Killed again and again under load: what a client got, and what a model server was asked, is in the ledger once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use llmgw_tests::answers::{chat, chat_events, ok, stream, usage};
use llmgw_tests::{Connection, Gateway, Received, Request, Tap};
use tokio::task::JoinSet;

use super::assert_totals;

const ROUNDS: u64 = 5;
const CLIENTS: usize = 12;

/// Asks until the gateway is gone; the ids of the answers that came whole.
async fn ask_until_it_dies(at: std::net::SocketAddr, request: Request, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut whole = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let Some(mut client) = Connection::try_open(at).await else {
            break;
        };
        for _ in 0..5 {
            client.send(&request.bytes()).await;
            match client.try_next_answer().await {
                Some(answer) if answer.whole && answer.status() == 200 => whole.push(answer.id()),
                _ => break,
            }
        }
    }
    whole
}

#[tokio::test]
async fn every_request_of_many_lives_is_in_the_ledger_once() {
    let tap = Tap::answering(|received: &Received| {
        if received.text().contains("\"stream\":true") {
            stream(&chat_events(Some(&usage(9, 0, 2))))
        } else {
            ok(&chat(&usage(9, 0, 2))).into_bytes()
        }
    });
    let mut gateway = Gateway::before(&tap).await;
    let mut whole = BTreeSet::new();
    for round in 0..ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let body = if number % 2 == 0 {
                super::CHAT
            } else {
                super::STREAM
            };
            let request = gateway.request("/v1/chat/completions", body);
            clients.spawn(ask_until_it_dies(gateway.api, request, Arc::clone(&stop)));
        }
        // Some moment or other: it makes no difference to what must hold.
        tokio::time::sleep(Duration::from_millis(150 + 37 * round)).await;
        gateway.kill9().await;
        stop.store(true, Ordering::SeqCst);
        whole.extend(clients.join_all().await.into_iter().flatten());
        gateway.start_again().await;
    }
    let events = gateway.ledger().await;
    let ledger: BTreeMap<_, _> = events
        .iter()
        .map(|event| (event.request_id.clone(), event))
        .collect();
    assert_eq!(ledger.len(), events.len(), "an id stands there twice");
    assert!(whole.len() > 50, "only {} answers", whole.len());
    for id in &whole {
        let event = ledger
            .get(id)
            .unwrap_or_else(|| panic!("{id} was answered and is not in the ledger"));
        assert_eq!(
            (&*event.end, &*event.source, event.tokens.completion),
            ("complete", "reported", 2),
            "{event:?}"
        );
    }
    let asked: BTreeSet<_> = tap
        .received()
        .iter()
        .map(|received| received.get("x-request-id").unwrap().to_owned())
        .collect();
    for id in &asked {
        assert!(
            ledger.contains_key(id),
            "the model server worked for {id}, which is not in the ledger"
        );
    }
    for event in events.iter().filter(|event| !asked.contains(&event.request_id)) {
        assert_eq!(event.end, "crashed", "nobody sent {event:?}");
    }
    assert_totals(&gateway, &events).await;
}
