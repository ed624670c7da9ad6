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

use crate::Failure;

const START: Duration = Duration::from_secs(60);

/// One gateway, with a journal of its own over all its lives.
pub(crate) struct Gateway {
    binary: PathBuf,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    child: tokio::sync::Mutex<Option<Child>>,
    address: Mutex<Option<SocketAddr>>,
}

impl Gateway {
    pub(crate) fn new(binary: &Path, folder: PathBuf, settings: Vec<(String, String)>) -> Self {
        Self {
            binary: binary.to_owned(),
            folder,
            settings,
            child: tokio::sync::Mutex::new(None),
            address: Mutex::new(None),
        }
    }

    /// Where it serves, while it does.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_address(&self, address: Option<SocketAddr>) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
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
        let address = ready["listen"].as_str().unwrap_or_default().parse()?;
        *child = Some(started);
        self.set_address(Some(address));
        Ok(())
    }

    /// Ends it as a crash does.
    pub(crate) async fn kill(&self) -> Result<(), Failure> {
        self.set_address(None);
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
