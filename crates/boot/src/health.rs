//! Health and metrics, on a listener of their own. Nothing here asks a store: who works with one says how it is.

mod ask;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use tokio::sync::watch;

pub use self::ask::ask_ready;
use crate::Metrics;

/// Whether requests should be sent here, and which stores answer.
#[derive(Debug, Default)]
pub struct Readiness {
    allowed: watch::Sender<bool>,
    stopping: AtomicBool,
    stores: Vec<Store>,
}

#[derive(Debug)]
struct Store {
    name: &'static str,
    here: AtomicBool,
}

impl Readiness {
    /// Not ready, and these stores away.
    #[must_use]
    pub fn with_stores(names: &[&'static str]) -> Self {
        let away = |name: &&'static str| Store {
            name,
            here: AtomicBool::new(false),
        };
        Self {
            stores: names.iter().map(away).collect(),
            ..Self::default()
        }
    }

    /// There is something to serve.
    pub fn allow(&self) {
        self.allowed
            .send_if_modified(|allowed| !std::mem::replace(allowed, true));
    }

    /// Nothing new is to be sent here any more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Waits until there is something to serve.
    pub async fn can_serve(&self) {
        // The sender lives as long as this.
        let _ = self.allowed.subscribe().wait_for(|allowed| *allowed).await;
    }

    /// Says whether a store answers; returns whether that is news. An unknown name is passed over.
    pub fn store(&self, name: &str, here: bool) -> bool {
        let store = self.stores.iter().find(|store| store.name == name);
        store.is_some_and(|store| store.here.swap(here, Ordering::SeqCst) != here)
    }

    fn count(&self, metrics: &Metrics) {
        metrics.ready(*self.allowed.borrow() && !self.stopping.load(Ordering::SeqCst));
        for store in &self.stores {
            metrics.store_up(store.name, store.here.load(Ordering::SeqCst));
        }
    }

    /// The answer to `/health/ready`: whether requests should be sent here, and a line for each store.
    fn tell(&self) -> (bool, String) {
        let (stopping, allowed) = (self.stopping.load(Ordering::SeqCst), *self.allowed.borrow());
        let mut text = match (stopping, allowed) {
            (true, _) => "not ready: stopping\n",
            (false, false) => "not ready: no models are known yet\n",
            (false, true) => "ready\n",
        }
        .to_owned();
        for store in &self.stores {
            let state = if store.here.load(Ordering::SeqCst) {
                "ok"
            } else {
                "away"
            };
            // Writing to a text does not fail.
            let _ = writeln!(text, "{}: {state}", store.name);
        }
        (allowed && !stopping, text)
    }
}

/// Adds `GET /health/live`, `/health/ready` and `/metrics`.
pub fn routes(readiness: Arc<Readiness>, metrics: Arc<Metrics>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(Data::from(readiness))
            .app_data(Data::from(metrics))
            .route("/health/live", web::get().to(live))
            .route("/health/ready", web::get().to(ready))
            .route("/metrics", web::get().to(metrics_text));
    }
}

async fn live() -> impl Responder {
    "alive\n"
}

async fn ready(readiness: Data<Readiness>) -> HttpResponse {
    match readiness.tell() {
        (true, text) => HttpResponse::Ok().body(text),
        (false, text) => HttpResponse::ServiceUnavailable().body(text),
    }
}

async fn metrics_text(readiness: Data<Readiness>, metrics: Data<Metrics>) -> HttpResponse {
    readiness.count(&metrics);
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_that_are_away_are_named_and_keep_nobody_from_serving() {
        let readiness = Readiness::with_stores(&["redis", "mongo"]);
        assert!(readiness.store("mongo", true) && !readiness.store("mongo", true));
        assert!(!readiness.store("other", true));
        assert!(!readiness.tell().0);
        readiness.allow();
        assert_eq!(
            readiness.tell(),
            (true, "ready\nredis: away\nmongo: ok\n".to_owned())
        );
        readiness.stop();
        readiness.allow();
        assert!(!readiness.tell().0, "who stops is not ready again");
    }
}
