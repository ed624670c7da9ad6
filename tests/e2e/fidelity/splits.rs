//! However the bytes of a stream are cut into packets, the client gets the same bytes and the ledger the same
//! figures.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use llmgw_tests::answers::{DONE, LAST_CHUNK, chunk, said, stream_head, usage, usage_event};
use llmgw_tests::{Answer, Gateway, Received, Reply, Tap, Tokens};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// Requests at once: most of their time they wait.
const AT_ONCE: usize = 32;

const SEEN: Tokens = Tokens {
    prompt: 11,
    cached: 3,
    completion: 7,
    reasoning: 0,
};

/// Comments, an event of several lines, text that looks like an end, and the usage right before the end.
fn events(eol: &str) -> (String, String) {
    let begin = format!(
        ": ping\n\n{}event: odd\ndata: {{\"choices\":\ndata: [{{\"delta\":{{\"content\":\"two lines\"}}}}]}}\n\n{}{}",
        said("data: [DONE]"),
        said("\"usage\":{\"prompt_tokens\":1}"),
        said("é😀"),
    );
    let kept = format!("{begin}{DONE}").replace('\n', eol);
    let whole = format!("{begin}{}{DONE}", usage_event(&usage(11, 3, 7))).replace('\n', eol);
    (whole, kept)
}

/// A gateway before a model server that cuts each answer as the request's header says.
struct Splits {
    gateway: Gateway,
    plans: Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>>,
    _tap: Tap,
}

impl Splits {
    async fn start() -> Self {
        let plans: Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>> = Arc::default();
        let known = Arc::clone(&plans);
        let tap = Tap::answering(move |received: &Received| {
            let pieces = known
                .lock()
                .unwrap()
                .remove(received.get("user-agent").unwrap_or_default());
            Reply {
                pieces: pieces.unwrap_or_else(|| vec![b"no plan".to_vec()]),
                close: false,
            }
        });
        Self {
            gateway: Gateway::before(&tap).await,
            plans,
            _tap: tap,
        }
    }

    fn plan(&self, name: &str, pieces: Vec<Vec<u8>>) -> impl Future<Output = Answer> + use<> {
        self.plans.lock().unwrap().insert(name.to_owned(), pieces);
        let body = r#"{"model":"smollm2","stream":true}"#;
        let request = self
            .gateway
            .request("/v1/chat/completions", body)
            .header("User-Agent", name);
        let at = self.gateway.api;
        async move { llmgw_tests::Connection::open(at).await.ask(&request).await }
    }
}

#[tokio::test]
async fn every_cut_in_two_gives_the_same_bytes_and_the_same_usage() {
    let splits = Splits::start().await;
    let mut running = JoinSet::new();
    let mut asked = 0;
    for eol in ["\n", "\r\n"] {
        let (whole, kept) = events(eol);
        let wire = [
            stream_head().as_bytes(),
            &chunk(whole.as_bytes()),
            LAST_CHUNK.as_bytes(),
        ]
        .concat();
        for at in 1..wire.len() {
            let pieces = vec![wire[..at].to_vec(), wire[at..].to_vec()];
            let answer = splits.plan(&format!("{asked}"), pieces);
            let (kept, name) = (kept.clone(), format!("{eol:?} cut at {at}"));
            running.spawn(async move { assert_eq!(answer.await.text(), kept, "{name}") });
            asked += 1;
            while running.len() >= AT_ONCE {
                running.join_next().await.unwrap().unwrap();
            }
        }
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let events = splits.gateway.ledger().await;
    assert_eq!(events.len(), asked);
    for event in events {
        assert_eq!(
            (event.tokens, &*event.source, &*event.end),
            (SEEN, "reported", "complete"),
            "{event:?}"
        );
    }
}

#[test]
fn any_chunks_in_any_packets_give_the_same_bytes_and_the_same_usage() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let splits = runtime.block_on(Splits::start());
    let mut runner = TestRunner::new(Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    });
    let number = Cell::new(0);
    let plan = (
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        vec(1..80_usize, 1..40),
        vec(1..200_usize, 0..8),
    );
    let outcome = runner.run(&plan, |(eol, chunks, packets)| {
        let (whole, kept) = events(eol);
        let framed: Vec<u8> = cut(whole.as_bytes(), &chunks)
            .iter()
            .flat_map(|part| chunk(part))
            .collect();
        let wire = [stream_head().as_bytes(), &framed, LAST_CHUNK.as_bytes()].concat();
        number.set(number.get() + 1);
        let answer = runtime.block_on(splits.plan(&format!("p{}", number.get()), cut(&wire, &packets)));
        prop_assert_eq!(answer.text(), kept);
        let event = runtime.block_on(splits.gateway.record(&answer.id()));
        prop_assert_eq!((event.tokens, &*event.end), (SEEN, "complete"));
        Ok(())
    });
    outcome.unwrap();
}

// Parts of these lengths, and the rest.
fn cut(mut bytes: &[u8], lengths: &[usize]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for length in lengths {
        let (part, rest) = bytes.split_at((*length).min(bytes.len()));
        parts.push(part.to_vec());
        bytes = rest;
    }
    parts.push(bytes.to_vec());
    parts.retain(|part| !part.is_empty());
    parts
}
