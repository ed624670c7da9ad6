//! The processes that are measured: the mock, nginx in front of it, and the gateway in front of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use llmgw_servers::{Mongod, Redis};
use rustix::process::{Pid, Signal, getuid, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::admin::Admin;
use crate::mock::Pace;

const PEPPER: &str = "thirty-two bytes or more of pepper for a measurement\n";

/// How long the gateway keeps connections to the mock.
const KEEP_ALIVE: &str = "LLMGW_UPSTREAM__KEEP_ALIVE";

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(30);

/// A process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) pid: u32,
    log: PathBuf,
}

impl Server {
    /// Its stderr, and its stdout but for the first line, go nowhere or to a log in `folder`.
    fn start(
        name: &str,
        command: &mut Command,
        settings: &[(String, String)],
        folder: &Path,
    ) -> Result<Self, Failure> {
        let log = folder.join(format!("{name}.log"));
        // Settings in the caller's shell must not change what is measured.
        for (setting, _) in std::env::vars() {
            if setting.starts_with("LLMGW_") || ["LLM_DEFAULT_URL", "INFERENCE_KEY"].contains(&&*setting) {
                command.env_remove(setting);
            }
        }
        command
            .envs(settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log)?);
        let child = command
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        let pid = child.id().ok_or("it ended at once")?;
        Ok(Self { child, pid, log })
    }

    /// The object in its first line of output.
    async fn ready_line(&mut self) -> Result<Value, Failure> {
        let stdout = self.child.stdout.take().ok_or("its output is gone")?;
        let mut line = String::new();
        timeout(START, BufReader::new(stdout).read_line(&mut line)).await??;
        serde_json::from_str(&line).map_err(|_| self.complaint().into())
    }

    fn complaint(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        format!("{} is not serving; it said:\n{said}", self.log.display())
    }
}

impl Drop for Server {
    /// Asks first: nginx killed outright would leave its workers behind, and the gateway has a journal to close.
    fn drop(&mut self) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return;
        };
        if !matches!(self.child.try_wait(), Ok(None)) || kill_process(pid, Signal::TERM).is_err() {
            return;
        }
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > STOP {
                drop(self.child.start_kill());
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Makes this program, and the mock it starts, work in batches (sched(7), `SCHED_BATCH`). They stand for machines of
/// their own: woken by every answer, they would else take the CPU from what is measured in the middle of its work.
pub(crate) async fn work_in_batches() -> Result<(), Failure> {
    let id = std::process::id().to_string();
    let done = Command::new("chrt")
        .args(["--batch", "--pid", "0", &id])
        .status()
        .await;
    match done {
        Ok(status) if status.success() => Ok(()),
        _ => Err("chrt does not work; it comes with Debian's util-linux".into()),
    }
}

/// A program that is measured, scheduled as usual.
fn measured(program: &Path) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--other", "0"]).arg(program);
    command
}

/// This program once more, as the mock.
pub(crate) async fn start_mock(folder: &Path) -> Result<(Server, SocketAddr), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut server = Server::start("mock", command.arg("mock"), &[], folder)?;
    let ready = server.ready_line().await?;
    let address = text(&ready, "listening")?.parse()?;
    Ok((server, address))
}

/// What the gateway says of itself when it serves.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) admin_key: String,
}

/// The gateway as people run it, with a store and a journal of its own in `folder`.
pub(crate) async fn start_gateway(
    binary: &Path,
    mock: SocketAddr,
    keep_alive: &str,
    folder: &Path,
) -> Result<(Server, Addresses), Failure> {
    let mut command = measured(binary);
    command.arg("--json").arg("--data").arg(folder.join("data"));
    for option in ["--listen", "--admin-listen", "--portal-listen", "--health-listen"] {
        command.args([option, "127.0.0.1:0"]);
    }
    for pace in Pace::ALL {
        command.args(["--upstream", &format!("{}=http://{mock}", pace.model())]);
    }
    let settings = [(KEEP_ALIVE.to_owned(), keep_alive.to_owned())];
    let mut server = Server::start("gateway", &mut command, &settings, folder)?;
    let ready = server.ready_line().await?;
    let address = |name| -> Result<SocketAddr, Failure> {
        let url = text(&ready, name)?;
        Ok(url
            .trim_start_matches("http://")
            .trim_end_matches("/v1")
            .parse()?)
    };
    let addresses = Addresses {
        api: address("api")?,
        admin: address("admin")?,
        admin_key: text(&ready, "admin_key")?.to_owned(),
    };
    Ok((server, addresses))
}

/// A Redis and a MongoDB, and the gateway on them.
pub(crate) struct Production {
    pub(crate) server: Server,
    pub(crate) api: SocketAddr,
    pub(crate) admin: Admin,
    /// End after the gateway.
    pub(crate) stores: (Redis, Mongod),
}

/// `llm-gateway` on stores of its own, with the models of the mock.
pub(crate) async fn start_production(
    (binary, admin): (&Path, &Path),
    mock: SocketAddr,
    keep_alive: &str,
    folder: &Path,
) -> Result<Production, Failure> {
    let stores = (Redis::start(), Mongod::start());
    let pepper = folder.join("pepper");
    std::fs::write(&pepper, PEPPER)?;
    let settings: Vec<(String, String)> = [
        (KEEP_ALIVE, keep_alive.to_owned()),
        ("LLMGW_REDIS__URL", stores.0.url()),
        ("LLMGW_MONGO__URL", stores.1.url()),
        ("LLMGW_KEYS__PEPPER_FILE", pepper.display().to_string()),
        ("LLMGW_JOURNAL__DIR", folder.join("journal").display().to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let admin = Admin::CommandLine {
        binary: admin.canonicalize()?,
        settings: settings.clone(),
    };
    for pace in Pace::ALL {
        admin.add_model(pace.model(), &format!("http://{mock}")).await?;
    }
    let mut command = measured(binary);
    command.args([
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--health-listen",
        "127.0.0.1:0",
    ]);
    let mut server = Server::start("gateway", &mut command, &settings, folder)?;
    let ready = server.ready_line().await?;
    Ok(Production {
        api: text(&ready, "listen")?.parse()?,
        server,
        admin,
        stores,
    })
}

fn text<'a>(ready: &'a Value, name: &str) -> Result<&'a str, Failure> {
    ready[name]
        .as_str()
        .ok_or_else(|| format!("no `{name}` in {ready}").into())
}

/// nginx with two workers as a plain reverse proxy that streams.
pub(crate) async fn start_nginx(mock: SocketAddr, folder: &Path) -> Result<(Server, SocketAddr), Failure> {
    let address = free_address().await?;
    let settings = folder.join("nginx.conf");
    std::fs::write(&settings, nginx_settings(mock, address, folder))?;
    let mut command = measured(Path::new("nginx"));
    command
        .arg("-e")
        .arg(folder.join("nginx-error.log"))
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(settings);
    let mut server = Server::start("nginx", &mut command, &[], folder)?;
    let began = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        if began.elapsed() > START || !matches!(server.child.try_wait(), Ok(None)) {
            return Err(server.complaint().into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok((server, address))
}

/// nginx cannot choose a port by itself; this one was free a moment ago.
async fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}

fn nginx_settings(mock: SocketAddr, listen: SocketAddr, folder: &Path) -> String {
    // Workers started by root would run as another user, who cannot enter our folder.
    let user = if getuid().is_root() { "user root;" } else { "" };
    let folder = folder.display();
    // Its default of 1,000 requests a connection would have it, and only it, connect anew all the time.
    format!(
        "{user}
daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/client_body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  upstream mock {{
    server {mock};
    keepalive 1024;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {listen} backlog=4096;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
    }}
  }}
}}
"
    )
}
