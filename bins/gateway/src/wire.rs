//! Puts the parts together. With [`checked`](crate::checked) and [`serve`](crate::serve) the only place that names
//! concrete adapters.

mod kept;
mod stores;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use llmgw_boot::config::LimitsWhenUnavailable;
use llmgw_boot::shipper::{ShippedTo, Shipper};
use llmgw_boot::{
    BlockingPool, Failure, Metrics, OsEntropy, Readiness, RefResolver, SharedClock, SharedLimits,
    WhenUnavailable,
};
use llmgw_keys::{KeyLookup, Pepper};
use llmgw_models::{AllowedTargets, Catalog, SecretUnsealer};
use llmgw_proxy::stage::settle::Settlement;
use llmgw_proxy::{Buffers, Live, Services, Slots};
use llmgw_store_redis::RedisAdmission;
use llmgw_types::Clock;
use llmgw_usage::admission::{Calendar, StandingLimits};
use tokio::sync::mpsc;

use crate::checked::Checked;
use crate::settings::Settings;
use stores::Stores;
use watch::Watch;

/// How long a reservation lives unless renewed: as long as a dead gateway's slots are taken.
const LEASE: Duration = Duration::from_secs(60);

/// The parts, put together.
pub(crate) struct Parts {
    pub(crate) services: Arc<Services>,
    pub(crate) settlements: mpsc::Receiver<Settlement>,
    pub(crate) shipper: Shipper,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) watch: Watch,
    pub(crate) allowed: Arc<AllowedTargets>,
}

/// Builds everything; no store is asked anything yet.
pub(crate) fn build(settings: &Settings, checked: Checked) -> Result<Parts, Failure> {
    let shared_clock = Arc::new(SharedClock::default());
    let clock: Arc<dyn Clock> = shared_clock.clone();
    let metrics = Arc::new(Metrics::default());
    let secrets_dir = settings.secrets.dir.clone();
    let unsealer = checked.seal.map(|seal| seal as Arc<dyn SecretUnsealer>);
    let secrets = RefResolver::new(checked.upstream, secrets_dir, Arc::clone(&clock)).with_unsealer(unsealer);
    let stores = Stores::open(settings, checked.lasting, checked.redis)?;
    let limits = Arc::new(limits(settings, &stores, checked.calendar, &clock, &metrics));
    let (services, settlements) = requests(
        settings,
        &stores,
        &limits,
        checked.peppers,
        secrets,
        &clock,
        &metrics,
    );
    let services = Arc::new(services);
    let readiness = Arc::new(Readiness::with_stores(stores.names()));
    Ok(Parts {
        allowed: checked.allowed,
        watch: Watch::new(
            &stores,
            Arc::clone(&limits),
            (&services, &readiness),
            shared_clock,
        ),
        settlements,
        shipper: Shipper {
            journal: stores.journal,
            ledger: stores.ledger,
            limits: ShippedTo::Shared(Arc::clone(&limits)),
            keys: stores.keys,
            observer: metrics.clone(),
            clock,
        },
        services,
        metrics,
        readiness,
    })
}

// Counters in Redis, and this replica's own while it is away.
fn limits(
    settings: &Settings,
    stores: &Stores,
    calendar: Calendar,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> SharedLimits {
    let shared = RedisAdmission::new(stores.redis.clone(), calendar.clone());
    let when = match settings.limits.when_unavailable {
        LimitsWhenUnavailable::Local => WhenUnavailable::Local,
        LimitsWhenUnavailable::Refuse => WhenUnavailable::Refuse,
        LimitsWhenUnavailable::Allow => WhenUnavailable::Allow,
    };
    SharedLimits::new(
        Arc::new(shared),
        when,
        calendar,
        Arc::clone(clock),
        metrics.clone(),
    )
}

// What a request needs on its way.
fn requests(
    settings: &Settings,
    stores: &Stores,
    limits: &Arc<SharedLimits>,
    peppers: Vec<Pepper>,
    secrets: RefResolver,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> (Services, mpsc::Receiver<Settlement>) {
    let (keys, users) = (Arc::clone(&stores.keys), Arc::clone(&stores.users));
    let default_url = settings.upstream.default_url.as_ref().map(|url| url.0.clone());
    let (sender, settlements) = mpsc::channel(settings.gateway.max_in_flight);
    let services = Services {
        keys: Arc::new(KeyLookup::new(
            keys,
            users,
            peppers,
            Arc::clone(clock),
            metrics.clone(),
        )),
        failures: Arc::default(),
        catalog: Arc::new(Catalog::new(Arc::clone(&stores.models), default_url)),
        answers: Arc::clone(&stores.answers),
        secrets: Arc::new(secrets),
        limits: Arc::new(StandingLimits::new(
            settings.limits.policy(),
            Arc::clone(&stores.limits),
        )),
        admission: limits.clone(),
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
