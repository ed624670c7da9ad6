//! What happened, as Prometheus reads it. Labels are few: never a user, never a key.

use std::fmt;
use std::sync::atomic::AtomicU64;

use llmgw_types::{Event, Observer, TokenUsage};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds in seconds: from a cached embedding to a long answer.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    model: String,
    endpoint: &'static str,
    end: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    model: String,
    endpoint: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tokens {
    model: String,
    kind: &'static str,
}

type SecondsHistogram = Family<Served, Histogram, fn() -> Histogram>;

/// Counts events.
pub struct Metrics {
    registry: Registry,
    in_flight: Gauge,
    requests: Family<Ended, Counter>,
    refused: Family<Refused, Counter>,
    duration: SecondsHistogram,
    first_byte: SecondsHistogram,
    tokens: Family<Tokens, Counter>,
    lag_records: Gauge<u64, AtomicU64>,
    lag_bytes: Gauge<u64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("llmgw"),
            in_flight: Gauge::default(),
            requests: Family::default(),
            refused: Family::default(),
            duration: Family::new_with_constructor(seconds),
            first_byte: Family::new_with_constructor(seconds),
            tokens: Family::default(),
            lag_records: Gauge::default(),
            lag_bytes: Gauge::default(),
        };
        metrics.register();
        metrics
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

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register(
            "requests_in_flight",
            "Admitted requests that run",
            self.in_flight.clone(),
        );
        r.register("requests", "Admitted requests that ended", self.requests.clone());
        r.register(
            "requests_refused",
            "Requests that got an error before an answer began",
            self.refused.clone(),
        );
        r.register_with_unit(
            "request_duration",
            "From a request's head to the end of its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        r.register_with_unit(
            "time_to_first_byte",
            "From a request's head to the first byte of its answer",
            Unit::Seconds,
            self.first_byte.clone(),
        );
        r.register("tokens", "Tokens settled, by kind", self.tokens.clone());
        r.register(
            "journal_lag_records",
            "Ended requests whose record is not yet in the ledger",
            self.lag_records.clone(),
        );
        r.register_with_unit(
            "journal_size",
            "Disk space of the journal",
            Unit::Bytes,
            self.lag_bytes.clone(),
        );
    }

    fn add_tokens(&self, model: &str, usage: &TokenUsage) {
        let kinds = [
            ("prompt", usage.prompt),
            ("cached", usage.cached),
            ("completion", usage.completion),
            ("reasoning", usage.reasoning),
        ];
        for (kind, count) in kinds.into_iter().filter(|(_, count)| *count > 0) {
            self.tokens
                .get_or_create(&Tokens {
                    model: model.to_owned(),
                    kind,
                })
                .inc_by(count);
        }
    }
}

impl Observer for Metrics {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::RequestStarted => {
                self.in_flight.inc();
            }
            Event::RequestEnded {
                model,
                endpoint,
                end,
                status,
                duration,
                time_to_first_byte,
                tokens,
            } => {
                self.in_flight.dec();
                let ended = Ended {
                    model: (*model).to_owned(),
                    endpoint,
                    end,
                    status: *status,
                };
                self.requests.get_or_create(&ended).inc();
                let served = Served {
                    model: ended.model,
                    endpoint,
                };
                self.duration
                    .get_or_create(&served)
                    .observe(duration.as_secs_f64());
                if let Some(time) = time_to_first_byte {
                    self.first_byte.get_or_create(&served).observe(time.as_secs_f64());
                }
                self.add_tokens(model, tokens);
            }
            Event::RequestRefused { code } => {
                self.refused.get_or_create(&Refused { code }).inc();
            }
            Event::JournalLag { records, bytes } => {
                self.lag_records.set(*records);
                self.lag_bytes.set(*bytes);
            }
        }
    }
}
