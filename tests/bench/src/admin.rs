//! The administration, as far as a measurement needs it: a key, a model, and what the ledger holds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use crate::Failure;

/// A limit that is never reached.
const MOST: u64 = 1_000_000_000_000;

/// Longest wait for the ledger after a round.
const LEDGER: Duration = Duration::from_secs(120);
/// Looking costs the gateway CPU that counts, so not too often.
const LOOK: Duration = Duration::from_millis(50);

/// How the administration is reached.
#[derive(Debug)]
pub(crate) enum Admin {
    /// By its API.
    Api { address: SocketAddr, key: String },
    /// By its command line.
    CommandLine {
        binary: PathBuf,
        settings: Vec<(String, String)>,
    },
}

/// Sums over the whole ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) requests: u64,
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
}

impl Admin {
    /// A key with limits that are checked on every request and never reached.
    pub(crate) async fn make_key(&self) -> Result<String, Failure> {
        let made = match self {
            Self::Api { .. } => {
                let limits = json!([
                    {"unit": "requests", "window": "day", "amount": MOST},
                    {"unit": "tokens", "window": "day", "amount": MOST},
                    {"unit": "in_flight", "window": "none", "amount": 100_000},
                ]);
                let body = json!({"owner": "bench", "name": "bench", "models": [], "limits": limits});
                self.call(Method::POST, "/api/v1/keys", Some(body)).await?
            }
            Self::CommandLine { .. } => {
                let mut args = vec!["key", "create", "--owner", "bench", "--name", "bench"];
                let limits = [format!("requests/day={MOST}"), format!("tokens/day={MOST}")];
                limits.iter().for_each(|limit| args.extend(["--limit", limit]));
                args.extend(["--limit", "in_flight=100000"]);
                self.run(&args).await?
            }
        };
        Ok(made["key"]
            .as_str()
            .ok_or("the administration made no key")?
            .to_owned())
    }

    /// Serves a model from `url`.
    pub(crate) async fn add_model(&self, id: &str, url: &str) -> Result<(), Failure> {
        self.run(&["model", "add", id, "--url", url]).await.map(drop)
    }

    pub(crate) async fn total(&self) -> Result<Total, Failure> {
        let usage = match self {
            Self::Api { .. } => self.call(Method::GET, "/api/v1/usage", None).await?,
            Self::CommandLine { .. } => self.run(&["usage", "report", "--by", ""]).await?,
        };
        let total = &usage["total"];
        let number = |value: &Value| value.as_u64().ok_or_else(|| format!("no number in {total}"));
        Ok(Total {
            requests: number(&total["requests"])?,
            prompt: number(&total["tokens"]["prompt"])?,
            completion: number(&total["tokens"]["completion"])?,
        })
    }

    /// Returns when the ledger holds that many requests.
    pub(crate) async fn holds(&self, requests: u64) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let held = self.total().await?.requests;
            if held == requests {
                return Ok(());
            }
            if held > requests || began.elapsed() > LEDGER {
                return Err(format!("the ledger holds {held} requests, not {requests}").into());
            }
            sleep(LOOK).await;
        }
    }

    async fn run(&self, args: &[&str]) -> Result<Value, Failure> {
        let Self::CommandLine { binary, settings } = self else {
            return Err("this administration has no command line".into());
        };
        let ran = Command::new(binary)
            .args(args)
            .arg("--json")
            .envs(settings.iter().cloned())
            .output()
            .await?;
        if !ran.status.success() {
            return Err(format!("{args:?}: {}", String::from_utf8_lossy(&ran.stderr)).into());
        }
        Ok(serde_json::from_slice(&ran.stdout)?)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let Self::Api { address, key } = self else {
            return Err("this administration has no API".into());
        };
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request: Request<Full<Bytes>> = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, address.to_string())
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.map(|body| body.to_string()).unwrap_or_default()))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("{path} answers {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
