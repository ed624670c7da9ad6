//! Serves the REST API until a signal.

use std::process::ExitCode;
use std::sync::Arc;

use llmgw_admin_http::{Admin, routes};
use llmgw_boot::config::Fault;
use llmgw_boot::{
    Background, Failure, Listener, Metrics, Readiness, Running, Signals, health_routes, serve_few,
};
use llmgw_keys::{AdminKey, KeyText};
use llmgw_store_redis::RedisFeed;
use llmgw_stores::Looks;
use llmgw_types::ExposeSecret;

use crate::open::Checked;
use crate::output;
use crate::settings::Loaded;

/// Serves until a signal.
pub(crate) fn run(loaded: &Loaded, standalone: bool, json: bool) -> Result<ExitCode, Failure> {
    if standalone {
        let what =
            "--data: llm-gateway-standalone serves its administration itself; see --admin-listen there";
        return Err(what.to_owned().into());
    }
    let _log = loaded.start_logging()?;
    let checked = Checked::check(loaded, false)?;
    let key = admin_key(loaded, &checked).map_err(|fault| loaded.blame(&fault))?;
    actix_rt::System::new().block_on(serve(loaded, checked, key, json))
}

fn admin_key(loaded: &Loaded, checked: &Checked) -> Result<AdminKey, Fault> {
    let text = loaded.settings.admin.secret()?.ok_or_else(|| {
        Fault::new(
            "admin.key",
            "is not set; set it, admin.key_file or ADMIN_KEY to 16 visible characters or more, as \
             `openssl rand -hex 32` makes them",
        )
    })?;
    let key = KeyText::import(text.expose_secret())
        .map_err(|_| Fault::new("admin.key", "must have 16 to 256 visible characters"))?;
    let peppers = checked.peppers().to_vec();
    let newest = peppers
        .first()
        .ok_or_else(|| Fault::new("keys.pepper_file", "there is no pepper in it"))?;
    let hash = newest.hash(&key);
    Ok(AdminKey::new(peppers, hash))
}

async fn serve(loaded: &Loaded, checked: Checked, key: AdminKey, json: bool) -> Result<ExitCode, Failure> {
    let settings = &loaded.settings.admin;
    let listener = Listener::open(settings.listen, "admin.listen")?;
    let health = Listener::open(settings.health_listen, "admin.health_listen")?;
    let mut signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let (admin, looks, readiness) = build(loaded, checked)?;
    let begun = looks.begin().await;
    begun.map_err(|fault| loaded.blame(&fault))?;
    let at = (listener.address(), health.address());
    let servers = start(listener, health, (admin, key), &readiness)?;
    let mut background = Background::start("background", move || async move { looks.keep().await })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    readiness.allow();
    output::serving(at, json);
    let well = tokio::select! {
        _ = signals.next() => true,
        () = background.over() => false,
    };
    readiness.stop();
    let stopped = async {
        for server in servers {
            server.stop().await;
        }
    };
    tokio::select! {
        () = stopped => {}
        code = signals.next() => return Ok(ExitCode::from(code)),
    }
    if well {
        return Ok(ExitCode::SUCCESS);
    }
    Err("the background work ended by itself; see the log"
        .to_owned()
        .into())
}

fn build(loaded: &Loaded, checked: Checked) -> Result<(Arc<Admin>, Looks, Arc<Readiness>), Failure> {
    let redis = checked
        .redis()
        .cloned()
        .ok_or_else(|| "there is no Redis".to_owned())?;
    let built = checked.build(loaded, Arc::new(RedisFeed::new(redis.clone())))?;
    let names: &[&str] = if built.mongo.is_some() {
        &["redis", "mongo"]
    } else {
        &["redis"]
    };
    let readiness = Arc::new(Readiness::with_stores(names));
    let looks = Looks::new(redis, built.mongo, Arc::clone(&readiness));
    Ok((Arc::new(built.admin), looks, readiness))
}

fn start(
    listener: Listener,
    health: Listener,
    (admin, key): (Arc<Admin>, AdminKey),
    readiness: &Arc<Readiness>,
) -> Result<Vec<Running>, String> {
    let (readiness, metrics) = (Arc::clone(readiness), Arc::new(Metrics::default()));
    let api = serve_few(listener, move |config| {
        routes(Arc::clone(&admin), key.clone())(config);
    });
    let health = serve_few(health, move |config| {
        health_routes(Arc::clone(&readiness), Arc::clone(&metrics))(config);
    });
    let failed = |error| format!("cannot serve: {error}");
    Ok(vec![api.map_err(failed)?, health.map_err(failed)?])
}
