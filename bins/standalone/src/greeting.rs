//! What this program prints for whoever started it. Everything else goes to the log.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the command line's own output")]

use std::net::SocketAddr;
use std::process::ExitCode;

use llmgw_keys::KeyText;
use llmgw_types::ModelId;
use serde_json::json;

/// Where it serves, and the keys that were made just now.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) health: SocketAddr,
    pub(crate) key: Option<KeyText>,
    pub(crate) admin_key: Option<KeyText>,
    pub(crate) models: Vec<ModelId>,
}

impl Greeting {
    /// One line for programs.
    pub(crate) fn print_json(&self) {
        let line = json!({
            "api": format!("http://{}/v1", self.api),
            "admin": format!("http://{}", self.admin),
            "health": format!("http://{}", self.health),
            "key": self.key.as_ref().map(KeyText::expose),
            "admin_key": self.admin_key.as_ref().map(KeyText::expose),
        });
        println!("{line}");
    }

    /// Text for people.
    pub(crate) fn print_text(&self) {
        println!("LLMGateway is ready.\n");
        println!("  LLM API         http://{}/v1", self.api);
        println!("  Administration  http://{}/api/v1", self.admin);
        println!("  Health          http://{}/health/ready  and /metrics", self.health);
        if let Some(key) = &self.key {
            println!("\nYour API key, shown only now:\n\n  {}", key.expose());
        }
        if let Some(key) = &self.admin_key {
            println!("\nThe admin key, shown only now:\n\n  {}", key.expose());
        }
        match self.models.first() {
            Some(model) => self.print_try(model),
            None => println!("{NO_MODEL}"),
        }
    }

    fn print_try(&self, model: &ModelId) {
        let key = self.key.as_ref().map_or("$LLMGW_KEY", KeyText::expose);
        println!(
            "\nTry it:\n\n  curl http://{}/v1/chat/completions \\\n    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n    -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'\n",
            self.api
        );
    }
}

/// How to get a model server.
const NO_MODEL: &str = "
There is no model yet. Start a model server, for example one of

  llama-server -m model.gguf --port 8000
  vllm serve Qwen/Qwen2.5-0.5B-Instruct --port 8000
  ollama serve                                   (port 11434)

and start this program again with --upstream NAME=http://127.0.0.1:8000, or add the model while it runs:
POST /api/v1/models at the administration. `make demo` fetches a small model server and does all of it.
";

/// Says why nothing is served.
pub(crate) fn failed(code: u8, error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}
