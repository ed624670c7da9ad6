//! Starts, serves, stops.

use std::process::ExitCode;
use std::sync::Arc;

use llmgw_boot::{OsEntropy, Signals};
use llmgw_usage::admission::reconcile;

use crate::args::Args;
use crate::data_dir::DataDir;
use crate::failure::{Failure, chain};
use crate::first_start;
use crate::greeting::Greeting;
use crate::secrets::Secrets;
use crate::servers::Listeners;
use crate::serving::Serving;
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::upstreams;
use crate::wire::{self, Parts};

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
    let parts = wire::build(settings, &data, &peppers, upstream)?;
    prepare(args, &parts).await?;
    let Parts {
        services,
        settlements,
        admin,
        shipper,
        metrics,
        ..
    } = parts;
    let connect_timeout = settings.upstream.connect_timeout.0;
    let tasks = Tasks::start(Arc::clone(&services), connect_timeout, settlements, shipper)?;

    let models = services.catalog.list();
    let model = models.first().map(|served| served.model.id.clone());
    let at = listeners.addresses();
    let now = services.clock.now();
    let kept = first_start::admin_key(admin_key.as_ref(), &data, peppers, args.new_admin_key)?;
    let keys = first_start::keys(&data, &admin.keys, kept, now).await?;
    let serving = Serving::start(settings, listeners, services, (admin, keys.admin), metrics, tasks)?;
    let greeting = Greeting {
        at,
        key: keys.new_key,
        admin_key: keys.new_admin_key,
        model,
    };
    greeting.print(args.json);
    serving.until_stopped(settings, signals).await
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
        .map_err(|error| failed("cannot read models")(&error))
}
