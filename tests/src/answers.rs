//! Answers of model servers, in the words of each dialect.

use serde_json::{Value, json};

/// The chunk that ends a body.
pub const LAST_CHUNK: &str = "0\r\n\r\n";

/// The event that ends a stream of chat or completions.
pub const DONE: &str = "data: [DONE]\n\n";

/// A plain answer, its length announced.
pub fn plain(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A plain answer that went well.
pub fn ok(body: &str) -> String {
    plain("200 OK", body)
}

/// What a model server says to a path it does not serve.
pub fn not_found() -> String {
    plain("404 Not Found", r#"{"detail":"Not Found"}"#)
}

/// The head of a stream of events.
pub fn stream_head() -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
}

/// A chunk of a chunked body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A whole stream of these events, in one chunk.
pub fn stream(events: &str) -> Vec<u8> {
    [
        stream_head().as_bytes(),
        &chunk(events.as_bytes()),
        LAST_CHUNK.as_bytes(),
    ]
    .concat()
}

/// A piece of a chat's answer.
pub fn said(text: &str) -> String {
    let delta = json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    format!("data: {delta}\n\n")
}

/// The usage event of chat and completions.
pub fn usage_event(usage: &Value) -> String {
    format!("data: {}\n\n", json!({"choices": [], "usage": usage}))
}

/// Usage in OpenAI's words.
pub fn usage(prompt: u64, cached: u64, completion: u64) -> Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    })
}

/// A chat's plain answer.
pub fn chat(usage: &Value) -> String {
    let choice =
        json!({"index": 0, "message": {"role": "assistant", "content": "Aye."}, "finish_reason": "stop"});
    json!({"object": "chat.completion", "choices": [choice], "usage": usage}).to_string()
}

/// A chat's stream: two pieces, the usage where there is one, the end.
pub fn chat_events(usage: Option<&Value>) -> String {
    let usage = usage.map(usage_event).unwrap_or_default();
    format!("{}{}{usage}{DONE}", said("Aye"), said(", aye."))
}

/// The stream of a message: the prompt is told at its begin, the completion at its end.
pub fn message_events(input: u64, cache_read: u64, cache_creation: u64, output: u64) -> String {
    let begun = json!({
        "input_tokens": input, "cache_read_input_tokens": cache_read,
        "cache_creation_input_tokens": cache_creation, "output_tokens": 1,
    });
    let events = [
        json!({"type": "message_start", "message": {"role": "assistant", "content": [], "usage": begun}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Aye."}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": output}}),
        json!({"type": "message_stop"}),
    ];
    events.iter().map(named).collect()
}

/// The stream of a response: usage is told at its end.
pub fn response_events(input: u64, cached: u64, output: u64) -> String {
    let usage = json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": output,
    });
    let events = [
        json!({"type": "response.created", "response": {"status": "in_progress", "usage": null}}),
        json!({"type": "response.output_text.delta", "delta": "Aye."}),
        json!({"type": "response.completed", "response": {"status": "completed", "usage": usage}}),
    ];
    events.iter().map(named).collect()
}

fn named(event: &Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap_or_default()
    )
}
