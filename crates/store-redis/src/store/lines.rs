//! Connections that calls share. A connection is taken from the pool once and carries many calls at a time; when
//! one of them fails it goes back, and the pool finds out whether it still works.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_redis::cluster::{ClusterClient, ClusterClientBuilder, ClusterConnection};
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, Value};
use deadpool_redis::{Connection, Manager, Pool, Runtime};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};

use crate::error::CallError;
use crate::{Options, OptionsError};

/// All connections; calls take them in turn.
pub(super) struct Lines {
    source: Source,
    lines: Vec<Line>,
    turn: AtomicUsize,
    // One that nothing else is sent on.
    aside: Line,
}

// A connection that is being made belongs to no call: who gives up waiting leaves it to the next.
type Connecting = Shared<BoxFuture<'static, Result<Connected, CallError>>>;

/// On a busy machine answers are late: a connection is dead only when none at all came for so long. To leave one that
/// lives makes all later than it was.
const SILENT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Line {
    connecting: Mutex<Option<Connecting>>,
    // Since when something was asked and nothing answered.
    silent: Mutex<Option<Instant>>,
}

enum Source {
    Single(Pool),
    // The pool for clusters takes neither an authority nor timeouts, and such a connection heals by itself.
    Cluster(Arc<ClusterClient>),
}

#[derive(Clone)]
enum Connected {
    Single(Arc<Held>),
    Cluster(ClusterConnection),
}

/// A connection that is out of the pool while calls share it.
struct Held {
    line: MultiplexedConnection,
    place: Mutex<Option<Connection>>,
}

impl Lines {
    pub(super) fn new(options: &Options, nodes: &[ConnectionInfo]) -> Result<Self, OptionsError> {
        let source = match nodes {
            [node] => Source::Single(pool(options, node)?),
            nodes => Source::Cluster(Arc::new(cluster(options, nodes)?)),
        };
        Ok(Self {
            source,
            lines: (0..options.connections.max(1)).map(|_| Line::default()).collect(),
            turn: AtomicUsize::new(0),
            aside: Line::default(),
        })
    }

    /// Sends the command, and waits so long for its answer at most.
    pub(super) async fn send(&self, command: &Cmd, within: Duration) -> Result<Value, CallError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.send_on(&self.lines[turn % self.lines.len()], command, within)
            .await
    }

    /// The same, on a connection where it waits for no other call: how long it takes says how the server is, and not
    /// how busy we are.
    pub(super) async fn send_aside(&self, command: &Cmd, within: Duration) -> Result<Value, CallError> {
        self.send_on(&self.aside, command, within).await
    }

    async fn send_on(&self, line: &Line, command: &Cmd, within: Duration) -> Result<Value, CallError> {
        let connecting = line.take(|| self.source.connect());
        line.asked();
        let Ok(answer) = timeout(within, ask(connecting.clone(), command)).await else {
            if line.is_silent() {
                line.forget(&connecting, false);
            }
            return Err(CallError::Timeout(within));
        };
        line.answered();
        if let Err(error) = &answer
            && error.is_of_the_connection()
        {
            line.forget(&connecting, error.is_of_the_server());
        }
        answer
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }
}

impl Line {
    fn take(&self, connect: impl FnOnce() -> Connecting) -> Connecting {
        lock(&self.connecting).get_or_insert_with(connect).clone()
    }

    fn asked(&self) {
        lock(&self.silent).get_or_insert_with(Instant::now);
    }

    fn answered(&self) {
        *lock(&self.silent) = None;
    }

    fn is_silent(&self) -> bool {
        lock(&self.silent).is_some_and(|since| since.elapsed() >= SILENT)
    }

    // Other calls fail with the same connection, and later than this one: by then there may be a new one. One that
    // is still being made goes on. `for_good`: the pool would take it for a good one.
    fn forget(&self, failed: &Connecting, for_good: bool) {
        let mut line = lock(&self.connecting);
        if failed.peek().is_some() && line.as_ref().is_some_and(|now| now.ptr_eq(failed)) {
            *line = None;
            self.answered();
        }
        if for_good && let Some(Ok(Connected::Single(held))) = failed.peek() {
            drop(lock(&held.place).take().map(Connection::take));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Source {
    fn connect(&self) -> Connecting {
        match self {
            Self::Single(pool) => {
                let pool = pool.clone();
                let made = async move {
                    let connection = pool.get().await.map_err(CallError::pool)?;
                    Ok(Connected::Single(Arc::new(Held {
                        line: MultiplexedConnection::clone(&connection),
                        place: Mutex::new(Some(connection)),
                    })))
                };
                made.boxed().shared()
            }
            Self::Cluster(client) => {
                let client = Arc::clone(client);
                let made = async move { Ok(Connected::Cluster(client.get_async_connection().await?)) };
                made.boxed().shared()
            }
        }
    }
}

async fn ask(connecting: Connecting, command: &Cmd) -> Result<Value, CallError> {
    Ok(match connecting.await? {
        Connected::Single(held) => command.query_async(&mut held.line.clone()).await?,
        Connected::Cluster(mut line) => command.query_async(&mut line).await?,
    })
}

fn pool(options: &Options, node: &ConnectionInfo) -> Result<Pool, OptionsError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        .set_response_timeout(Some(options.connect_timeout));
    let manager = Manager::new_with_config(node.clone(), config).map_err(|_| OptionsError::Url)?;
    let wait = Some(options.connect_timeout);
    Pool::builder(manager)
        // One that failed is still held by calls that wait for its last answers.
        .max_size(2 * (options.connections.max(1) + 1))
        .wait_timeout(wait)
        .create_timeout(wait)
        .recycle_timeout(wait)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| OptionsError::Driver(error.to_string()))
}

fn cluster(options: &Options, nodes: &[ConnectionInfo]) -> Result<ClusterClient, OptionsError> {
    let mut builder = ClusterClientBuilder::new(nodes.iter().cloned())
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.connect_timeout);
    if let Some(certificates) = options.certificates() {
        builder = builder.certs(certificates);
    }
    builder
        .build()
        .map_err(|error| OptionsError::Driver(error.to_string()))
}

/// Whether this node is spoken to over TLS.
pub(super) fn has_tls(node: &ConnectionInfo) -> bool {
    matches!(node.addr(), ConnectionAddr::TcpTls { .. })
}
