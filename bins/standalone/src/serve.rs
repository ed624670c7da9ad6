//! Starts, serves, stops.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use llmgw_admin_http::{Admin, Doors};
use llmgw_boot::config::{PortalSection, proxies};
use llmgw_boot::{
    Cut, Failure, Listener, Metrics, OsEntropy, Readiness, Running, Serving, Signals, Tasks, Work, chain,
    health_routes, serve_api, serve_few,
};
use llmgw_gateway_http::{Gateway, routes};
use llmgw_keys::AdminKey;
use llmgw_portal_http::{CookieKey, Portal};
use llmgw_proxy::Services;
use llmgw_types::SecretString;
use llmgw_upstream_awc::{AwcUpstream, Connecting};
use llmgw_usage::admission::reconcile;

use crate::args::Args;
use crate::data_dir::DataDir;
use crate::first_start;
use crate::greeting::Greeting;
use crate::secrets::{self, Secrets};
use crate::settings::Settings;
use crate::upstreams;
use crate::wire::{self, Parts, Places};

/// How long the link into the portal is good for.
const LINK_LASTS: Duration = Duration::from_hours(24);

/// What it does, and who comes in.
type Administration = (Arc<Admin>, Arc<Doors>);

/// Where the four listeners are.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) portal: SocketAddr,
    pub(crate) health: SocketAddr,
}

impl Addresses {
    /// Where browsers find the pages of the administration. By name, as those of the portal.
    pub(crate) fn admin_pages(&self) -> String {
        if self.admin.ip().is_loopback() {
            format!("http://localhost:{}", self.admin.port())
        } else {
            format!("http://{}", self.admin)
        }
    }
}

/// Runs the whole program. Keys are shown once, so they are made when all that may fail has gone well.
pub(crate) async fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let Secrets { admin_key, upstream } = Secrets::read(settings).map_err(Failure::configuration)?;
    let data = DataDir::open(&args.data)?;
    if data.shared() {
        tracing::warn!("another process serves this data folder: each holds limits by itself");
    }
    let listeners = Listeners::open(settings)?;
    let signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let peppers = data.peppers(&OsEntropy)?;
    let at = listeners.addresses();
    let places = Places {
        // By name: a browser gives no cookie of ours to another port's pages under another name.
        portal: format!("http://localhost:{}", at.portal.port()),
        api: format!("http://{}", at.api),
    };
    let seal = secrets::sealing(settings, &data)?;
    let parts = wire::build(settings, &data, &peppers, (upstream, seal), places)?;
    prepare(args, &parts).await?;

    let models = parts.services.catalog.list();
    let kept = first_start::admin_key(admin_key.as_ref(), &data, peppers, args.new_admin_key)?;
    let now = parts.services.clock.now();
    let keys = first_start::keys(&data, &parts.admin.keys, kept, now).await?;
    let link = parts.portal.local_link(LINK_LASTS).await;
    let link = link.map_err(|error| format!("cannot keep the link to sign in with: {}", chain(&error)))?;
    let greeting = Greeting {
        at,
        link: SecretString::from(link),
        key: keys.new_key,
        admin_key: keys.new_admin_key,
        model: models.first().map(|served| served.model.id.clone()),
    };
    let serving = start(settings, listeners, parts, keys.admin)?;
    let greet = || greeting.print(args.json);
    Ok(serving.until_stopped(&settings.gateway, signals, greet).await?)
}

// Everything that must be true before the first request: the ledger has what earlier processes left, limits
// know of it, and models are there.
async fn prepare(args: &Args, parts: &Parts) -> Result<(), String> {
    let now = parts.services.clock.now();
    let failed =
        |what: &'static str| move |error: &dyn std::error::Error| format!("{what}: {}", chain(error));
    parts
        .shipper
        .ship_all()
        .await
        .map_err(|error| failed("cannot take the journal to the ledger")(&error))?;
    reconcile::rebuild(
        &*parts.services.admission,
        &*parts.admin.ledger,
        &parts.calendar,
        now,
    )
    .await
    .map_err(|error| failed("cannot count what was used")(&error))?;
    upstreams::keep(&parts.admin.models, &args.upstreams, now)
        .await
        .map_err(|error| failed("--upstream")(&error))?;
    parts
        .services
        .catalog
        .refresh()
        .await
        .map_err(|error| failed("cannot read models")(&error))?;
    parts
        .services
        .limits
        .refresh()
        .await
        .map_err(|error| failed("cannot read limits")(&error))
}

// The background work, then the servers.
fn start(
    settings: &Settings,
    listeners: Listeners,
    parts: Parts,
    admin_key: AdminKey,
) -> Result<Serving, String> {
    let (services, metrics) = (parts.services, parts.metrics);
    let readiness = Arc::new(Readiness::default());
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
    let doors = parts
        .entrance
        .with(admin_key, listeners.addresses().admin_pages());
    let admin = (parts.admin, Arc::new(doors));
    let portal = (parts.portal, parts.cookies);
    let told = (Arc::clone(&readiness), metrics);
    let servers = listeners.serve(settings, (&services, upstream), (admin, portal), told, &cut);
    let servers = servers.map_err(|error| format!("cannot serve: {error}"))?;
    readiness.allow();
    Ok(Serving {
        servers,
        tasks,
        readiness,
        live: Arc::clone(&services.live),
        cut,
    })
}

/// All of them.
struct Listeners {
    api: Listener,
    admin: Listener,
    portal: Listener,
    health: Listener,
}

impl Listeners {
    fn open(settings: &Settings) -> Result<Self, String> {
        Ok(Self {
            api: Listener::open(settings.gateway.listen, "gateway.listen")?,
            admin: Listener::open(settings.admin.listen, "admin.listen")?,
            portal: portal_listener(settings.portal.listen)?,
            health: Listener::open(settings.gateway.health_listen, "gateway.health_listen")?,
        })
    }

    // Settings may leave the port open.
    const fn addresses(&self) -> Addresses {
        Addresses {
            api: self.api.address(),
            admin: self.admin.address(),
            portal: self.portal.address(),
            health: self.health.address(),
        }
    }

    fn serve(
        self,
        settings: &Settings,
        (services, upstream): (&Arc<Services>, impl Fn() -> AwcUpstream + Clone + Send + 'static),
        ((admin, doors), (portal, cookies)): (Administration, (Arc<Portal>, CookieKey)),
        (readiness, metrics): (Arc<Readiness>, Arc<Metrics>),
        cut: &Cut,
    ) -> io::Result<Vec<Running>> {
        let (services, cut) = (Arc::clone(services), cut.clone());
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
        let admin = serve_few(self.admin, move |config| {
            llmgw_admin_http::routes(Arc::clone(&admin), Arc::clone(&doors))(config);
        })?;
        let portal = serve_few(self.portal, move |config| {
            llmgw_portal_http::routes(Arc::clone(&portal), cookies.clone())(config);
        })?;
        let health = serve_few(self.health, move |config| {
            health_routes(Arc::clone(&readiness), Arc::clone(&metrics))(config);
        })?;
        Ok(vec![api, admin, portal, health])
    }
}

// Nobody chose the usual port; where another trial has it, this one takes any.
fn portal_listener(wanted: SocketAddr) -> Result<Listener, String> {
    let usual = PortalSection::default().listen;
    Listener::open(wanted, "portal.listen").or_else(|error| {
        if wanted != usual {
            return Err(error);
        }
        Listener::open(SocketAddr::new(usual.ip(), 0), "portal.listen")
    })
}
