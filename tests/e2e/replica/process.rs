//! `llm-gateway` as a child process, in a folder of its own and an environment without other settings.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use llmgw_tests::{Answer, Connection, DEADLINE, Request, eventually, within};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Old names of settings.
const OLD_NAMES: [&str; 8] = [
    "LLM_DEFAULT_URL",
    "INFERENCE_KEY",
    "ADMIN_KEY",
    "MONGOUSER",
    "MONGOPASSWORD",
    "MONGOHOST",
    "REDISHOST",
    "REDISPORT",
];

/// How to start it.
pub(super) struct Replica {
    folder: TempDir,
    envs: Vec<(String, String)>,
}

/// One that runs. Dropping it ends it.
pub(super) struct Running {
    process: Process,
    log: PathBuf,
    pub(super) api: SocketAddr,
    pub(super) health: SocketAddr,
}

/// A process that ends when it is dropped, also by a panic.
struct Process(Child);

/// How a command ended.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The most memory it was seen to hold, in KiB.
    pub(super) resident: u64,
}

impl Replica {
    /// With a pepper, and a journal in its folder.
    pub(super) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("llmgw-replica-")
            .tempdir()
            .unwrap();
        fs::write(folder.path().join("pepper"), super::seed::PEPPER).unwrap();
        let journal = folder.path().join("journal").display().to_string();
        Self {
            folder,
            envs: Vec::new(),
        }
        .env("LLMGW_KEYS__PEPPER_FILE", "pepper")
        .env("LLMGW_JOURNAL__DIR", &journal)
        .env("LLMGW_GATEWAY__LINGER", "0s")
    }

    /// Sets an environment variable.
    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.retain(|(other, _)| other != name);
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Unsets one.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.envs.retain(|(other, _)| other != name);
        self
    }

    /// Its working folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.folder().join("journal")
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let test = std::env::current_exe().unwrap();
        let binary = test.ancestors().nth(2).unwrap().join(program);
        assert!(
            binary.exists(),
            "there is no {}; build it: cargo build --package llmgw-gateway --package llmgw-admin",
            binary.display()
        );
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("LLMGW_") || OLD_NAMES.contains(&&*text) {
                command.env_remove(&name);
            }
        }
        command
            .args(args)
            .envs(self.envs.iter().cloned())
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of the gateway to its end.
    pub(super) fn run(&self, args: &[&str]) -> Ended {
        self.run_to_end(self.command("llm-gateway", args), args)
    }

    /// Runs a command of the administration, with the same settings.
    pub(super) fn admin(&self, args: &[&str]) -> Ended {
        self.run_to_end(self.command("llm-gateway-admin", args), args)
    }

    /// The same, for one that takes its time.
    pub(super) fn admin_within(&self, args: &[&str], deadline: Duration) -> Ended {
        self.run_until(self.command("llm-gateway-admin", args), args, deadline)
    }

    /// The same, which reads `input` as its stdin.
    pub(super) fn admin_reading(&self, args: &[&str], input: &str) -> Ended {
        let file = self.folder().join("stdin");
        fs::write(&file, input).unwrap();
        let mut command = self.command("llm-gateway-admin", args);
        command.stdin(File::open(&file).unwrap());
        self.run_to_end(command, args)
    }

    /// Begins a command of the administration and kills it after `wait`, if it has not ended by itself.
    pub(super) fn kill_admin(&self, args: &[&str], wait: Duration) {
        let mut command = self.command("llm-gateway-admin", args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process(command.spawn().unwrap());
        std::thread::sleep(wait);
        drop(process);
    }

    fn run_to_end(&self, command: Command, args: &[&str]) -> Ended {
        self.run_until(command, args, DEADLINE)
    }

    fn run_until(&self, mut command: Command, args: &[&str], deadline: Duration) -> Ended {
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.folder().join(name));
        command.stdout(File::create(&stdout).unwrap());
        command.stderr(File::create(&stderr).unwrap());
        let mut process = Process(command.spawn().unwrap());
        let began = Instant::now();
        let mut resident = 0;
        let status = loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                break status;
            }
            resident = resident.max(peak_of(process.0.id()));
            assert!(began.elapsed() < deadline, "{args:?} does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        Ended {
            code: status.code(),
            stdout: fs::read_to_string(stdout).unwrap(),
            stderr: fs::read_to_string(stderr).unwrap(),
            resident,
        }
    }

    /// Starts it and waits for its line.
    pub(super) async fn serve(&self) -> Running {
        self.serve_program("llm-gateway").await
    }

    /// Starts the administration, with the same settings, and waits for its line.
    pub(super) async fn serve_admin(&self) -> Running {
        self.serve_program("llm-gateway-admin").await
    }

    async fn serve_program(&self, program: &str) -> Running {
        let listen = ["--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"];
        let (mut process, log) = self.spawn(program, &listen);
        let stdout = process.0.stdout.take().unwrap();
        let (sender, line) = oneshot::channel();
        // A pipe of a child blocks.
        std::thread::spawn(move || sender.send(BufReader::new(stdout).lines().next()));
        let line = within("the ready line", line).await.unwrap();
        let line = line.unwrap_or_else(|| panic!("it did not start:\n{}", fs::read_to_string(&log).unwrap()));
        let ready: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(ready["ready"], true);
        let address = |name: &str| ready[name].as_str().unwrap().parse().unwrap();
        Running {
            process,
            log,
            api: address("listen"),
            health: address("health"),
        }
    }

    /// Starts it without waiting for its line, which may never come.
    pub(super) fn serve_unready(&self) -> Running {
        let [api, health] = [(); 2].map(|()| free_address());
        let (api_text, health_text) = (api.to_string(), health.to_string());
        let (process, log) = self.spawn(
            "llm-gateway",
            &["--listen", &api_text, "--health-listen", &health_text],
        );
        Running {
            process,
            log,
            api,
            health,
        }
    }

    fn spawn(&self, program: &str, listen: &[&str]) -> (Process, PathBuf) {
        let log = self.folder().join(format!("{program}.log"));
        let stderr = File::options().create(true).append(true).open(&log).unwrap();
        let args = [&["serve", "--json"], listen].concat();
        let child = self
            .command(program, &args)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        (Process(child), log)
    }
}

// In KiB, as the kernel has it; 0 where it does not say.
fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

// Free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Running {
    /// Sends a request to the LLM API.
    pub(super) async fn ask(&self, request: &Request) -> Answer {
        Connection::open(self.api).await.ask(request).await
    }

    /// Status and text of `/health/ready`.
    pub(super) async fn ready(&self) -> (u16, String) {
        let mut health = Connection::open(self.health).await;
        let answer = health.ask(&Request::get("/health/ready")).await;
        (answer.status(), answer.text().to_owned())
    }

    /// Waits until `/health/ready` says all of these lines.
    pub(super) async fn until_it_says(&self, lines: &[&str]) -> u16 {
        eventually(&format!("readiness says {lines:?}"), async || {
            Connection::try_open(self.health).await?;
            let (status, text) = self.ready().await;
            let said = |line: &&str| text.lines().any(|said| said == *line);
            lines.iter().all(said).then_some(status)
        })
        .await
    }

    /// Waits until `/metrics` has all of these lines.
    pub(super) async fn until_metrics_say(&self, lines: &[&str]) {
        eventually(&format!("metrics say {lines:?}"), async || {
            let mut health = Connection::open(self.health).await;
            let answer = health.ask(&Request::get("/metrics")).await;
            let said = |line: &&str| answer.text().lines().any(|said| said == *line);
            lines.iter().all(said).then_some(())
        })
        .await;
    }

    pub(super) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.0.id())
            .ok()
            .and_then(Pid::from_raw)
            .unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits until it has ended.
    pub(super) async fn exited(&mut self) -> ExitStatus {
        eventually("the gateway ends", async || self.process.0.try_wait().unwrap()).await
    }

    /// Stops it in peace.
    pub(super) async fn stop(mut self) {
        self.signal(Signal::TERM);
        assert!(self.exited().await.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "the log of a failed test is what tells why")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- its log:\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}
