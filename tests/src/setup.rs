//! How a gateway is started: in a folder and on ports of its own, in an environment without other settings.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::gateway::Gateway;
use crate::tap::Tap;
use crate::wait::{eventually, within};

/// Settings under the names that an earlier system used.
const OLD_NAMES: [&str; 3] = ["LLM_DEFAULT_URL", "INFERENCE_KEY", "ADMIN_KEY"];

/// The model that most tests ask for.
const MODEL: &str = "smollm2";

/// How to start a gateway.
#[derive(Debug, Clone)]
pub struct Setup {
    args: Vec<String>,
    upstream: Option<String>,
    envs: Vec<(String, String)>,
    // Shared with gateways started from copies, and removed with the last of them.
    folder: Arc<TempDir>,
}

/// A start that came to nothing.
#[derive(Debug)]
pub struct Failed {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it said on stderr.
    pub said: String,
}

impl Default for Setup {
    fn default() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("llmgw-e2e-")
            .tempdir()
            .expect("a temporary folder");
        Self {
            args: Vec::new(),
            upstream: None,
            envs: Vec::new(),
            folder: Arc::new(folder),
        }
    }
}

impl Setup {
    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Serves `smollm2` from `tap`.
    #[must_use]
    pub fn upstream(self, tap: &Tap) -> Self {
        Self {
            upstream: Some(format!("{MODEL}={}", tap.url())),
            ..self
        }
    }

    /// A folder that is removed with the gateway; the data folder is inside.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub(crate) fn log(&self) -> String {
        fs::read(self.folder().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(self) -> Gateway {
        let (process, ready) = self.spawn(true).await;
        let Some(line) = ready else {
            panic!("the gateway did not start:\n{}", self.log())
        };
        Gateway::new(self, process, &line).await
    }

    /// Starts it in a folder where `earlier` was started first, and therefore got the keys.
    pub async fn start_with_keys_of(self, earlier: &Gateway) -> Gateway {
        let mut gateway = self.start().await;
        gateway.takes_keys_of(earlier).await;
        gateway
    }

    /// Starts it, which must fail.
    ///
    /// # Panics
    /// When it becomes ready.
    pub async fn fails(self) -> Failed {
        let (mut process, ready) = self.spawn(true).await;
        assert_eq!(ready, None, "it started");
        let status = process.exited().await;
        Failed {
            status,
            said: self.log(),
        }
    }

    /// Starts it without `--json`, stops it, and returns what it printed for people.
    pub async fn greeting(self) -> String {
        let (_process, text) = self.spawn(false).await;
        text.unwrap_or_else(|| panic!("the gateway did not start:\n{}", self.log()))
    }

    async fn spawn(&self, json: bool) -> (Process, Option<String>) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder().join("log"))
            .unwrap();
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("LLMGW_") || OLD_NAMES.contains(&&*text) {
                command.env_remove(&name);
            }
        }
        for listen in ["--listen", "--admin-listen", "--portal-listen", "--health-listen"] {
            if !self.args.iter().any(|arg| arg == listen) {
                command.args([listen, "127.0.0.1:0"]);
            }
        }
        if let Some(upstream) = &self.upstream {
            command.args(["--upstream", upstream]);
        }
        command
            .args(json.then_some("--json"))
            .arg("--data")
            .arg(self.data())
            .args(&self.args);
        command
            .envs(self.envs.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut process = Process(command.spawn().expect("the gateway's binary runs"));
        let stdout = process.0.stdout.take().expect("its stdout is piped");
        let said = within("the gateway says that it is ready", first_words(stdout, json)).await;
        (process, said)
    }
}

// Reads the ready line, or all lines for people, on a thread of its own: pipes of a child block.
async fn first_words(stdout: ChildStdout, one_line: bool) -> Option<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let said: Vec<String> = if one_line {
            lines.by_ref().take(1).collect()
        } else {
            until_quiet(&mut lines)
        };
        let _ = sender.send((!said.is_empty()).then(|| said.join("\n")));
        // Until it ends: what nobody reads would stop it.
        lines.for_each(drop);
    });
    receiver.await.ok().flatten()
}

// The text for people ends with a line that says how to go on.
fn until_quiet(lines: &mut impl Iterator<Item = String>) -> Vec<String> {
    let mut said = Vec::new();
    for line in lines {
        let last = line.contains("-d '{") || line.contains("make demo");
        said.push(line);
        if last {
            break;
        }
    }
    said
}

/// `$LLMGW_STANDALONE_BIN`, else the one beside the tests.
fn binary() -> PathBuf {
    let named = std::env::var_os("LLMGW_STANDALONE_BIN").map(PathBuf::from);
    let path = named.unwrap_or_else(|| {
        let test = std::env::current_exe().unwrap();
        test.ancestors().nth(2).unwrap().join("llm-gateway-standalone")
    });
    assert!(
        path.exists(),
        "there is no {}; build it: cargo build --package llmgw-standalone",
        path.display()
    );
    path
}

/// A process that ends when it is dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Waits until it has ended by itself.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        eventually("the gateway ends", async || self.0.try_wait().unwrap()).await
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Bytes of memory that it has at present.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes
            .and_then(|text| text.parse::<u64>().ok())
            .expect("a number")
            * 1_024
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("an id");
        kill_process(id, signal).expect("it runs");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
