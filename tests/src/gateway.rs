//! A gateway that runs as a child process.

use std::net::SocketAddr;
use std::process::ExitStatus;

use rustix::process::Signal;
use serde_json::Value;

use crate::admin::{Admin, Event};
use crate::http::{Answer, Connection, Request};
use crate::setup::{Process, Setup};
use crate::tap::Tap;
use crate::wait::eventually;

/// A gateway that runs. Dropping it ends the process and, with the last of its [`Setup`], removes its folder.
#[derive(Debug)]
pub struct Gateway {
    // Before the setup, whose folder it lives in.
    process: Process,
    setup: Setup,
    /// The ready line.
    pub ready: Value,
    /// Where the LLM API is.
    pub api: SocketAddr,
    /// Where health and metrics are.
    pub health: SocketAddr,
    /// The administration.
    pub admin: Admin,
    /// The key of the first start.
    pub key: String,
    // Records that were there when it started.
    before: usize,
}

impl Gateway {
    pub(crate) async fn new(setup: Setup, process: Process, line: &str) -> Self {
        let ready: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no ready line: {line}"));
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        let address = |name: &str| {
            let text = text(name)
                .trim_start_matches("http://")
                .trim_end_matches("/v1")
                .to_owned();
            text.parse::<SocketAddr>()
                .unwrap_or_else(|_| panic!("no address of {name}: {line}"))
        };
        let admin = Admin::new(address("admin"), &text("admin_key"));
        let (api, health, key) = (address("api"), address("health"), text("key"));
        let mut gateway = Self {
            process,
            setup,
            ready,
            api,
            health,
            admin,
            key,
            before: 0,
        };
        gateway.count_records().await;
        gateway
    }

    /// A gateway that serves `smollm2` from `tap`.
    pub async fn before(tap: &Tap) -> Self {
        Setup::default().upstream(tap).start().await
    }

    /// How it was started.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Everything it logged so far, in all its lives.
    pub fn log(&self) -> String {
        self.setup.log()
    }

    /// A new connection to the LLM API.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.api).await
    }

    /// Sends a request to the LLM API on a connection of its own and reads the whole answer.
    pub async fn ask(&self, request: &Request) -> Answer {
        self.connect().await.ask(request).await
    }

    /// Posts `body` with the first key.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&self.request(path, body)).await
    }

    /// A request with the first key.
    pub fn request(&self, path: &str, body: &str) -> Request {
        Request::post(path, body).key(&self.key)
    }

    /// A chat with the first key, sent and not yet answered.
    pub async fn begin(&self, body: &str) -> Connection {
        let mut connection = self.connect().await;
        connection
            .send(&self.request("/v1/chat/completions", body).bytes())
            .await;
        connection
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> String {
        Connection::open(self.health)
            .await
            .ask(&Request::get("/metrics"))
            .await
            .text()
            .to_owned()
    }

    /// The sum of a metric over all its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics().await;
        let of_this_name = |line: &&str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        text.lines()
            .filter(of_this_name)
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Every record, newest first, as soon as no request runs and all that ended are there.
    pub async fn ledger(&self) -> Vec<Event> {
        eventually("every request is in the ledger", async || {
            let running = self.metric("llmgw_requests_in_flight").await;
            let ended = self.metric("llmgw_requests_total").await as usize;
            let events = self.admin.events().await;
            (running == 0.0 && events.len() == self.before + ended).then_some(events)
        })
        .await
    }

    /// The one record that there is.
    ///
    /// # Panics
    /// When there is another.
    pub async fn only_record(&self) -> Event {
        let mut events = self.ledger().await;
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// The record of a request.
    pub async fn record(&self, id: &str) -> Event {
        let of_id: Vec<_> = self
            .ledger()
            .await
            .into_iter()
            .filter(|event| event.request_id == id)
            .collect();
        let [event] = &of_id[..] else {
            panic!("not one record of {id}: {of_id:?}")
        };
        event.clone()
    }

    /// Bytes of memory that it has at present.
    pub fn resident(&self) -> u64 {
        self.process.resident()
    }

    /// Ends it as a crash does.
    pub async fn kill9(&mut self) {
        self.process.signal(Signal::KILL);
        self.exited().await;
    }

    /// Asks it to end.
    pub fn sigterm(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Waits until it has ended.
    pub async fn exited(&mut self) -> ExitStatus {
        self.process.exited().await
    }

    /// Starts it again, in the same folder and in the same way.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_over(), "it still runs");
        let next = self.beside().await;
        *self = next;
    }

    /// Starts another one in the same folder.
    pub async fn beside(&self) -> Self {
        self.setup.clone().start_with_keys_of(self).await
    }

    pub(crate) async fn takes_keys_of(&mut self, other: &Self) {
        self.admin.key.clone_from(&other.admin.key);
        self.key.clone_from(&other.key);
        self.count_records().await;
    }

    async fn count_records(&mut self) {
        if !self.admin.key.is_empty() {
            self.before = self.admin.events().await.len();
        }
    }
}

impl Drop for Gateway {
    #[expect(clippy::print_stderr, reason = "the log of a failed test is what tells why")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "--- the gateway's log ends with:\n{}",
                lines[lines.len().saturating_sub(60)..].join("\n")
            );
        }
    }
}
