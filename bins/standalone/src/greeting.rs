//! What this program prints for whoever started it. Everything else goes to the log.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command line's own output"
)]

use std::process::ExitCode;

use llmgw_boot::Failure;
use llmgw_keys::KeyText;
use llmgw_types::{ExposeSecret, ModelId, SecretString};
use serde_json::json;

use crate::serve::Addresses;

/// Where it serves, the keys that were made just now, and a model to try, if there is one.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) at: Addresses,
    /// Lets its holder into the portal, once.
    pub(crate) link: SecretString,
    pub(crate) key: Option<KeyText>,
    pub(crate) admin_key: Option<KeyText>,
    pub(crate) model: Option<ModelId>,
}

impl Greeting {
    /// Prints it, as one line for programs or as text for people.
    pub(crate) fn print(&self, json: bool) {
        if json {
            self.print_json();
        } else {
            self.print_text();
        }
    }

    fn print_json(&self) {
        let line = json!({
            "api": format!("http://{}/v1", self.at.api),
            "admin": format!("http://{}", self.at.admin),
            "admin_pages": self.at.admin_pages(),
            "health": format!("http://{}", self.at.health),
            "portal": format!("http://localhost:{}", self.at.portal.port()),
            "portal_login": self.link.expose_secret(),
            "key": self.key.as_ref().map(KeyText::expose),
            "admin_key": self.admin_key.as_ref().map(KeyText::expose),
        });
        println!("{line}");
    }

    fn print_text(&self) {
        println!("LLMGateway is ready.\n");
        println!("  LLM API         http://{}/v1", self.at.api);
        println!(
            "  Administration  {}  (sign in with the admin key)",
            self.at.admin_pages()
        );
        println!(
            "                  http://{}/api/v1  is its REST API",
            self.at.admin
        );
        println!(
            "  Health          http://{}/health/ready  and /metrics",
            self.at.health
        );
        println!("  Portal          {}", self.link.expose_secret());
        println!("                  (make keys, see what was used; the link works once, for a day)");
        if let Some(key) = &self.key {
            println!("\nYour API key, shown only now:\n\n  {}", key.expose());
        }
        if let Some(key) = &self.admin_key {
            println!("\nThe admin key, shown only now:\n\n  {}", key.expose());
        }
        match &self.model {
            Some(model) => self.print_try(model),
            None => println!("{NO_MODEL}"),
        }
    }

    fn print_try(&self, model: &ModelId) {
        let key = self.key.as_ref().map_or("$LLMGW_KEY", KeyText::expose);
        println!(
            "\nTry it:\n\n  curl http://{}/v1/chat/completions \\\n    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n    -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'\n",
            self.at.api
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
pub(crate) fn failed(failure: &Failure) -> ExitCode {
    eprintln!("error: {}", failure.text);
    ExitCode::from(failure.code)
}
