//! Under which names the figures are known.

use std::sync::OnceLock;

use llmgw_types::Endpoint;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::models::Models;
use super::{Metrics, REQUEST_SECONDS, STORE_SECONDS};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            models: Models::default(),
            in_flight: Gauge::default(),
            duration: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            durations: Endpoint::ALL.map(|endpoint| (endpoint.as_str(), OnceLock::new())),
            errors: Family::default(),
            limits_refused: Family::default(),
            store_duration: Family::new_with_constructor(|| Histogram::new(STORE_SECONDS)),
            store_up: Family::default(),
            breaker_open: Family::default(),
            ready: Gauge::default(),
            journal_records: Gauge::default(),
            journal_size: Gauge::default(),
        };
        let mut registry = Registry::default();
        metrics.conventional(registry.sub_registry_with_prefix("gen_ai_server"));
        metrics.ours(registry.sub_registry_with_prefix("llmgw"));
        metrics.registry = registry;
        metrics
    }
}

impl Metrics {
    // As OpenTelemetry names them.
    fn conventional(&self, r: &mut Registry) {
        r.register_with_unit(
            "request_duration",
            "From a request's head to the end of its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        r.register_with_unit(
            "time_to_first_token",
            "From a streamed request's head to the first byte of its answer",
            Unit::Seconds,
            self.models.first_token.clone(),
        );
        r.register_with_unit(
            "time_per_output_token",
            "Between two tokens of a stream, in the mean of the stream",
            Unit::Seconds,
            self.models.per_token.clone(),
        );
    }

    fn ours(&self, r: &mut Registry) {
        let build = Family::<Build, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&Build { version }).set(1);
        r.register("build_info", "Which version this is; always 1", build);
        r.register(
            "ready",
            "Whether requests should be sent here",
            self.ready.clone(),
        );
        r.register(
            "requests_in_flight",
            "Admitted requests that run",
            self.in_flight.clone(),
        );
        r.register(
            "requests",
            "Admitted requests that ended, by who made them fail",
            self.models.requests.clone(),
        );
        r.register("tokens", "Tokens settled, by type", self.models.tokens.clone());
        r.register(
            "cost",
            "Cost settled, in the configured currency",
            self.models.cost.clone(),
        );
        r.register(
            "errors",
            "Errors of the gateway's own, sent instead of an answer",
            self.errors.clone(),
        );
        r.register(
            "limits_refused",
            "Requests that a limit had no room for",
            self.limits_refused.clone(),
        );
        self.stores(r);
    }

    fn stores(&self, r: &mut Registry) {
        r.register_with_unit(
            "store_call_duration",
            "How long stores took to answer",
            Unit::Seconds,
            self.store_duration.clone(),
        );
        r.register("store_up", "Whether a store answers", self.store_up.clone());
        r.register(
            "breaker_open",
            "Whether requests go without a store",
            self.breaker_open.clone(),
        );
        r.register(
            "journal_lag_records",
            "Ended requests whose record is not yet in the ledger",
            self.journal_records.clone(),
        );
        r.register_with_unit(
            "journal_size",
            "Disk space of the journal",
            Unit::Bytes,
            self.journal_size.clone(),
        );
    }
}
