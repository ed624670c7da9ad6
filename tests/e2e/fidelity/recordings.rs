//! Every answer that was recorded from a real model server goes through as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use llmgw_tests::answers::{LAST_CHUNK, chunk};
use llmgw_tests::{Answer, Gateway, Received, Reply, Tap};
use serde_json::{Value, json};

const ASKED: &str = r#","stream_options":{"include_usage":true}"#;

/// What a model server once said, and what it had been asked.
struct Recording {
    name: String,
    path: &'static str,
    request: String,
    head: String,
    body: String,
}

#[tokio::test]
async fn every_recorded_answer_passes_byte_for_byte() {
    let replay = Replay::start().await;
    for recording in recordings() {
        replay.by_its_own_name(&recording).await;
    }
}

#[tokio::test]
async fn an_alias_and_the_target_s_own_name_change_nothing_but_the_name() {
    let replay = Replay::start().await;
    let target = json!({"id": "own", "base_url": replay.tap.url(), "model": "models/Smol \"LM\".gguf"});
    replay
        .gateway
        .admin
        .new_model(json!({"id": "renamed", "aliases": ["other"], "targets": [target]}))
        .await;
    for recording in recordings() {
        replay.by_alias(&recording).await;
    }
}

#[tokio::test]
async fn a_usage_event_that_only_we_asked_for_is_taken_out() {
    let replay = Replay::start().await;
    let mut taken = 0;
    for recording in recordings().iter().filter(|recording| recording.is_chat_stream()) {
        let request = json!({"model": "smollm2", "stream": true}).to_string();
        let (answer, received) = replay.ask(recording, &request).await;
        let expected = without_usage_event(&recording.body);
        assert_eq!(answer.text(), expected, "{}", recording.name);
        assert_eq!(
            received.text(),
            request.replacen("\"smollm2\"", &format!("\"smollm2\"{ASKED}"), 1)
        );
        taken += usize::from(expected != recording.body);
    }
    assert!(taken > 0, "no recording has a usage event");
}

struct Replay {
    gateway: Gateway,
    tap: Tap,
    next: Arc<Mutex<Option<Reply>>>,
}

impl Replay {
    async fn start() -> Self {
        let next: Arc<Mutex<Option<Reply>>> = Arc::default();
        let replies = Arc::clone(&next);
        let tap = Tap::answering(move |received| {
            // A tokenizer may be asked about an earlier stream meanwhile.
            let asked = received.get("x-request-id").is_some();
            let reply = if asked {
                replies.lock().unwrap().take()
            } else {
                None
            };
            reply.unwrap_or_else(|| llmgw_tests::answers::not_found().into())
        });
        Self {
            gateway: Gateway::before(&tap).await,
            tap,
            next,
        }
    }

    async fn by_its_own_name(&self, recording: &Recording) {
        let (answer, received) = self.ask(recording, &recording.request).await;
        recording.assert_same(&answer);
        assert_only_edited(recording, &received, &recording.request);
    }

    async fn by_alias(&self, recording: &Recording) {
        let request = renamed(&recording.request, "other");
        let (answer, received) = self.ask(recording, &request).await;
        recording.assert_same(&answer);
        assert_only_edited(
            recording,
            &received,
            &renamed(&recording.request, r#"models/Smol \"LM\".gguf"#),
        );
    }

    async fn ask(&self, recording: &Recording, request: &str) -> (Answer, Received) {
        *self.next.lock().unwrap() = Some(recording.reply());
        let answer = self.gateway.post(recording.path, request).await;
        let received = self
            .tap
            .forwarded()
            .pop()
            .unwrap_or_else(|| panic!("{}: nothing arrived", recording.name));
        assert_eq!(received.path, recording.path);
        (answer, received)
    }
}

impl Recording {
    fn reply(&self) -> Reply {
        let chunked = self
            .head
            .to_ascii_lowercase()
            .contains("\r\ntransfer-encoding: chunked");
        let body = if chunked {
            // Cut where no event ends, so that framing and events have nothing to do with each other.
            let chunks: Vec<u8> = self.body.as_bytes().chunks(1_000).flat_map(chunk).collect();
            [&chunks, LAST_CHUNK.as_bytes()].concat()
        } else {
            self.body.clone().into_bytes()
        };
        let close = self.head.to_ascii_lowercase().contains("\r\nconnection: close");
        Reply {
            pieces: vec![[self.head.as_bytes(), &body].concat()],
            close,
        }
    }

    fn assert_same(&self, answer: &Answer) {
        if self.body.is_empty() && self.head.contains("text/event-stream") {
            // An answer to nobody: the one that is replaced by an error.
            assert_eq!(
                (answer.status(), answer.code()),
                (502, "upstream_error".to_owned()),
                "{}",
                self.name
            );
            return;
        }
        assert_eq!(answer.status().to_string(), self.head[9..12], "{}", self.name);
        let asked_by_client = self.request.replace(' ', "").contains(r#""include_usage":true"#);
        let expected = if asked_by_client || !self.is_chat_stream() {
            self.body.clone()
        } else {
            without_usage_event(&self.body)
        };
        assert_eq!(answer.text(), expected, "{}", self.name);
        assert!(answer.whole, "{}", self.name);
        let content_type = answer.head.get("content-type").map(str::to_ascii_lowercase);
        assert!(
            self.head.to_ascii_lowercase().contains(&content_type.unwrap()),
            "{}",
            self.name
        );
        assert_eq!(answer.head.get("server"), None, "{}", self.name);
    }

    fn is_chat_stream(&self) -> bool {
        self.path.ends_with("completions") && self.head.contains("text/event-stream") && !self.body.is_empty()
    }

    fn asks_for_stream(&self) -> bool {
        self.path.ends_with("completions") && self.request.replace(' ', "").contains(r#""stream":true"#)
    }
}

// Everything but `stream_options` of a stream, whose usage we may have asked for, is as the client sent it.
fn assert_only_edited(recording: &Recording, received: &Received, expected: &str) {
    let name = &recording.name;
    if !recording.asks_for_stream() || expected.contains("include_usage\":true") {
        assert_eq!(received.text(), expected, "{name}");
    } else if expected.contains("stream_options") {
        let parse = |text: &str| serde_json::from_str::<serde_json::Map<String, Value>>(text).unwrap();
        let (mut ours, mut theirs) = (parse(received.text()), parse(expected));
        assert_eq!(
            ours.remove("stream_options"),
            Some(json!({"include_usage": true})),
            "{name}"
        );
        theirs.remove("stream_options");
        assert_eq!(ours, theirs, "{name}");
    } else {
        assert_eq!(received.text().replacen(ASKED, "", 1), expected, "{name}");
        assert!(received.text().contains(ASKED), "{name}");
    }
}

fn renamed(request: &str, name: &str) -> String {
    let at = request.find("\"model\"").unwrap();
    let colon = at + request[at..].find(':').unwrap();
    let value = colon + request[colon..].find('"').unwrap() + 1;
    let end = value + request[value..].find('"').unwrap();
    format!("{}{name}{}", &request[..value], &request[end..])
}

fn without_usage_event(stream: &str) -> String {
    let events = stream.split_inclusive("\n\n");
    events
        .filter(|event| !(event.contains(r#""choices":[],"#) && event.contains(r#""usage":{"#)))
        .collect()
}

fn recordings() -> Vec<Recording> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recordings");
    let mut files: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .filter_map(|folder| fs::read_dir(folder.unwrap().path()).ok())
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let recordings: Vec<_> = files.iter().filter_map(|file| recording(file)).collect();
    assert!(recordings.len() > 50, "only {} recordings", recordings.len());
    recordings
}

fn recording(file: &Path) -> Option<Recording> {
    let name = file.to_str()?.strip_suffix(".res.txt")?;
    let base = file.file_name()?.to_str()?.strip_suffix(".res.txt")?;
    let path = path_of(base)?;
    let text = fs::read_to_string(file).unwrap();
    // A server that closed the connection without a word.
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut request = fs::read_to_string(format!("{name}.req.json")).unwrap_or_default();
    let sent = serde_json::from_str::<Value>(&request).unwrap_or_default();
    if !sent["model"].is_string() {
        // None was recorded, or the gateway itself refuses it; the answer is worth a replay all the same.
        request = r#"{"model": "smollm2"}"#.to_owned();
    } else if sent["model"] != "smollm2" {
        request = renamed(&request, "smollm2");
    }
    let head = with_length(head, body.len());
    Some(Recording {
        name: name.to_owned(),
        path,
        request,
        head,
        body: body.to_owned(),
    })
}

// The path that a recording's file is named after; none for those that are not served.
fn path_of(base: &str) -> Option<&'static str> {
    let counted = [
        ("chat_input_tokens", "/v1/chat/completions/input_tokens"),
        ("responses_input_tokens", "/v1/responses/input_tokens"),
        ("messages_count", "/v1/messages/count_tokens"),
        ("extras_count", "/extras/tokenize/count"),
    ];
    if let Some((_, path)) = counted.iter().find(|(name, _)| base.starts_with(name)) {
        return Some(path);
    }
    if ["err_404", "err_405", "models", "extras"]
        .iter()
        .any(|other| base.starts_with(other))
    {
        return None;
    }
    match base.split('_').next()? {
        "chat" | "err" => Some("/v1/chat/completions"),
        "completions" => Some("/v1/completions"),
        "embeddings" => Some("/v1/embeddings"),
        "responses" => Some("/v1/responses"),
        "messages" => Some("/v1/messages"),
        "rerank" => Some("/v1/rerank"),
        "tokenize" => Some("/tokenize"),
        "detokenize" => Some("/detokenize"),
        _ => None,
    }
}

// Paths of the recording machine were replaced in the bodies, so some announced lengths are wrong.
fn with_length(head: &str, length: usize) -> String {
    let lines = head.split("\r\n").map(|line| match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("content-length") => format!("{name}: {length}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n") + "\r\n\r\n"
}
