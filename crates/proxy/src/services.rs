//! What the stages work with: ports, and the few settings they obey.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use llmgw_keys::{Failures, KeyLookup};
use llmgw_models::{AnswerPlaces, Catalog, SecretResolver};
use llmgw_types::{Clock, Entropy, Observer};
use llmgw_usage::admission::{AdmissionStore, StandingLimits};
use llmgw_usage::journal::UsageJournal;
use tokio::sync::mpsc;

use crate::stage::settle::Settlement;
use crate::{Buffers, Live, Slots};

/// Runs work that would hold up a worker thread somewhere else.
#[async_trait]
pub trait Offload: Send + Sync {
    /// Runs `work` to its end.
    async fn run(&self, work: Box<dyn FnOnce() + Send>);
}

/// Settings of the request's way.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The longest body, in bytes.
    pub max_body: usize,
    /// How long a reservation lives unless renewed.
    pub lease: Duration,
    /// How long it is remembered which target keeps an answer.
    pub answers_kept: Duration,
}

/// Everything the stages need. One per process.
pub struct Services {
    /// Finds keys.
    pub keys: Arc<KeyLookup>,
    /// Counts refused keys.
    pub failures: Arc<Failures>,
    /// Finds models.
    pub catalog: Arc<Catalog>,
    /// Finds the targets that keep answers.
    pub answers: Arc<dyn AnswerPlaces>,
    /// Finds the secrets of targets.
    pub secrets: Arc<dyn SecretResolver>,
    /// Limits of everyone, of each user and of groups.
    pub limits: Arc<StandingLimits>,
    /// Keeps limits.
    pub admission: Arc<dyn AdmissionStore>,
    /// Keeps notes until the ledger has them.
    pub journal: Arc<dyn UsageJournal>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives ids.
    pub entropy: Arc<dyn Entropy>,
    /// Counts what happens.
    pub observer: Arc<dyn Observer>,
    /// Runs long work elsewhere.
    pub offload: Arc<dyn Offload>,
    /// Takes settlements; its capacity is the cap on running requests.
    pub settlements: mpsc::Sender<Settlement>,
    /// Who runs.
    pub live: Arc<Live>,
    /// Which targets are at their cap.
    pub slots: Arc<Slots>,
    /// What bodies are held.
    pub buffers: Arc<Buffers>,
    /// How to go about it.
    pub settings: Settings,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
