//! What happened, as Prometheus reads it. Labels are few: never a user, never a key.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;
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

/// The figures that a request of one kind adds to when it ends. Found by one look-up; the families would hash
/// labels for each of them.
struct OfKind {
    endpoint: &'static str,
    end: &'static str,
    status: u16,
    requests: Counter,
    duration: Histogram,
    first_byte: Histogram,
    tokens: [Counter; KINDS.len()],
}

const KINDS: [&str; 4] = ["prompt", "cached", "completion", "reasoning"];

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
    // By model.
    kinds: RwLock<HashMap<String, Vec<Arc<OfKind>>>>,
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
            kinds: RwLock::default(),
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

    fn kind(&self, model: &str, endpoint: &'static str, end: &'static str, status: u16) -> Arc<OfKind> {
        let find = |kinds: &HashMap<String, Vec<Arc<OfKind>>>| {
            let known = kinds
                .get(model)?
                .iter()
                .find(|kind| kind.status == status && kind.endpoint == endpoint && kind.end == end);
            known.map(Arc::clone)
        };
        let known = find(&self.kinds.read().unwrap_or_else(PoisonError::into_inner));
        known.unwrap_or_else(|| {
            let kind = Arc::new(self.make_kind(model, endpoint, end, status));
            let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
            kinds.entry(model.to_owned()).or_default().push(Arc::clone(&kind));
            kind
        })
    }

    // Twice made, both add to the same figures.
    fn make_kind(&self, model: &str, endpoint: &'static str, end: &'static str, status: u16) -> OfKind {
        let model = model.to_owned();
        let tokens = KINDS.map(|kind| {
            let model = model.clone();
            self.tokens.get_or_create(&Tokens { model, kind }).clone()
        });
        let ended = Ended {
            model: model.clone(),
            endpoint,
            end,
            status,
        };
        let served = Served { model, endpoint };
        OfKind {
            endpoint,
            end,
            status,
            requests: self.requests.get_or_create(&ended).clone(),
            duration: self.duration.get_or_create(&served).clone(),
            first_byte: self.first_byte.get_or_create(&served).clone(),
            tokens,
        }
    }
}

impl OfKind {
    fn add_tokens(&self, usage: &TokenUsage) {
        let counts = [usage.prompt, usage.cached, usage.completion, usage.reasoning];
        for (counter, count) in self.tokens.iter().zip(counts) {
            counter.inc_by(count);
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
                let kind = self.kind(model, endpoint, end, *status);
                kind.requests.inc();
                kind.duration.observe(duration.as_secs_f64());
                if let Some(time) = time_to_first_byte {
                    kind.first_byte.observe(time.as_secs_f64());
                }
                kind.add_tokens(tokens);
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
