//! One Redis, or one Redis Cluster: connections, and the bound on every call. It knows nothing of what is kept.

mod lines;
mod prepare;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::redis::{self, Cmd, ConnectionInfo, FromRedisValue, Value};
use llmgw_types::{StoreError, Timestamp};

use crate::error::{CallError, corrupt};
use crate::{Options, OptionsError, PrepareError};
use lines::Lines;

/// What Redis runs as one step.
pub(crate) struct Script {
    code: String,
    hash: String,
}

impl Script {
    /// The parts one after the other.
    pub(crate) fn new(parts: &[&str]) -> Self {
        let code = parts.concat();
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }
}

/// A Redis that is asked by everything in this crate. Cheap to clone.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    lines: Lines,
    nodes: Vec<ConnectionInfo>,
    prefix: String,
    call_timeout: Duration,
    limits_timeout: Duration,
    connect_timeout: Duration,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.0.prefix)
            .field("call_timeout", &self.0.call_timeout)
            .finish_non_exhaustive()
    }
}

impl RedisStore {
    /// A store with these settings. Nothing is connected yet.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn open(options: &Options) -> Result<Self, OptionsError> {
        let nodes = options.nodes()?;
        if nodes.iter().any(lines::has_tls) {
            // The driver takes the process's provider. Where there is one already, it is used.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Ok(Self(Arc::new(Inner {
            lines: Lines::new(options, &nodes)?,
            nodes,
            prefix: options.prefix.clone(),
            call_timeout: options.call_timeout,
            limits_timeout: options.limits_timeout,
            connect_timeout: options.connect_timeout,
        })))
    }

    /// Connects, and looks whether this server forgets nothing and is new enough.
    ///
    /// # Errors
    /// When it does not answer, evicts keys, or is older than 6.2.
    pub async fn prepare(&self) -> Result<(), PrepareError> {
        prepare::check(self).await
    }

    /// The server's time.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub async fn time(&self) -> Result<Timestamp, StoreError> {
        let (seconds, micros): (i64, i64) = self.ask(&redis::cmd("TIME")).await?;
        Ok(Timestamp::from_micros(
            seconds.saturating_mul(1_000_000).saturating_add(micros),
        ))
    }

    /// Which process answers: another one after a restart or a failover. By then Redis may have lost what it had
    /// confirmed just before, so that counters are to be doubted.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub async fn server(&self) -> Result<String, StoreError> {
        let ids = prepare::info(self, "server", "run_id:").await?;
        Ok(ids.join(" "))
    }

    /// What the names of all keys of one kind begin with. All are in one slot of a cluster.
    pub(crate) fn base(&self, kind: &str) -> String {
        format!("{{{}}}{kind}:", self.0.prefix)
    }

    pub(crate) fn nodes(&self) -> &[ConnectionInfo] {
        &self.0.nodes
    }

    pub(crate) fn limits_timeout(&self) -> Duration {
        self.0.limits_timeout
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.0.connect_timeout
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.ask_within(command, self.0.call_timeout).await
    }

    /// The same, with a bound of its own.
    pub(crate) async fn ask_within<T: FromRedisValue>(
        &self,
        command: &Cmd,
        within: Duration,
    ) -> Result<T, StoreError> {
        let value = self.send(command, within).await?;
        redis::from_redis_value(value).map_err(|_| corrupt("an answer of another type"))
    }

    /// The same, waiting for no other call of ours.
    pub(crate) async fn ask_aside<T: FromRedisValue>(
        &self,
        command: &Cmd,
        within: Duration,
    ) -> Result<T, StoreError> {
        let value = self.0.lines.send_aside(command, within).await?;
        redis::from_redis_value(value).map_err(|_| corrupt("an answer of another type"))
    }

    /// Runs a script; the first key is the one that says where it runs in a cluster.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: &[Vec<u8>],
    ) -> Result<T, StoreError> {
        self.run_within(script, key, arguments, self.0.call_timeout).await
    }

    /// The same, with a bound of its own.
    pub(crate) async fn run_within<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: &[Vec<u8>],
        within: Duration,
    ) -> Result<T, StoreError> {
        let known = call("EVALSHA", &script.hash, key, arguments);
        let value = match self.send(&known, within).await {
            // A server that was started anew; telling it the script runs it as well.
            Err(CallError::Redis(error)) if error.code() == Some("NOSCRIPT") => {
                let whole = call("EVAL", &script.code, key, arguments);
                self.send(&whole, within).await?
            }
            other => other?,
        };
        redis::from_redis_value(value).map_err(|_| corrupt("an answer of another type"))
    }

    pub(crate) async fn send(&self, command: &Cmd, within: Duration) -> Result<Value, CallError> {
        self.0.lines.send(command, within).await
    }
}

fn call(verb: &str, script: &str, key: &str, arguments: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(1).arg(key).arg(arguments);
    command
}
