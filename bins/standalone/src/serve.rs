//! Starts, serves, stops.

use std::sync::Arc;

use llmgw_boot::{Readiness, health_routes, terminated};
use llmgw_keys::KeyText;
use llmgw_usage::admission::reconcile;

use crate::args::Args;
use crate::data_dir::DataDir;
use crate::first_start::first_key;
use crate::greeting::Greeting;
use crate::servers::{self, Running};
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::upstreams;
use crate::wire::{self, Parts, chain};

/// Runs the whole program.
pub(crate) async fn run(args: &Args, settings: Settings) -> Result<(), String> {
    let data = DataDir::open(&args.data)?;
    if data.shared() {
        tracing::warn!("another process serves this data folder: each holds limits by itself");
    }
    let parts = wire::build(&settings, &data, args.new_admin_key)?;
    let key = prepare(args, &parts).await?;
    let Parts { services, settlements, admin, new_admin_key, shipper, metrics, .. } = parts;

    let connect_timeout = settings.upstream.connect_timeout.0;
    let tasks = Tasks::start(Arc::clone(&services), connect_timeout, settlements, shipper)?;
    let readiness = Arc::new(Readiness::default());
    let api = servers::api(&settings, &services)?;
    let admin = servers::small(settings.admin.listen, "admin.listen", {
        move |config| llmgw_admin_http::routes(Arc::clone(&admin))(config)
    })?;
    let health = servers::small(settings.gateway.health_listen, "gateway.health_listen", {
        let readiness = Arc::clone(&readiness);
        move |config| health_routes(Arc::clone(&readiness), Arc::clone(&metrics))(config)
    })?;

    let models = services.catalog.list().iter().map(|served| served.model.id.clone()).collect();
    let (api_at, admin_at, health_at) = (api.address(), admin.address(), health.address());
    let running = [api, admin, health].map(Running::spawn);
    readiness.set(true);
    let greeting =
        Greeting { api: api_at, admin: admin_at, health: health_at, key, admin_key: new_admin_key, models };
    if args.json { greeting.print_json() } else { greeting.print_text() }

    terminated().await.map_err(|error| format!("cannot listen for signals: {error}"))?;
    readiness.set(false);
    tracing::info!(running = services.live.len(), "stopping");
    for server in running {
        server.stop().await;
    }
    tasks.stop().await
}

// Everything that must be true before the first request: the ledger has what earlier processes left, limits
// know of it, models are there, and there is a key.
async fn prepare(args: &Args, parts: &Parts) -> Result<Option<KeyText>, String> {
    let now = parts.services.clock.now();
    let failed = |what: &'static str| move |error: &dyn std::error::Error| format!("{what}: {}", chain(error));
    parts.shipper.ship_all().await.map_err(|error| failed("cannot take the journal to the ledger")(&error))?;
    reconcile::rebuild(&*parts.services.admission, &*parts.admin.ledger, &parts.calendar, now)
        .await
        .map_err(|error| failed("cannot count what was used")(&error))?;
    upstreams::keep(&parts.admin.models, &args.upstreams, now)
        .await
        .map_err(|error| failed("--upstream")(&error))?;
    parts.services.catalog.refresh().await.map_err(|error| failed("cannot read models")(&error))?;
    first_key(&parts.admin.keys, now).await.map_err(|error| failed("cannot make a key")(&error))
}
