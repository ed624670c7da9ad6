//! The administration's REST API.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::{Answer, Connection, Request};

/// A client of the administration.
#[derive(Debug, Clone)]
pub struct Admin {
    pub(crate) at: SocketAddr,
    /// The admin key.
    pub key: String,
}

/// A key that was just made.
#[derive(Debug, Clone, Deserialize)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its text.
    #[serde(rename = "key")]
    pub text: String,
}

/// A record of the ledger.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the fields of the API, under their own names")]
pub struct Event {
    pub request_id: String,
    pub user: Option<String>,
    pub key_id: String,
    pub model: String,
    pub target: Option<String>,
    pub endpoint: String,
    pub status: u16,
    pub streamed: bool,
    pub end: String,
    pub source: String,
    pub tokens: Tokens,
    pub cost: i64,
    pub units: u64,
    pub time: String,
}

/// Tokens of a record, or a sum of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[expect(missing_docs, reason = "the fields of the API, under their own names")]
pub struct Tokens {
    pub prompt: u64,
    pub cached: u64,
    pub completion: u64,
    pub reasoning: u64,
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.cached += other.cached;
        self.completion += other.completion;
        self.reasoning += other.reasoning;
    }
}

impl Admin {
    /// A client that shows `key` to the administration at `at`.
    pub fn new(at: SocketAddr, key: &str) -> Self {
        Self {
            at,
            key: key.to_owned(),
        }
    }

    /// Where the administration is.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Sends a request with the admin key, whatever the answer.
    pub async fn ask(&self, method: &'static str, path: &str, body: Option<Value>) -> Answer {
        let request = match body {
            Some(body) => Request::post(path, body.to_string()).method(method),
            None => Request::get(path).method(method),
        };
        Connection::open(self.at).await.ask(&request.key(&self.key)).await
    }

    async fn call(&self, method: &'static str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(method, path, body).await;
        assert!(
            (200..300).contains(&answer.status()),
            "{method} {path}: {} {}",
            answer.status(),
            answer.text()
        );
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    /// Makes a key; `fields` besides its owner.
    pub async fn new_key(&self, owner: &str, fields: Value) -> Key {
        let mut body = json!({"owner": owner});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().cloned().unwrap_or_default());
        serde_json::from_value(self.call("POST", "/api/v1/keys", Some(body)).await).unwrap()
    }

    /// Revokes a key.
    pub async fn revoke(&self, id: &str) {
        self.call("DELETE", &format!("/api/v1/keys/{id}"), None).await;
    }

    /// Makes a model.
    pub async fn new_model(&self, model: Value) {
        self.call("POST", "/api/v1/models", Some(model)).await;
    }

    /// Replaces a model.
    pub async fn replace_model(&self, id: &str, model: Value) {
        self.call("PUT", &format!("/api/v1/models/{id}"), Some(model))
            .await;
    }

    /// A model as it is kept.
    pub async fn model(&self, id: &str) -> Value {
        self.call("GET", &format!("/api/v1/models/{id}"), None).await
    }

    /// The ids of all models.
    pub async fn models(&self) -> Vec<String> {
        let list = self.call("GET", "/api/v1/models", None).await;
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every record, newest first.
    pub async fn events(&self) -> Vec<Event> {
        let list = self.call("GET", "/api/v1/usage/events?limit=10000", None).await;
        serde_json::from_value(list["data"].clone()).unwrap()
    }

    /// A report; `query` as in `by=user`.
    pub async fn usage(&self, query: &str) -> Value {
        self.call("GET", &format!("/api/v1/usage?{query}"), None).await
    }
}
