//! Starts, serves, stops.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::time::timeout;
use llmgw_boot::config::proxies;
use llmgw_boot::{
    Cut, Failure, Listener, Metrics, Readiness, Running, Serving, Signals, Tasks, Work, chain, health_routes,
    serve_api, serve_few,
};
use llmgw_gateway_http::{Gateway, routes};
use llmgw_proxy::Services;
use llmgw_upstream_awc::{AwcUpstream, Connecting};

use crate::checked::Checked;
use crate::output;
use crate::settings::{Loaded, Settings};
use crate::wire::{self, Parts};

/// How long the start waits for what an earlier process left to reach the ledger; the rest follows later.
const SHIP_WITHIN: Duration = Duration::from_secs(10);

/// Serves until a signal.
pub(crate) fn run(loaded: &Loaded, json: bool) -> Result<ExitCode, Failure> {
    let _log = loaded.start_logging()?;
    let checked = Checked::check(loaded)?;
    actix_rt::System::new().block_on(serve(loaded, checked, json))
}

async fn serve(loaded: &Loaded, checked: Checked, json: bool) -> Result<ExitCode, Failure> {
    let settings = &loaded.settings;
    let listeners = Listeners::open(settings)?;
    let signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let parts = wire::build(settings, checked)?;
    prepare(&parts, loaded).await?;
    let (api, health) = (listeners.api.address(), listeners.health.address());
    let serving = start(settings, listeners, parts)?;
    let greet = || output::serving(api, health, json);
    Ok(serving.until_stopped(&settings.gateway, signals, greet).await?)
}

// As much as can be done before the first request; what has to wait for a store is done in the background.
async fn prepare(parts: &Parts, loaded: &Loaded) -> Result<(), Failure> {
    let begun = parts.watch.begin().await;
    if begun.map_err(|fault| loaded.layers.blame(&fault))? {
        ship_what_was_left(parts).await;
        parts.watch.share_limits().await;
    }
    match parts.services.catalog.refresh().await {
        Ok(()) => parts.readiness.allow(),
        Err(error) => tracing::warn!("no models are known yet: {}", chain(&error)),
    }
    Ok(())
}

// Limits are counted from the ledger, so it should know of everything before.
async fn ship_what_was_left(parts: &Parts) {
    match timeout(SHIP_WITHIN, parts.shipper.ship_all()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("the journal waits: {}", chain(&error)),
        Err(_) => {
            // A batch may have been under way.
            parts.shipper.journal.rewind();
            tracing::warn!("the journal is long; it is taken to the ledger while requests are served");
        }
    }
}

// The background work, then the servers.
fn start(settings: &Settings, listeners: Listeners, parts: Parts) -> Result<Serving, Failure> {
    let (services, readiness) = (parts.services, parts.readiness);
    let cut = Cut::default();
    let work = Work {
        services: Arc::clone(&services),
        readiness: Arc::clone(&readiness),
        settlements: parts.settlements,
        shipper: parts.shipper,
    };
    let allowed = parts.allowed;
    let connecting = Connecting {
        within: settings.upstream.connect_timeout.0,
        keep_alive: settings.upstream.keep_alive.0,
    };
    let upstream = move || AwcUpstream::new(connecting, Arc::clone(&allowed));
    let watch = parts.watch;
    let tasks = Tasks::start(work, upstream.clone(), move || async move { watch.keep().await })?;
    let servers = listeners.serve(settings, &services, upstream, (&readiness, parts.metrics), &cut);
    let servers = servers.map_err(|error| format!("cannot serve: {error}"))?;
    Ok(Serving {
        servers,
        tasks,
        readiness,
        live: Arc::clone(&services.live),
        cut,
    })
}

/// Both.
struct Listeners {
    api: Listener,
    health: Listener,
}

impl Listeners {
    fn open(settings: &Settings) -> Result<Self, String> {
        Ok(Self {
            api: Listener::open(settings.gateway.listen, "gateway.listen")?,
            health: Listener::open(settings.gateway.health_listen, "gateway.health_listen")?,
        })
    }

    fn serve(
        self,
        settings: &Settings,
        services: &Arc<Services>,
        upstream: impl Fn() -> AwcUpstream + Clone + Send + 'static,
        (readiness, metrics): (&Arc<Readiness>, Arc<Metrics>),
        cut: &Cut,
    ) -> io::Result<Vec<Running>> {
        let (services, readiness, cut) = (Arc::clone(services), Arc::clone(readiness), cut.clone());
        let body_within = settings.gateway.body_timeout.0;
        let trusted = proxies(&settings.gateway.trusted_proxies);
        let api = serve_api(self.api, &settings.gateway, move |config| {
            routes(Gateway {
                services: Arc::clone(&services),
                upstream: cut.through(upstream()),
                body_within,
                proxies: trusted.clone(),
            })(config);
        })?;
        let health = serve_few(self.health, move |config| {
            health_routes(Arc::clone(&readiness), Arc::clone(&metrics))(config);
        })?;
        Ok(vec![api, health])
    }
}
