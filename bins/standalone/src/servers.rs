//! The three listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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

/// A server that is bound but not yet running.
pub(crate) struct Bound {
    server: Server,
    address: SocketAddr,
}

impl Bound {
    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A server that runs.
pub(crate) struct Running {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Runs `bound`.
    pub(crate) fn spawn(bound: Bound) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a server is its own task, ended by `stop`")]
        Self { handle: bound.server.handle(), task: actix_web::rt::spawn(bound.server) }
    }

    /// Takes no more connections, lets requests end, and waits until that is done.
    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "a server stopped with an error");
        }
    }
}

/// The LLM API.
pub(crate) fn api(settings: &Settings, services: &Arc<Services>) -> Result<Bound, String> {
    let services = Arc::clone(services);
    let body_within = settings.gateway.body_timeout.0;
    let connect_timeout = settings.upstream.connect_timeout.0;
    let server = HttpServer::new(move || {
        let upstream = AwcUpstream::new(connect_timeout);
        App::new().configure(routes(Gateway { services: Arc::clone(&services), upstream, body_within }))
    })
    // Without this a stream of small events waits 40 ms for each.
    .tcp_nodelay(true)
    // Without this a client that leaves before the answer begins cancels nothing.
    .h1_allow_half_closed(false)
    .backlog(BACKLOG)
    .max_connections(settings.gateway.max_in_flight.saturating_mul(2))
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_WITHIN)
    .shutdown_timeout(settings.gateway.drain.0.as_secs())
    .disable_signals();
    let server = server.bind(settings.gateway.listen).map_err(|error| cannot("gateway.listen", settings.gateway.listen, &error))?;
    let address = server.addrs()[0];
    Ok(Bound { server: server.run(), address })
}

/// A listener for a few clients.
pub(crate) fn small<C>(
    listen: SocketAddr,
    setting: &str,
    configure: impl Fn(&mut ServiceConfig) -> C + Send + Clone + 'static,
) -> Result<Bound, String> {
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
    let server = server.bind(listen).map_err(|error| cannot(setting, listen, &error))?;
    let address = server.addrs()[0];
    Ok(Bound { server: server.run(), address })
}

fn cannot(setting: &str, listen: SocketAddr, error: &std::io::Error) -> String {
    format!("cannot listen on {listen}: {error}; choose another address with {setting}")
}
