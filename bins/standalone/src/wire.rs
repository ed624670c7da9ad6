//! Puts the parts together. The only place that names concrete adapters.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use async_trait::async_trait;
use llmgw_admin_http::Admin;
use llmgw_boot::shipper::Shipper;
use llmgw_boot::{LocalFeed, Metrics, OsEntropy, RefResolver, SystemClock};
use llmgw_journal_file::FileJournal;
use llmgw_keys::{AdminKey, KeyLookup, KeyService, KeyText};
use llmgw_models::{Catalog, ModelService};
use llmgw_proxy::stage::settle::Settlement;
use llmgw_proxy::{Buffers, Live, Offload, Services, Slots};
use llmgw_store_sqlite::SqliteStore;
use llmgw_types::{ChangeFeed, Clock, Entropy};
use llmgw_usage::admission::{Calendar, MemoryAdmission};
use llmgw_usage::journal::UsageJournal;
use tokio::sync::mpsc;

use crate::data_dir::DataDir;
use crate::settings::Settings;

/// How long a reservation lives unless renewed. This process's limits die with it, so nothing waits for it.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// The parts, put together.
pub(crate) struct Parts {
    pub(crate) services: Arc<Services>,
    pub(crate) settlements: mpsc::Receiver<Settlement>,
    pub(crate) admin: Arc<Admin>,
    pub(crate) new_admin_key: Option<KeyText>,
    pub(crate) shipper: Shipper,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) calendar: Calendar,
}

/// Opens the stores in `data` and builds everything on them.
pub(crate) fn build(settings: &Settings, data: &DataDir, anew: bool) -> Result<Parts, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let metrics = Arc::new(Metrics::default());
    let calendar = Calendar::named(&settings.limits.timezone).map_err(|error| format!("limits.timezone: {error}"))?;
    let store = open_store(settings, data)?;
    let journal = open_journal(settings, data)?;
    let admission = Arc::new(MemoryAdmission::unready(calendar.clone()));

    let peppers = data.peppers(&*entropy)?;
    let pepper = peppers.first().ok_or("there is no pepper")?.clone();
    let (admin_key, new_admin_key) = match settings.admin.secret()? {
        Some(text) => {
            use llmgw_types::ExposeSecret;
            let key = AdminKey::from_text(pepper.clone(), text.expose_secret());
            (key.map_err(|error| format!("admin.key: {error}"))?, None)
        }
        None => data.admin_key(&pepper, &*entropy, anew)?,
    };

    let lookup = Arc::new(KeyLookup::new(store.keys(), store.users(), peppers));
    let default_url = settings.upstream.default_url.as_ref().map(|url| url.0.clone());
    let catalog = Arc::new(Catalog::new(store.models(), default_url));
    let feed: Arc<dyn ChangeFeed> = Arc::new(LocalFeed::new(Arc::clone(&lookup), Arc::clone(&catalog)));
    let secrets_dir = settings.secrets.dir.clone().unwrap_or_else(|| data.secrets());
    let secrets = RefResolver::new(settings.upstream.secret()?, Some(secrets_dir), Arc::clone(&clock));

    let (sender, settlements) = mpsc::channel(settings.gateway.max_in_flight.max(1));
    let services = Arc::new(Services {
        keys: lookup,
        catalog,
        secrets: Arc::new(secrets),
        admission: admission.clone(),
        journal: journal.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        observer: metrics.clone(),
        offload: Arc::new(BlockingPool),
        settlements: sender,
        live: Arc::new(Live::default()),
        slots: Arc::new(Slots::default()),
        buffers: Arc::new(Buffers::new(settings.gateway.max_buffered.0)),
        settings: llmgw_proxy::Settings {
            max_body: settings.gateway.max_body.0,
            lease: LEASE,
            journal_when_full: settings.when_full(),
            limits: settings.policy(),
        },
    });
    let admin = Arc::new(Admin {
        keys: KeyService::new(store.keys(), store.users(), pepper, Arc::clone(&feed), entropy),
        models: ModelService::new(store.models(), feed),
        users: store.users(),
        ledger: store.ledger(),
        clock: Arc::clone(&clock),
        key: admin_key,
    });
    let shipper = Shipper {
        journal,
        ledger: store.ledger(),
        admission,
        keys: store.keys(),
        observer: metrics.clone(),
        clock,
    };
    Ok(Parts { services, settlements, admin, new_admin_key, shipper, metrics, calendar })
}

fn open_store(settings: &Settings, data: &DataDir) -> Result<SqliteStore, String> {
    let reports_timezone = jiff::tz::TimeZone::get(&settings.reports.timezone)
        .map_err(|error| format!("reports.timezone: {error}"))?;
    let options = llmgw_store_sqlite::Options { reports_timezone };
    let path = data.store();
    SqliteStore::open(&path, options).map_err(|error| format!("cannot open {}: {}", path.display(), chain(&error)))
}

fn open_journal(settings: &Settings, data: &DataDir) -> Result<Arc<dyn UsageJournal>, String> {
    let dir = settings.journal.dir.clone().unwrap_or_else(|| data.journal());
    let options = llmgw_journal_file::Options {
        max_bytes: settings.journal.max_size.map(|size| size.0 as u64),
        ..llmgw_journal_file::Options::default()
    };
    let journal = FileJournal::open_dir(&dir, options)
        .map_err(|error| format!("cannot open the journal in {}: {}", dir.display(), chain(&error)))?;
    Ok(journal)
}

/// An error and its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

// actix's pool of threads for work that blocks.
struct BlockingPool;

#[async_trait]
impl Offload for BlockingPool {
    async fn run(&self, work: Box<dyn FnOnce() + Send>) {
        if web::block(work).await.is_err() {
            tracing::warn!("the process ends; work was dropped");
        }
    }
}
