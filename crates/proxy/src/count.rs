//! Asks a target's own tokenizer how long a prompt was, where its answer did not say.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use llmgw_types::TokenSource;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::running::Running;
use crate::{HeaderList, Method, Services, Upstream, UpstreamRequest, estimate};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Where a tokenizer may be: llama-cpp-python's, then llama.cpp's and vLLM's.
const PATHS: [&str; 2] = ["/extras/tokenize/count", "/tokenize"];

/// Fields that a prompt is made of: of chats and messages, of completions and embeddings, of reranks and scores.
const PROMPTS: [&str; 10] = [
    "system",
    "instructions",
    "messages",
    "prompt",
    "input",
    "query",
    "documents",
    "text_1",
    "text_2",
    "queries",
];

/// Prompt tokens of `running`, where its target can count them, and whether all of them were.
pub(crate) async fn prompt_tokens<U: Upstream>(
    services: &Services,
    upstream: &U,
    running: &Running,
) -> Option<(u64, TokenSource)> {
    let target = running.target.as_ref()?;
    let body = &running.body.as_ref()?.bytes;
    let text = prompt_text(body)?;
    let files = estimate::file_tokens(body);
    let secret = services.secrets.resolve(target).await.ok()?;
    // One body for all: each server reads the field it knows.
    let body = json!({
        "model": &*running.target_model, "input": text, "content": text, "prompt": text, "add_special": true,
    });
    let body = Bytes::from(body.to_string());
    for path in PATHS {
        let mut headers = HeaderList::new();
        headers.push("content-type", Bytes::from_static(b"application/json"));
        let request = UpstreamRequest {
            method: Method::Post,
            url: format!("{}{path}", target.base_url),
            headers,
            secret: secret.clone(),
            body: body.clone().into(),
            first_byte_timeout: ANSWER_WITHIN,
            idle_timeout: ANSWER_WITHIN,
        };
        if let Some(count) = ask(upstream, request).await {
            let source = if files == 0 {
                TokenSource::Counted
            } else {
                TokenSource::Estimated
            };
            return Some((count + files, source));
        }
    }
    None
}

async fn ask<U: Upstream>(upstream: &U, request: UpstreamRequest) -> Option<u64> {
    #[derive(Deserialize)]
    struct Count {
        count: Option<u64>,
        tokens: Option<Vec<IgnoredAny>>,
    }
    let mut answer = upstream.send(request).await.ok()?;
    if answer.status != 200 {
        return None;
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.body.next().await {
        body.extend_from_slice(&chunk.ok()?);
        if body.len() > LONGEST_ANSWER {
            return None;
        }
    }
    let count: Count = serde_json::from_slice(&body).ok()?;
    count
        .count
        .or_else(|| count.tokens.map(|tokens| tokens.len() as u64))
}

/// The text of a prompt in any dialect, its parts joined by line feeds.
fn prompt_text(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let mut parts = Vec::new();
    for field in PROMPTS {
        collect(body.get(field).unwrap_or(&Value::Null), &mut parts);
    }
    let tools = body
        .get("tools")
        .filter(|tools| !tools.is_null())
        .map(Value::to_string);
    if !parts.is_empty() {
        parts.extend(tools.as_deref());
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn collect<'a>(value: &'a Value, parts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => parts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, parts)),
        Value::Object(fields) => {
            for field in ["content", "text", "input", "output"] {
                collect(fields.get(field).unwrap_or(&Value::Null), parts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_of_every_dialect_is_found() {
        let text = |body: &str| prompt_text(body.as_bytes());
        let chat = r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"data:x"}}]}]}"#;
        assert_eq!(text(chat).as_deref(), Some("a\nb"));
        assert_eq!(text(r#"{"prompt":["a","b"]}"#).as_deref(), Some("a\nb"));
        assert_eq!(
            text(r#"{"system":"s","messages":[{"content":"a"}]}"#).as_deref(),
            Some("s\na")
        );
        assert_eq!(
            text(r#"{"input":[{"role":"user","content":"a"}],"instructions":"i"}"#).as_deref(),
            Some("i\na")
        );
        assert_eq!(text(r#"{"input":[1,2,3]}"#), None);
        assert_eq!(
            text(r#"{"tools":[{"name":"t"}],"messages":[{"content":"a"}]}"#).as_deref(),
            Some("a\n[{\"name\":\"t\"}]")
        );
    }
}
