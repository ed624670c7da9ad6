//! What is counted by model. Found by one look-up for a request; the families would hash labels for each figure.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::HashMap;
use llmgw_types::{Blame, RequestEnded};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::Histograms;

/// So many models have series of their own; those that come later share the label `other`.
pub(super) const MODELS: usize = 128;

const OTHER: &str = "other";

/// Upper bounds in seconds: from a small model to a long prompt in a queue.
const FIRST_TOKEN_SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Upper bounds in seconds: from 200 tokens a second to hardly two.
const PER_TOKEN_SECONDS: [f64; 8] = [0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6];

const TYPES: [&str; 4] = ["prompt", "cached", "completion", "reasoning"];

const NANOS: f64 = 1e9;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfModel {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Ended {
    model: String,
    blame: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Tokens {
    model: String,
    r#type: &'static str,
}

/// The families, and the figures of each model in them.
pub(super) struct Models {
    pub(super) requests: Family<Ended, Counter>,
    pub(super) first_token: Histograms<OfModel>,
    pub(super) per_token: Histograms<OfModel>,
    pub(super) tokens: Family<Tokens, Counter>,
    pub(super) cost: Family<OfModel, Counter<f64, AtomicU64>>,
    known: RwLock<HashMap<String, Arc<Figures>>>,
}

/// The figures of one model.
struct Figures {
    model: String,
    requests: [Counter; Blame::ALL.len()],
    // Made by the first stream: many models never have one.
    times: OnceLock<Times>,
    tokens: [Counter; TYPES.len()],
    cost: Counter<f64, AtomicU64>,
}

struct Times {
    first_token: Histogram,
    per_token: Histogram,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            first_token: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN_SECONDS)),
            per_token: Family::new_with_constructor(|| Histogram::new(PER_TOKEN_SECONDS)),
            tokens: Family::default(),
            cost: Family::default(),
            known: RwLock::default(),
        }
    }
}

impl Models {
    /// Adds a request that ended.
    pub(super) fn ended(&self, event: &RequestEnded<'_>) {
        let figures = self.figures(event.model);
        for (counter, blame) in figures.requests.iter().zip(Blame::ALL) {
            if blame == event.blame {
                counter.inc();
            }
        }
        let tokens = &event.tokens;
        let counts = [tokens.prompt, tokens.cached, tokens.completion, tokens.reasoning];
        for (counter, count) in figures.tokens.iter().zip(counts) {
            counter.inc_by(count);
        }
        // Counters only rise. Exact cost is in the ledger.
        figures.cost.inc_by(event.cost.nanos().max(0) as f64 / NANOS);
        if event.streamed
            && event.blame == Blame::Nobody
            && let Some(first) = event.time_to_first_byte
        {
            let times = figures.times.get_or_init(|| self.times(&figures.model));
            times.first_token.observe(first.as_secs_f64());
            // Between n tokens there are n - 1 gaps.
            if event.tokens.completion > 1 {
                let rest = event.duration.saturating_sub(first).as_secs_f64();
                times
                    .per_token
                    .observe(rest / (event.tokens.completion - 1) as f64);
            }
        }
    }

    fn figures(&self, model: &str) -> Arc<Figures> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(figures) = known
            .get(model)
            .or_else(|| known.get(OTHER).filter(|_| known.len() > MODELS))
        {
            return Arc::clone(figures);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let model = if known.len() < MODELS { model } else { OTHER };
        if let Some(figures) = known.get(model) {
            return Arc::clone(figures);
        }
        let figures = Arc::new(self.make(model));
        known.insert(model.to_owned(), Arc::clone(&figures));
        figures
    }

    fn make(&self, model: &str) -> Figures {
        let labels = OfModel {
            model: model.to_owned(),
        };
        Figures {
            requests: Blame::ALL.map(|blame| {
                let (model, blame) = (model.to_owned(), blame.as_str());
                self.requests.get_or_create(&Ended { model, blame }).clone()
            }),
            times: OnceLock::new(),
            tokens: TYPES.map(|r#type| {
                let model = model.to_owned();
                self.tokens.get_or_create(&Tokens { model, r#type }).clone()
            }),
            cost: self.cost.get_or_create(&labels).clone(),
            model: labels.model,
        }
    }

    fn times(&self, model: &str) -> Times {
        let labels = OfModel {
            model: model.to_owned(),
        };
        Times {
            first_token: self.first_token.get_or_create(&labels).clone(),
            per_token: self.per_token.get_or_create(&labels).clone(),
        }
    }
}
