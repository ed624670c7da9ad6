//! Interim answers (RFC 9110 15.2) are not the answer, and two requests' answers are never mixed up.

use llmgw_tests::answers::ok;
use llmgw_tests::{Gateway, Tap};

const EARLY_HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
const PATH: &str = "/v1/embeddings";
const BODY: &str = r#"{"model":"smollm2","input":"x"}"#;

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let tap = Tap::answering(|_| format!("{EARLY_HINTS}{}", ok("{}")));
    let gateway = Gateway::before(&tap).await;
    let answer = gateway.post(PATH, BODY).await;
    // Whoever cannot wait for the answer behind it says so.
    assert!(
        [(200, "{}"), (502, answer.text())].contains(&(answer.status(), answer.text())),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_answer_that_comes_late_is_never_given_to_another_request() {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    // One connection of a client stays with one worker, and so with one pool.
    let mut client = gateway.connect().await;
    client.send(&gateway.request(PATH, BODY).bytes()).await;
    let mut first = tap.call().await;
    first.write(EARLY_HINTS).await;
    let early = tokio::select! {
        answer = client.next_answer() => Some(answer),
        // It waits for the answer, as it should.
        () = tokio::time::sleep(std::time::Duration::from_millis(300)) => None,
    };
    if early.is_none() {
        first.write(ok(r#"{"of":"first"}"#)).await;
        assert_eq!(client.next_answer().await.text(), r#"{"of":"first"}"#);
        return;
    }
    client.send(&gateway.request(PATH, BODY).bytes()).await;
    let (mut second, on_the_same) = tokio::select! {
        call = first.next() => match call { Some(call) => (call, true), None => (tap.call().await, false) },
        call = tap.call() => (call, false),
    };
    if on_the_same {
        second.write(ok(r#"{"of":"first"}"#)).await;
    }
    second.try_write(ok(r#"{"of":"second"}"#)).await;
    let answer = client.next_answer().await;
    assert!(
        !answer.text().contains("first"),
        "another request's answer: {answer:?}"
    );
}
