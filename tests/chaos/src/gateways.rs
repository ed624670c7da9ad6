//! The gateways: real processes that are killed and started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{Failure, client};

const START: Duration = Duration::from_secs(60);

/// One gateway, with a journal of its own over all its lives.
pub(crate) struct Gateway {
    binary: PathBuf,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    child: tokio::sync::Mutex<Option<Child>>,
    addresses: Mutex<Option<Addresses>>,
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    api: SocketAddr,
    health: SocketAddr,
}

/// What its log says when it goes by limits of its own.
const ALONE: [&str; 2] = ["limits cannot be reached", "limits are not known to the store"];

/// Whether it goes by limits of its own now, and reservations that did not reach the shared ones in time.
const OPEN: &str = "llmgw_breaker_open{store=\"limits\"} ";
const FAILED: &str = "llmgw_store_call_duration_seconds_count{store=\"limits\",outcome=\"failed\"} ";

impl Gateway {
    pub(crate) fn new(binary: &Path, folder: PathBuf, settings: Vec<(String, String)>) -> Self {
        Self {
            binary: binary.to_owned(),
            folder,
            settings,
            child: tokio::sync::Mutex::new(None),
            addresses: Mutex::new(None),
        }
    }

    /// Where it serves, while it does.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        Some(self.addresses()?.api)
    }

    fn addresses(&self) -> Option<Addresses> {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_addresses(&self, addresses: Option<Addresses>) {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// How often it went by limits of its own so far, for one request or for all; `None` while it does.
    pub(crate) async fn times_alone(&self) -> Option<u64> {
        let metrics = client::text(self.addresses()?.health, "/metrics", "").await?;
        let value = |name| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u64>().ok())
        };
        let log = std::fs::read_to_string(self.folder.join("log")).ok()?;
        let told = log
            .lines()
            .filter(|line| ALONE.iter().any(|alone| line.contains(alone)))
            .count();
        (value(OPEN)? == 0).then(|| value(FAILED).unwrap_or(0) + told as u64)
    }

    /// Starts it and waits until it serves; does nothing where it does.
    pub(crate) async fn start(&self) -> Result<(), Failure> {
        let mut child = self.child.lock().await;
        if child.is_some() {
            return Ok(());
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))?;
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars() {
            if name.starts_with("LLMGW_") {
                command.env_remove(name);
            }
        }
        let mut started = command
            .args([
                "serve",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--health-listen",
                "127.0.0.1:0",
            ])
            .envs(self.settings.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let stdout = started.stdout.take().ok_or("it has no output")?;
        let mut line = String::new();
        timeout(START, BufReader::new(stdout).read_line(&mut line)).await??;
        let ready: Value = serde_json::from_str(&line).map_err(|_| self.complaint())?;
        let address = |name: &str| ready[name].as_str().unwrap_or_default().parse();
        let (api, health) = (address("listen")?, address("health")?);
        *child = Some(started);
        self.set_addresses(Some(Addresses { api, health }));
        Ok(())
    }

    /// Ends it as a crash does.
    pub(crate) async fn kill(&self) -> Result<(), Failure> {
        self.set_addresses(None);
        if let Some(mut child) = self.child.lock().await.take() {
            child.kill().await?;
        }
        Ok(())
    }

    fn complaint(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        format!(
            "a gateway does not start; its log ends with\n{}",
            lines[lines.len().saturating_sub(20)..].join("\n")
        )
    }
}
