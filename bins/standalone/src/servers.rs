//! The three listeners.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpSocket;
use actix_rt::task::JoinHandle;
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use llmgw_gateway_http::{Gateway, routes};
use llmgw_proxy::Services;
use llmgw_upstream_awc::AwcUpstream;

use crate::settings::Settings;

/// A burst of clients waits here instead of trying again after a second.
const BACKLOG: u32 = 4_096;

/// Idle connections are kept this long; clients' own pools mostly give up earlier.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long the head of a request may take to arrive.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

/// A socket that listens: clients may connect, and wait until it is served.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// The three.
pub(crate) struct Listeners {
    pub(crate) api: Listener,
    pub(crate) admin: Listener,
    pub(crate) health: Listener,
}

/// Where the three listen.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) health: SocketAddr,
}

impl Listeners {
    /// Listens where `settings` say.
    pub(crate) fn open(settings: &Settings) -> Result<Self, String> {
        Ok(Self {
            api: listen(settings.gateway.listen, "gateway.listen")?,
            admin: listen(settings.admin.listen, "admin.listen")?,
            health: listen(settings.gateway.health_listen, "gateway.health_listen")?,
        })
    }

    /// Where they listen; settings may leave the port open.
    pub(crate) const fn addresses(&self) -> Addresses {
        Addresses {
            api: self.api.address,
            admin: self.admin.address,
            health: self.health.address,
        }
    }
}

fn listen(wanted: SocketAddr, setting: &str) -> Result<Listener, String> {
    let open = || -> io::Result<Listener> {
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
    };
    open()
        .map_err(|error| format!("cannot listen on {wanted}: {error}; choose another address with {setting}"))
}

/// A server that runs.
pub(crate) struct Running {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
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
    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "a server stopped with an error");
        }
    }
}

/// Serves the LLM API.
pub(crate) fn api(listener: Listener, settings: &Settings, services: &Arc<Services>) -> io::Result<Running> {
    let services = Arc::clone(services);
    let body_within = settings.gateway.body_timeout.0;
    let connect_timeout = settings.upstream.connect_timeout.0;
    let server = HttpServer::new(move || {
        let upstream = AwcUpstream::new(connect_timeout);
        App::new().configure(routes(Gateway {
            services: Arc::clone(&services),
            upstream,
            body_within,
        }))
    })
    // Without this a stream of small events waits 40 ms for each.
    .tcp_nodelay(true)
    // Without this a client that leaves before the answer begins cancels nothing.
    .h1_allow_half_closed(false)
    .max_connections(settings.gateway.max_in_flight.saturating_mul(2))
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_WITHIN)
    .shutdown_timeout(settings.gateway.drain.0.as_secs())
    .disable_signals();
    Ok(Running::spawn(server.listen(listener.socket)?.run()))
}

/// Serves a few clients.
pub(crate) fn small<C>(
    listener: Listener,
    configure: impl Fn(&mut ServiceConfig) -> C + Send + Clone + 'static,
) -> io::Result<Running> {
    let server = HttpServer::new(move || {
        let configure = configure.clone();
        App::new().configure(move |config| {
            configure(config);
        })
    })
    .workers(1)
    .client_request_timeout(HEAD_WITHIN)
    .shutdown_timeout(5)
    .disable_signals();
    Ok(Running::spawn(server.listen(listener.socket)?.run()))
}
