//! Sound and pictures, as they come: bytes of any kind, and streams in words of their own.

use llmgw_tests::answers::{self, LAST_CHUNK, chunk};
use llmgw_tests::{Answer, Call, Connection, Event, Gateway, Piece, Received, Reply, Request, Tap, Tokens};
use serde_json::json;

use super::samples::{SAMPLES, Sample, form, form_type};

const fn tokens(prompt: u64, completion: u64) -> Tokens {
    Tokens {
        prompt,
        cached: 0,
        completion,
        reasoning: 0,
    }
}

/// What a client gets, and the ledger, of an answer to a request at `path`.
async fn through(path: &str, answer: impl Into<Reply>) -> (Answer, Event) {
    let answer = answer.into();
    let tap = Tap::answering(move |received: &Received| {
        let asked = received.get("x-request-id").is_some();
        if asked {
            answer.clone()
        } else {
            answers::not_found().into()
        }
    });
    let gateway = Gateway::before(&tap).await;
    let sample = SAMPLES
        .iter()
        .find(|sample: &&Sample| sample.path == path)
        .unwrap();
    let request = Request::post_as(&sample.content_type(), path, sample.body("smollm2")).key(&gateway.key);
    let answer = gateway.ask(&request).await;
    let event = gateway.record(&answer.id()).await;
    (answer, event)
}

fn named(name: &str, rest: &serde_json::Value) -> String {
    let mut event = json!({"type": name});
    event
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    format!("event: {name}\ndata: {event}\n\n")
}

#[tokio::test]
async fn a_transcript_streams_and_is_counted() {
    let usage = json!({"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59});
    let done = named(
        "transcript.text.done",
        &json!({"text": "Aye, aye.", "usage": usage}),
    );
    let events = format!(
        "{}{}{done}",
        named("transcript.text.delta", &json!({"delta": "Aye"})),
        named("transcript.text.delta", &json!({"delta": ", aye."}))
    );
    for end in ["", "data: [DONE]\n\n"] {
        let events = format!("{events}{end}");
        let (answer, event) = through("/v1/audio/transcriptions", answers::stream(&events)).await;
        assert_eq!((answer.text(), answer.whole), (&*events, true));
        assert_eq!(
            (&*event.end, &*event.source, event.streamed),
            ("complete", "reported", true)
        );
        assert_eq!(
            (event.tokens, event.units),
            (tokens(14, 45), 0),
            "tokens are told, so seconds are not counted"
        );
    }
    // vLLM's, which tells seconds.
    let piece = json!({"object": "transcription.chunk", "choices": [{"delta": {"content": "Aye"}}]});
    let last = json!({"choices": [], "usage": {"type": "duration", "seconds": 3}});
    let events = format!("data: {piece}\n\ndata: {last}\n\ndata: [DONE]\n\n");
    let (answer, event) = through("/v1/audio/transcriptions", answers::stream(&events)).await;
    assert_eq!(
        answer.text(),
        events,
        "nobody asked for that usage but the client"
    );
    assert_eq!(
        (event.tokens, event.units, &*event.source),
        (tokens(0, 0), 3, "reported")
    );
}

#[tokio::test]
async fn a_stream_of_sound_that_breaks_off_ends_in_an_error() {
    let begun = named("speech.audio.delta", &json!({"audio": "AAAA"}));
    let cut = [
        answers::stream_head().as_bytes(),
        &chunk(begun.as_bytes()),
        &chunk(b"event: speech.au"),
    ]
    .concat();
    let reply = Reply {
        pieces: vec![cut],
        close: true,
    };
    let (answer, event) = through("/v1/audio/speech", reply).await;
    let rest = answer.text().strip_prefix(&begun).unwrap();
    assert!(
        rest.starts_with("data: {\"error\":") && rest.contains("broke off"),
        "{rest}"
    );
    assert_eq!((&*event.end, event.status), ("upstream_error", 200));
    let usage = json!({"input_tokens": 4, "output_tokens": 101});
    let whole = format!("{begun}{}", named("speech.audio.done", &json!({"usage": usage})));
    let (answer, event) = through("/v1/audio/speech", answers::stream(&whole)).await;
    assert_eq!(
        (answer.text(), event.tokens, &*event.end),
        (&*whole, tokens(4, 101), "complete")
    );
}

#[tokio::test]
async fn sound_passes_as_it_is_and_as_it_comes() {
    // Samples that look like the beginning of JSON.
    let sound = b"{\"usage\":{\"prompt_tokens\":7}\0\xff[[[".repeat(100);
    let head = |framing: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\n{framing}\r\n\r\n").into_bytes()
    };
    let chunked = [
        head("Transfer-Encoding: chunked"),
        chunk(&sound),
        LAST_CHUNK.as_bytes().to_vec(),
    ]
    .concat();
    let plain = [head(&format!("Content-Length: {}", sound.len())), sound.clone()].concat();
    for reply in [chunked, plain] {
        let (answer, event) = through("/v1/audio/speech", reply).await;
        assert!(answer.body == sound && answer.whole);
        assert_eq!(answer.head.get("content-type"), Some("audio/pcm"));
        assert_eq!(
            (&*event.end, &*event.source, event.tokens.completion),
            ("complete", "estimated", 0)
        );
    }
}

// An answer of sound whose head came.
async fn sound_begun() -> (Tap, Gateway, Connection, Call) {
    let mut tap = Tap::by_hand();
    let gateway = Gateway::before(&tap).await;
    let body = r#"{"model":"smollm2","input":"Ahoy"}"#;
    let mut client = gateway.connect().await;
    client
        .send(&gateway.request("/v1/audio/speech", body).bytes())
        .await;
    let mut call = tap.call().await;
    call.write("HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    (tap, gateway, client, call)
}

#[tokio::test]
async fn sound_that_broke_off_is_not_whole() {
    let (_tap, gateway, mut client, mut call) = sound_begun().await;
    call.write(chunk(b"one")).await;
    assert_eq!(client.piece().await, Piece::Bytes(b"one".to_vec()));
    // No last chunk.
    drop(call);
    assert_eq!(client.piece().await, Piece::Broken);
    let event = gateway.only_record().await;
    assert_eq!((&*event.end, event.status), ("upstream_error", 200));
}

#[tokio::test]
async fn a_piece_of_sound_waits_for_no_other() {
    let (_tap, gateway, mut client, mut call) = sound_begun().await;
    for piece in ["one", "two", "three"] {
        call.write(chunk(piece.as_bytes())).await;
        assert_eq!(client.piece().await, Piece::Bytes(piece.as_bytes().to_vec()));
    }
    call.write(LAST_CHUNK).await;
    assert_eq!(client.piece().await, Piece::End);
    assert_eq!(gateway.only_record().await.end, "complete");
}

#[tokio::test]
async fn pictures_stream_however_large_they_are() {
    let usage = json!({"input_tokens": 50, "output_tokens": 90, "total_tokens": 140});
    let small = "x".repeat(100);
    let large = "x".repeat(3 << 20);
    for picture in [&small, &large] {
        let partial = named(
            "image_generation.partial_image",
            &json!({"b64_json": picture, "partial_image_index": 0}),
        );
        let done = named(
            "image_generation.completed",
            &json!({"b64_json": picture, "usage": usage}),
        );
        // Two were asked for; some servers send one end for both.
        for events in [
            format!("{partial}{done}{partial}{done}"),
            format!("{partial}{done}"),
        ] {
            let (answer, event) = through("/v1/images/generations", answers::stream(&events)).await;
            assert!(
                answer.text() == events && answer.whole,
                "{} bytes of {}",
                answer.body.len(),
                events.len()
            );
            assert_eq!((&*event.end, &*event.source), ("complete", "reported"));
            assert_eq!((event.tokens, event.units), (tokens(50, 90), 2));
        }
        let (answer, event) = through("/v1/images/generations", answers::stream(&partial)).await;
        assert!(answer.text().starts_with(&partial) && answer.text().contains("broke off"));
        assert_eq!(event.end, "upstream_error");
    }
}

#[tokio::test]
async fn a_very_long_response_ends_as_it_should() {
    let usage = json!({"input_tokens": 32, "output_tokens": 5});
    let response = json!({"id": "r", "output": [{"text": "x".repeat(2 << 20)}], "usage": usage});
    let events = format!(
        "{}{}",
        named("response.created", &json!({"response": {"id": "r"}})),
        named("response.completed", &json!({"response": response}))
    );
    let (answer, event) = through("/v1/responses", answers::stream(&events)).await;
    assert!(
        answer.text() == events,
        "{} bytes of {}",
        answer.body.len(),
        events.len()
    );
    assert_eq!((&*event.end, event.tokens), ("complete", tokens(32, 5)));
}

#[tokio::test]
async fn a_form_may_ask_for_a_stream() {
    let tap = Tap::answering(|_| answers::ok(r#"{"text":"Aye."}"#));
    let gateway = Gateway::before(&tap).await;
    for (stream, status, recorded) in [
        ("true", 200, true),
        ("False", 200, false),
        ("perhaps", 400, false),
    ] {
        let body = form(&[("model", "smollm2"), ("stream", stream)]);
        let request =
            Request::post_as(&form_type(), "/v1/audio/transcriptions", body.clone()).key(&gateway.key);
        let answer = gateway.ask(&request).await;
        assert_eq!(answer.status(), status, "{stream}");
        if status == 200 {
            assert_eq!(gateway.record(&answer.id()).await.streamed, recorded, "{stream}");
            assert!(tap.forwarded().pop().unwrap().body == body, "{stream}");
        }
    }
}
