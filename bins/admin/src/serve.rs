//! Serves the REST API and the pages until a signal.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use llmgw_admin_http::{Admin, CookieKey, Doors, routes};
use llmgw_boot::{
    Background, Failure, Listener, Metrics, Readiness, Running, Signals, health_routes, serve_few,
};
use llmgw_keys::AdminKey;
use llmgw_store_redis::{RedisFeed, RedisOneTime};
use llmgw_stores::Looks;

use crate::open::Checked;
use crate::settings::Loaded;
use crate::{entrance, output};

type Keys = (AdminKey, CookieKey);

/// Serves until a signal.
pub(crate) fn run(loaded: &Loaded, standalone: bool, json: bool) -> Result<ExitCode, Failure> {
    if standalone {
        let what =
            "--data: llm-gateway-standalone serves its administration itself; see --admin-listen there";
        return Err(what.to_owned().into());
    }
    let _log = loaded.start_logging()?;
    let checked = Checked::check(loaded, false)?;
    let blamed = |fault| loaded.blame(&fault);
    entrance::check(&loaded.settings.admin).map_err(blamed)?;
    let keys = entrance::keys(&loaded.settings.admin, checked.peppers()).map_err(blamed)?;
    actix_rt::System::new().block_on(serve(loaded, checked, keys, json))
}

async fn serve(loaded: &Loaded, checked: Checked, keys: Keys, json: bool) -> Result<ExitCode, Failure> {
    let settings = &loaded.settings.admin;
    let listener = Listener::open(settings.listen, "admin.listen")?;
    let health = Listener::open(settings.health_listen, "admin.health_listen")?;
    let mut signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let Parts {
        admin,
        doors,
        looks,
        readiness,
    } = build(loaded, checked, keys, listener.address())?;
    let begun = looks.begin().await;
    begun.map_err(|fault| loaded.blame(&fault))?;
    let at = (listener.address(), health.address());
    let origin = doors.origin.clone();
    let servers = start(listener, health, (admin, doors), &readiness)?;
    let mut background = Background::start("background", move || async move { looks.keep().await })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    readiness.allow();
    output::serving(at, &origin, json);
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

struct Parts {
    admin: Arc<Admin>,
    doors: Arc<Doors>,
    looks: Looks,
    readiness: Arc<Readiness>,
}

fn build(loaded: &Loaded, checked: Checked, keys: Keys, at: SocketAddr) -> Result<Parts, Failure> {
    let redis = checked
        .redis()
        .cloned()
        .ok_or_else(|| "there is no Redis".to_owned())?;
    let once = Arc::new(RedisOneTime::new(redis.clone()));
    let doors = entrance::doors(&loaded.settings.admin, at, keys, once);
    let doors = doors.map_err(|fault| loaded.blame(&fault))?;
    let built = checked.build(loaded, Arc::new(RedisFeed::new(redis.clone())))?;
    let names: &[&str] = if built.mongo.is_some() {
        &["redis", "mongo"]
    } else {
        &["redis"]
    };
    let readiness = Arc::new(Readiness::with_stores(names));
    Ok(Parts {
        admin: Arc::new(built.admin),
        doors: Arc::new(doors),
        looks: Looks::new(redis, built.mongo, Arc::clone(&readiness)),
        readiness,
    })
}

fn start(
    listener: Listener,
    health: Listener,
    (admin, doors): (Arc<Admin>, Arc<Doors>),
    readiness: &Arc<Readiness>,
) -> Result<Vec<Running>, String> {
    let (readiness, metrics) = (Arc::clone(readiness), Arc::new(Metrics::default()));
    let api = serve_few(listener, move |config| {
        routes(Arc::clone(&admin), Arc::clone(&doors))(config);
    });
    let health = serve_few(health, move |config| {
        health_routes(Arc::clone(&readiness), Arc::clone(&metrics))(config);
    });
    let failed = |error| format!("cannot serve: {error}");
    Ok(vec![api.map_err(failed)?, health.map_err(failed)?])
}
