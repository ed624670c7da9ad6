//! Puts the parts together. The only place that names concrete adapters.

mod doors;
mod portal;
mod stores;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use llmgw_admin_http::Admin;
use llmgw_audit::{AuditLog, Auditor};
use llmgw_boot::shipper::{ShippedTo, Shipper};
use llmgw_boot::{BlockingPool, Failure, LocalFeed, Metrics, OsEntropy, RefResolver, SystemClock};
use llmgw_keys::{Failures, KeyLookup, KeyService, Pepper, UserService};
use llmgw_models::{AllowedTargets, Catalog, ModelService};
use llmgw_portal_http::{CookieKey, Portal};
use llmgw_proxy::stage::settle::Settlement;
use llmgw_proxy::{Buffers, Live, Services, Slots};
use llmgw_secrets_seal::Seal;
use llmgw_types::{Clock, SecretString};
use llmgw_upstream_awc::AwcProbe;
use llmgw_usage::admission::{Calendar, StandingLimits};
use tokio::sync::mpsc;

use crate::data_dir::DataDir;
use crate::settings::Settings;
pub(crate) use doors::Entrance;
pub(crate) use portal::Places;
use stores::Stores;
pub(crate) use watch::Watch;

/// How long a reservation lives unless renewed. This process's limits die with it, so nothing waits for it.
const LEASE: Duration = Duration::from_secs(60);

/// The parts, put together.
pub(crate) struct Parts {
    pub(crate) services: Arc<Services>,
    pub(crate) settlements: mpsc::Receiver<Settlement>,
    pub(crate) admin: Arc<Admin>,
    pub(crate) shipper: Shipper,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) calendar: Calendar,
    pub(crate) watch: Watch,
    pub(crate) portal: Arc<Portal>,
    pub(crate) cookies: CookieKey,
    pub(crate) allowed: Arc<AllowedTargets>,
    pub(crate) entrance: Entrance,
}

/// Opens the stores in `data` and builds everything on them. `peppers` has the newest first; `upstream` is the
/// default upstream secret, `seal` opens those that targets have.
pub(crate) fn build(
    settings: &Settings,
    data: &DataDir,
    peppers: &[Pepper],
    (upstream, seal): (Option<SecretString>, Seal),
    places: Places,
) -> Result<Parts, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let metrics = Arc::new(Metrics::default());
    let stores = Stores::open(settings, data)?;
    let secrets_dir = settings.secrets.dir.clone().unwrap_or_else(|| data.secrets());
    let seal = Arc::new(seal);
    let secrets = RefResolver::new(upstream, Some(secrets_dir), Arc::clone(&clock));
    let secrets = secrets.with_unsealer(Some(seal.clone()));
    let (services, settlements) = requests(settings, &stores, peppers, secrets, &clock, &metrics);
    let pepper = peppers.first().ok_or_else(|| "there is no pepper".to_owned())?;
    // What administration and portal change, requests see at once.
    let feed = Arc::new(LocalFeed::new(
        services.keys.clone(),
        services.catalog.clone(),
        services.limits.clone(),
    ));
    let (portal, cookies) = portal::portal(settings, &stores, &services, feed.clone(), pepper, places)?;
    let allowed = settings
        .upstream
        .allowed()
        .map_err(|fault| Failure::configuration(fault.to_string()))?;
    Ok(Parts {
        admin: Arc::new(admin(settings, &stores, &services, (pepper, seal), feed)?),
        portal,
        cookies,
        allowed: Arc::new(allowed),
        entrance: Entrance::of(&settings.admin, &stores, &services, pepper)?,
        watch: Watch::new(stores.file, &services),
        services: Arc::new(services),
        settlements,
        shipper: Shipper {
            journal: stores.journal,
            ledger: stores.ledger,
            limits: ShippedTo::Own(stores.admission),
            keys: stores.keys,
            observer: metrics.clone(),
            clock,
        },
        metrics,
        calendar: stores.calendar,
    })
}

// What a request needs on its way.
fn requests(
    settings: &Settings,
    stores: &Stores,
    peppers: &[Pepper],
    secrets: RefResolver,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> (Services, mpsc::Receiver<Settlement>) {
    let (keys, users) = (Arc::clone(&stores.keys), Arc::clone(&stores.users));
    let default_url = settings.upstream.default_url.as_ref().map(|url| url.0.clone());
    let catalog = Catalog::new(Arc::clone(&stores.models), default_url);
    let (sender, settlements) = mpsc::channel(settings.gateway.max_in_flight.max(1));
    let services = Services {
        keys: Arc::new(KeyLookup::new(
            keys,
            users,
            peppers.to_vec(),
            Arc::clone(clock),
            metrics.clone(),
        )),
        failures: Arc::default(),
        catalog: Arc::new(catalog),
        answers: Arc::clone(&stores.answers),
        secrets: Arc::new(secrets),
        limits: Arc::new(StandingLimits::new(
            settings.limits.policy(),
            Arc::clone(&stores.limits),
        )),
        admission: Arc::clone(&stores.admission),
        journal: Arc::clone(&stores.journal),
        clock: Arc::clone(clock),
        entropy: Arc::new(OsEntropy),
        observer: metrics.clone(),
        offload: Arc::new(BlockingPool),
        settlements: sender,
        live: Arc::new(Live::default()),
        slots: Arc::new(Slots::default()),
        buffers: Arc::new(Buffers::new(settings.gateway.max_buffered.0)),
        settings: settings.of_requests(LEASE),
    };
    (services, settlements)
}

// The administration on the same stores.
fn admin(
    settings: &Settings,
    stores: &Stores,
    services: &Services,
    (pepper, seal): (&Pepper, Arc<Seal>),
    feed: Arc<LocalFeed>,
) -> Result<Admin, Failure> {
    let (keys, users) = (stores.keys.clone(), stores.users.clone());
    let (clock, entropy) = (Arc::clone(&services.clock), Arc::clone(&services.entropy));
    let audit: Arc<dyn AuditLog> = Arc::new(stores.file.audit());
    let reports = Calendar::named(&settings.reports.timezone.0)
        .map_err(|error| Failure::configuration(format!("reports.timezone: {error}")))?;
    let allowed = settings
        .upstream
        .allowed()
        .map_err(|fault| Failure::configuration(fault.to_string()))?;
    Ok(Admin {
        keys: KeyService::new(
            keys.clone(),
            users.clone(),
            pepper.clone(),
            feed.clone(),
            entropy.clone(),
        ),
        users: UserService::new(users, keys, feed.clone(), entropy.clone()),
        models: ModelService::new(Arc::clone(&stores.models), feed.clone()).within(allowed.clone()),
        sealer: Some(seal),
        probe: Arc::new(AwcProbe::new(
            settings.upstream.connect_timeout.0,
            Arc::new(allowed),
        )),
        secrets: Arc::clone(&services.secrets),
        limits: StandingLimits::new(settings.limits.policy(), Arc::clone(&stores.limits)),
        admission: Arc::clone(&stores.admission),
        ledger: Arc::clone(&stores.ledger),
        sessions: Arc::new(stores.file.sessions()),
        auditor: Auditor::new(audit.clone(), clock.clone(), entropy),
        audit,
        feed,
        default_upstream: settings.upstream.default_url.as_ref().map(|url| url.0.clone()),
        failures: Failures::default(),
        calendar: reports,
        currency: settings.reports.currency.clone(),
        clock,
    })
}
