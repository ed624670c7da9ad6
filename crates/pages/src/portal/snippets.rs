//! Examples that run as they stand. Values are written as literals of each language, so that no name of a model can
//! change what an example does.

use serde_json::Value;

/// The examples for one key.
pub(super) struct Snippets {
    pub(super) curl: String,
    pub(super) python: String,
    pub(super) javascript: String,
    pub(super) continue_dev: String,
}

impl Snippets {
    pub(super) fn new(base_url: &str, key: &str, model: &str) -> Self {
        Self {
            curl: curl(base_url, key, model),
            python: python(base_url, key, model),
            javascript: javascript(base_url, key, model),
            continue_dev: continue_dev(base_url, key, model),
        }
    }
}

fn curl(base_url: &str, key: &str, model: &str) -> String {
    let url = shell(&format!("{base_url}/chat/completions"));
    let authorization = shell(&format!("Authorization: Bearer {key}"));
    let body = format!(
        r#"{{
    "model": {},
    "messages": [{{"role": "user", "content": "Hello!"}}]
  }}"#,
        json(model)
    );
    let body = shell(&body);
    format!("curl {url} \\\n  -H {authorization} \\\n  -H 'Content-Type: application/json' \\\n  -d {body}")
}

fn python(base_url: &str, key: &str, model: &str) -> String {
    let (base_url, key, model) = (json(base_url), json(key), json(model));
    format!(
        r#"from openai import OpenAI

client = OpenAI(
    base_url={base_url},
    api_key={key},
)
answer = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(answer.choices[0].message.content)"#
    )
}

fn javascript(base_url: &str, key: &str, model: &str) -> String {
    let (base_url, key, model) = (json(base_url), json(key), json(model));
    format!(
        r#"import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: {base_url},
  apiKey: {key},
}});
const answer = await client.chat.completions.create({{
  model: {model},
  messages: [{{ role: "user", content: "Hello!" }}],
}});
console.log(answer.choices[0].message.content);"#
    )
}

fn continue_dev(base_url: &str, key: &str, model: &str) -> String {
    let (base_url, key, model) = (json(base_url), json(key), json(model));
    format!(
        "name: LLMGateway
version: 1.0.0
schema: v1
models:
  - name: {model}
    provider: openai
    model: {model}
    apiBase: {base_url}
    apiKey: {key}
    roles: [chat, edit, apply]"
    )
}

/// A string literal of JSON, which is one of Python, JavaScript and YAML as well.
fn json(text: &str) -> String {
    Value::from(text).to_string()
}

/// One word of a POSIX shell: nothing is special between single quotes but the quote itself.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_does_not_end_a_word_of_the_shell() {
        assert_eq!(shell("a'; rm -r x; '"), r"'a'\''; rm -r x; '\'''");
    }

    #[test]
    fn a_name_stays_inside_of_its_literal() {
        let snippets = Snippets::new("https://llm.example/v1", "key", "a\"\nb");
        for text in [
            snippets.python,
            snippets.javascript,
            snippets.continue_dev,
            snippets.curl,
        ] {
            assert!(text.contains(r#""a\"\nb""#), "{text}");
        }
    }
}
