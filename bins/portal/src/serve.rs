//! Starts, serves, stops.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use llmgw_boot::{
    Background, Failure, Listener, Metrics, Running, Signals, chain, health_routes, serve_few, serve_pages,
};
use llmgw_portal_http::{Portal, SignIn, routes};

use crate::checked::Checked;
use crate::output;
use crate::settings::Loaded;
use crate::wire::{self, Parts};

/// How long the link of a local login is good for.
const LINK_LASTS: Duration = Duration::from_hours(24);

/// Serves until a signal.
pub(crate) fn run(loaded: &Loaded, json: bool) -> Result<ExitCode, Failure> {
    let _log = loaded.start_logging()?;
    let checked = Checked::check(loaded)?;
    actix_rt::System::new().block_on(serve(loaded, checked, json))
}

async fn serve(loaded: &Loaded, checked: Checked, json: bool) -> Result<ExitCode, Failure> {
    let settings = &loaded.settings;
    let listener = Listener::open(settings.portal.listen, "portal.listen")?;
    let health = Listener::open(settings.portal.health_listen, "portal.health_listen")?;
    let mut signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let parts = wire::build(settings, checked)?;
    let begun = parts.looks.begin().await;
    begun.map_err(|fault| loaded.layers.blame(&fault))?;
    if let Some((source, known)) = &parts.metadata {
        source.refresh(known, parts.portal.clock.now()).await;
    }
    let link = link(&parts.portal).await?;
    let at = (listener.address(), health.address());
    let (portal, readiness) = (Arc::clone(&parts.portal), Arc::clone(&parts.readiness));
    let servers = start(&parts, listener, health)?;
    let mut background = Background::start("background", move || background(parts))
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    readiness.allow();
    output::serving(at, &portal.site.origin, link.as_deref(), json);
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
        Ok(ExitCode::SUCCESS)
    } else {
        Err("the background work ended by itself; see the log"
            .to_owned()
            .into())
    }
}

async fn link(portal: &Portal) -> Result<Option<String>, Failure> {
    match portal.sign_in {
        SignIn::Saml(_) => Ok(None),
        SignIn::Local => {
            let link = portal.local_link(LINK_LASTS).await;
            let failed = |error| format!("cannot keep the link to sign in with: {}", chain(&error));
            link.map(Some).map_err(|error| failed(error).into())
        }
    }
}

fn start(parts: &Parts, listener: Listener, health: Listener) -> Result<Vec<Running>, String> {
    let (portal, cookies) = (Arc::clone(&parts.portal), parts.cookies.clone());
    let pages = serve_pages(listener, move |config| {
        routes(Arc::clone(&portal), cookies.clone())(config);
    });
    let (readiness, metrics) = (Arc::clone(&parts.readiness), Arc::new(Metrics::default()));
    let health = serve_few(health, move |config| {
        health_routes(Arc::clone(&readiness), Arc::clone(&metrics))(config);
    });
    let failed = |error| format!("cannot serve: {error}");
    Ok(vec![pages.map_err(failed)?, health.map_err(failed)?])
}

// Never ends.
async fn background(parts: Parts) {
    let metadata = async {
        match parts.metadata {
            Some((source, known)) => source.keep(known, Arc::clone(&parts.portal.clock)).await,
            None => std::future::pending().await,
        }
    };
    tokio::join!(parts.looks.keep(), metadata);
}
