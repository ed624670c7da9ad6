//! Sockets that listen, and servers that run on them. It knows no route: what is served is given to it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_rt::net::TcpSocket;
use actix_rt::task::JoinHandle;
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

use crate::config::GatewaySection;

/// A burst of clients waits here instead of trying again after a second.
const BACKLOG: u32 = 4_096;

/// Idle connections are kept this long; clients' own pools mostly give up earlier.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long the head of a request may take to arrive.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

/// How long an answer that was [cut](crate::Cut) may take to reach its client.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A socket that listens: clients may connect, and wait until it is served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on `wanted`; port 0 takes any free one.
    ///
    /// # Errors
    /// When that cannot be; the text names `setting`.
    pub fn open(wanted: SocketAddr, setting: &str) -> Result<Self, String> {
        listen(wanted).map_err(|error| {
            format!("cannot listen on {wanted}: {error}; choose another address with {setting}")
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn listen(wanted: SocketAddr) -> io::Result<Listener> {
    let socket = if wanted.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Also while connections of the process before this one are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(wanted)?;
    let socket = socket.listen(BACKLOG)?.into_std()?;
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
}

/// A server that runs.
pub struct Running {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Running {
    fn spawn(server: Server) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a server is its own task, ended by `stop`"
        )]
        Self {
            handle: server.handle(),
            task: actix_web::rt::spawn(server),
        }
    }

    /// Takes no more connections, lets requests end, and waits until that is done.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "a server stopped with an error");
        }
    }
}

/// Serves the LLM API on all cores. `configure` is called once by each worker, on its thread.
///
/// # Errors
/// When no thread can be started.
pub fn serve_api(
    listener: Listener,
    settings: &GatewaySection,
    configure: impl Fn(&mut ServiceConfig) + Send + Clone + 'static,
) -> io::Result<Running> {
    let server = HttpServer::new(move || App::new().configure(&configure))
        // Without this a stream of small events waits 40 ms for each.
        .tcp_nodelay(true)
        // Without this a client that leaves before the answer begins cancels nothing.
        .h1_allow_half_closed(false)
        .max_connections(settings.max_in_flight.saturating_mul(2))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_WITHIN)
        .shutdown_timeout((settings.drain.0 + LAST_WORDS).as_secs())
        .disable_signals();
    Ok(Running::spawn(server.listen(listener.socket)?.run()))
}

/// Serves pages to people, on all cores.
///
/// # Errors
/// When no thread can be started.
pub fn serve_pages(
    listener: Listener,
    configure: impl Fn(&mut ServiceConfig) + Send + Clone + 'static,
) -> io::Result<Running> {
    let server = HttpServer::new(move || App::new().configure(&configure))
        .tcp_nodelay(true)
        .h1_allow_half_closed(false)
        .client_request_timeout(HEAD_WITHIN)
        .shutdown_timeout(5)
        .disable_signals();
    Ok(Running::spawn(server.listen(listener.socket)?.run()))
}

/// Serves a few clients on one thread.
///
/// # Errors
/// When no thread can be started.
pub fn serve_few(
    listener: Listener,
    configure: impl Fn(&mut ServiceConfig) + Send + Clone + 'static,
) -> io::Result<Running> {
    let server = HttpServer::new(move || App::new().configure(&configure))
        .workers(1)
        .client_request_timeout(HEAD_WITHIN)
        .shutdown_timeout(5)
        .disable_signals();
    Ok(Running::spawn(server.listen(listener.socket)?.run()))
}
