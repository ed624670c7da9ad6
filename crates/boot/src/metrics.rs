//! What happened, as Prometheus reads it. Names follow Prometheus, and OpenTelemetry's conventions for generative AI
//! where these have one. Labels are few: never a user, never a key, and no more than 128 models, so that there
//! are never more than 5,000 series.

mod models;
mod registered;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use llmgw_types::{Endpoint, Event, Observer};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use models::Models;

/// Upper bounds in seconds: from a cached embedding to a long answer.
const REQUEST_SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0,
];

/// Upper bounds in seconds: from a counter in Redis to a store that answers late.
const STORE_SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.25, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    code: &'static str,
    blame: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rule {
    subject: &'static str,
    unit: &'static str,
    window: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    endpoint: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    store: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Store {
    store: &'static str,
}

type Histograms<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

/// Counts events.
pub struct Metrics {
    registry: Registry,
    models: Models,
    in_flight: Gauge,
    duration: Histograms<Served>,
    // The same, found without a lock or a hash; made by the first request of an endpoint.
    durations: [(&'static str, OnceLock<Histogram>); Endpoint::ALL.len()],
    errors: Family<Failed, Counter>,
    limits_refused: Family<Rule, Counter>,
    store_duration: Histograms<Called>,
    store_up: Family<Store, Gauge>,
    breaker_open: Family<Store, Gauge>,
    ready: Gauge,
    journal_records: Gauge<u64, AtomicU64>,
    journal_size: Gauge<u64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// All figures in OpenMetrics text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn took(&self, endpoint: &'static str, duration: Duration) {
        if let Some((_, made)) = self.durations.iter().find(|(known, _)| *known == endpoint) {
            made.get_or_init(|| self.duration.get_or_create(&Served { endpoint }).clone())
                .observe(duration.as_secs_f64());
        }
    }

    /// Says whether requests should be sent here.
    pub(crate) fn ready(&self, ready: bool) {
        self.ready.set(ready.into());
    }

    /// Says whether a store answers.
    pub(crate) fn store_up(&self, store: &'static str, up: bool) {
        self.store_up.get_or_create(&Store { store }).set(up.into());
    }
}

impl Observer for Metrics {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::RequestStarted => {
                self.in_flight.inc();
            }
            Event::RequestEnded(ended) => {
                self.in_flight.dec();
                self.took(ended.endpoint, ended.duration);
                self.models.ended(ended);
            }
            Event::RequestFailed { code, blame } => {
                let blame = blame.as_str();
                self.errors.get_or_create(&Failed { code, blame }).inc();
            }
            Event::LimitRefused {
                subject,
                unit,
                window,
            } => {
                let rule = Rule {
                    subject,
                    unit,
                    window,
                };
                self.limits_refused.get_or_create(&rule).inc();
            }
            Event::StoreCalled {
                store,
                answered,
                took,
            } => {
                let outcome = if *answered { "answered" } else { "failed" };
                self.store_duration
                    .get_or_create(&Called { store, outcome })
                    .observe(took.as_secs_f64());
            }
            Event::Breaker { store, open } => {
                self.breaker_open
                    .get_or_create(&Store { store })
                    .set((*open).into());
            }
            Event::JournalLag { records, bytes } => {
                self.journal_records.set(*records);
                self.journal_size.set(*bytes);
            }
        }
    }
}
