//! Health and metrics, on a listener of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, Responder};

use crate::Metrics;

/// Whether requests should be sent here.
#[derive(Debug, Default)]
pub struct Readiness(AtomicBool);

impl Readiness {
    /// Says whether they should.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::SeqCst);
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
    if readiness.0.load(Ordering::SeqCst) {
        HttpResponse::Ok().body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable().body("not ready\n")
    }
}

async fn metrics_text(metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(metrics.text())
}
