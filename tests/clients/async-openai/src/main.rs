//! crates.io `async-openai`: `llmgw-client-async-openai CAPABILITY` prints one line of JSON, as the drivers in Python do.

use std::env;
use std::error::Error;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::CreateChatCompletionRequest;
use async_openai::types::embeddings::CreateEmbeddingRequest;
use futures_util::StreamExt;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn variable(name: &str) -> String {
    env::var(format!("CLIENT_{name}")).unwrap_or_default()
}

// ANCHOR: ask
fn config(key: &str) -> OpenAIConfig {
    OpenAIConfig::new().with_api_base(variable("BASE")).with_api_key(key)
}

fn asked(model: &str, more: Value) -> Result<CreateChatCompletionRequest> {
    let mut request = json!({
        "model": model, "max_tokens": 16,
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
    });
    let (Some(request_fields), Value::Object(more)) = (request.as_object_mut(), more) else {
        return Err("an object".into());
    };
    request_fields.extend(more);
    Ok(serde_json::from_value(request)?)
}

async fn ask(key: &str, model: &str, more: Value) -> Result<Value> {
    let answer = Client::with_config(config(key)).chat().create(asked(model, more)?).await?;
    Ok(serde_json::to_value(answer)?)
}
// ANCHOR_END: ask

fn city() -> Value {
    json!({"type": "string", "enum": ["Paris", "Rome"]})
}

fn parsed(text: &Value) -> Result<Value> {
    Ok(serde_json::from_str(text.as_str().ok_or("a text")?)?)
}

async fn stream() -> Result<Value> {
    let more = json!({"stream": true, "stream_options": {"include_usage": true}});
    let client = Client::with_config(config(&variable("KEY")));
    let mut events = client.chat().create_stream(asked(&variable("MODEL"), more)?).await?;
    let (mut text, mut pieces, mut tokens) = (String::new(), 0, None);
    while let Some(event) = events.next().await {
        let event = event?;
        for choice in &event.choices {
            pieces += 1;
            text.push_str(choice.delta.content.as_deref().unwrap_or_default());
        }
        tokens = event.usage.map(|usage| usage.completion_tokens).or(tokens);
    }
    Ok(json!({"text": text, "pieces": pieces, "tokens": tokens}))
}

async fn errors() -> Result<Value> {
    // Not the key whose limit comes back tomorrow: this client would wait for that.
    let (key, limited) = (variable("KEY"), variable("NEVER_KEY"));
    let mut seen = Vec::new();
    let model = variable("MODEL");
    for (key, model) in [("sk-llmgw-wrong", &*model), (&key, "nobody"), (&limited, &model)] {
        let failed = ask(key, model, json!({})).await.err().ok_or("no error")?;
        match failed.downcast_ref::<OpenAIError>() {
            Some(OpenAIError::ApiError(error)) => {
                let code = error.api_error.code.as_deref().unwrap_or_default();
                seen.push(json!([error.status_code.as_u16(), format!("ApiError `{code}`")]));
            }
            other => return Err(format!("another error: {other:?}").into()),
        }
    }
    Ok(json!({"errors": seen}))
}

async fn cancel() -> Result<Value> {
    let client = Client::with_config(config(&variable("KEY")));
    let request = asked(&variable("MODEL"), json!({"stream": true, "max_tokens": 1000}))?;
    let mut events = client.chat().create_stream(request).await?;
    events.next().await.ok_or("no event")??;
    drop(events);
    Ok(json!({"left": true}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let key = variable("KEY");
    let seen = match env::args().nth(1).as_deref() {
        Some("chat") => {
            let answer = ask(&key, &variable("MODEL"), json!({})).await?;
            json!({"text": answer["choices"][0]["message"]["content"], "tokens": answer["usage"]["completion_tokens"]})
        }
        Some("stream") => stream().await?,
        Some("tools") => {
            let parameters = json!({"type": "object", "properties": {"city": city()}, "required": ["city"]});
            let tool = json!({"type": "function", "function": {"name": "weather", "parameters": parameters}});
            let more = json!({"tools": [tool], "tool_choice": "required", "max_tokens": 500});
            let answer = ask(&key, &variable("MODEL"), more).await?;
            let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
            json!({"tool": call["name"], "arguments": parsed(&call["arguments"])?})
        }
        Some("json_schema") => {
            let schema = json!({
                "type": "object", "properties": {"city": city(), "degrees": {"type": "integer"}},
                "required": ["city", "degrees"], "additionalProperties": false,
            });
            let format = json!({"type": "json_schema", "json_schema": {"name": "place", "schema": schema, "strict": true}});
            let answer = ask(&key, &variable("MODEL"), json!({"response_format": format, "max_tokens": 500})).await?;
            json!({"object": parsed(&answer["choices"][0]["message"]["content"])?})
        }
        Some("embeddings") => {
            let request: CreateEmbeddingRequest =
                serde_json::from_value(json!({"model": "smollm2-embed", "input": ["one", "two"]}))?;
            let answer = Client::with_config(config(&key)).embeddings().create(request).await?;
            json!({"vectors": answer.data.iter().map(|one| one.embedding.len()).collect::<Vec<_>>()})
        }
        Some("errors") => errors().await?,
        Some("retries") => {
            let answer = ask(&key, "one-at-a-time", json!({"max_tokens": 4})).await?;
            json!({"text": answer["choices"][0]["message"]["content"]})
        }
        Some("no_retry") => {
            let failed = ask(&variable("NEVER_KEY"), &variable("MODEL"), json!({})).await;
            json!({"refused": failed.is_err()})
        }
        Some("cancel") => cancel().await?,
        other => return Err(format!("what is {other:?}?").into()),
    };
    println!("{seen}");
    Ok(())
}
