//! A request from its admission to its end: what is known of it, and who is told.

mod charged;

use std::sync::Arc;
use std::time::Duration;

use llmgw_keys::Grant;
use llmgw_models::{AnswerPlace, Served, Stop};
use llmgw_types::{
    Blame, Event, ModelId, Price, RequestEnded, RequestId, TargetId, Timestamp, TokenSource, TokenUsage,
};
use llmgw_usage::journal::{JournalEntry, OpenEntry, millis};
use llmgw_usage::ledger::{End, UsageRecord};
use llmgw_usage::settled;

use crate::Services;
use crate::buffers::Held;
use crate::endpoint::Route;
use crate::reported::Told;

const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The status a record has when its client left before any was sent (nginx's word for it).
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The status of a session.
pub(crate) const SWITCHING_PROTOCOLS: u16 = 101;

/// A request from admission to its end.
pub(crate) struct Running {
    pub(crate) id: RequestId,
    pub(crate) admitted_at: Timestamp,
    pub(crate) grant: Arc<Grant>,
    pub(crate) served: Arc<Served>,
    pub(crate) route: Route,
    pub(crate) streamed: bool,
    pub(crate) asked: Asked,
    pub(crate) prompt_estimate: u64,
    /// Kept until usage was reported: where none is, the target's tokenizer counts it.
    pub(crate) body: Option<Arc<Held>>,
    pub(crate) target: Option<Arc<llmgw_models::Target>>,
    pub(crate) target_model: Arc<str>,
    // The model whose target it is: a fallback's is another's.
    target_of: Option<Arc<str>>,
    pub(crate) status: u16,
    /// What the model server reported so far.
    pub(crate) reported: Option<TokenUsage>,
    pub(crate) entry: Option<Box<dyn JournalEntry>>,
    pub(crate) client_request_id: Option<String>,
    started: Duration,
    // The same of seconds of sound.
    seconds: Option<u64>,
    // Completion tokens as far as they were seen passing by.
    seen: u64,
    first_byte: Option<Duration>,
    ended: Option<Duration>,
    last_progress: Duration,
    services: Arc<Services>,
}

/// What a request asked for, as far as it matters for what it is charged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// How many prompts; 1 or more.
    pub(crate) prompts: u64,
    /// How many answers, over all prompts; 1 or more.
    pub(crate) choices: u64,
    /// Completion tokens as estimated at admission.
    pub(crate) answer_estimate: u64,
    /// What it takes besides tokens, as counted or estimated at admission.
    pub(crate) units: u64,
    /// Whether the answer is made when nobody waits for it any more.
    pub(crate) background: bool,
}

/// What a guard is made from.
pub(crate) struct Admission {
    pub(crate) id: RequestId,
    pub(crate) now: Timestamp,
    pub(crate) started: Duration,
    pub(crate) grant: Arc<Grant>,
    pub(crate) served: Arc<Served>,
    pub(crate) route: Route,
    pub(crate) streamed: bool,
    pub(crate) asked: Asked,
    pub(crate) prompt_estimate: u64,
    pub(crate) body: Arc<Held>,
    pub(crate) services: Arc<Services>,
    pub(crate) client_request_id: Option<String>,
}

impl Running {
    pub(crate) fn new(from: Admission) -> Self {
        Self {
            id: from.id,
            admitted_at: from.now,
            target_model: Arc::from(from.served.model.id.as_str()),
            grant: from.grant,
            served: from.served,
            route: from.route,
            streamed: from.streamed,
            asked: from.asked,
            prompt_estimate: from.prompt_estimate,
            body: Some(from.body),
            target: None,
            target_of: None,
            status: 0,
            reported: None,
            seconds: None,
            entry: None,
            client_request_id: from.client_request_id,
            started: from.started,
            seen: 0,
            first_byte: None,
            ended: None,
            last_progress: from.started,
            services: from.services,
        }
    }

    /// Takes note that the answer's first byte came.
    pub(crate) fn first_byte(&mut self) {
        if self.first_byte.is_none() {
            self.first_byte = Some(self.now());
        }
    }

    /// Takes note of what the model server reported, if it did, and of how many completion tokens passed by so far;
    /// tells the journal once a second at most.
    pub(crate) fn saw(&mut self, told: Told, seen: u64) {
        if self.route.is_free() {
            return;
        }
        (self.reported, self.seconds, self.seen) = (told.tokens, told.seconds, seen);
        if told.tokens.is_some_and(|tokens| tokens.completion > 0) && !self.is_told_in_part() {
            self.body = None;
        }
        let now = self.now();
        if now.saturating_sub(self.last_progress) >= PROGRESS_EVERY {
            self.last_progress = now;
            self.note_progress(false);
        }
    }

    /// What it works with.
    pub(crate) fn services(&self) -> Arc<Services> {
        Arc::clone(&self.services)
    }

    /// Where its answer is kept, if the model server keeps it.
    pub(crate) fn place(&self) -> Option<AnswerPlace> {
        let target = self.target.as_ref()?.id.clone();
        let model = ModelId::parse(self.target_of.as_deref()?).ok()?;
        Some(AnswerPlace { model, target })
    }

    /// Tells the journal what is known so far.
    pub(crate) fn note_progress(&self, ended: bool) {
        if let Some(entry) = &self.entry {
            entry.progress(&self.progress(ended));
        }
    }

    /// Gives the record to the journal and to the limits; says whether the limits took it.
    pub(crate) fn close(&self, record: &UsageRecord) -> bool {
        if let Some(entry) = &self.entry {
            entry.close(record);
        }
        self.services
            .admission
            .settle_now(self.services.clock.now(), &settled(record))
    }

    /// Says that it is over, once it is settled.
    pub(crate) fn over(&self, record: &UsageRecord) {
        self.services.live.remove(self.id);
        self.services.observer.observe(&Event::RequestEnded(RequestEnded {
            model: record.model.as_str(),
            endpoint: record.endpoint.as_str(),
            blame: blame(record),
            streamed: record.streamed,
            duration: self.duration(),
            time_to_first_byte: self.time_to_first_byte(),
            tokens: record.tokens,
            cost: record.cost,
        }));
        self.log(record);
    }

    /// It was never counted anywhere: there is nothing to say.
    pub(crate) fn forget(&self) {
        self.services.live.remove(self.id);
    }

    fn log(&self, record: &UsageRecord) {
        tracing::info!(
            request.id = %record.id,
            request.client_id = self.client_request_id,
            key.id = %record.key,
            user.id = %record.user,
            model.id = %record.model,
            target.id = record.target.as_ref().map(tracing::field::display),
            endpoint = record.endpoint.as_str(),
            status = record.status,
            end = record.end.as_str(),
            tokens.prompt = record.tokens.prompt,
            tokens.completion = record.tokens.completion,
            source = record.source.as_str(),
            duration_ms = record.duration_ms,
            "request"
        );
    }

    fn now(&self) -> Duration {
        self.services.clock.monotonic()
    }

    /// Notes where it was sent last. What an earlier target said does not count any more.
    pub(crate) fn sent_to(&mut self, stop: &Stop) {
        self.target = Some(Arc::clone(&stop.target));
        self.target_model = Arc::clone(&stop.model);
        self.target_of = Some(Arc::clone(&stop.of));
        self.status = 0;
    }

    pub(crate) fn price(&self) -> &Price {
        &self.served.model.price
    }

    /// Time from the request's first byte to its end.
    pub(crate) fn duration(&self) -> Duration {
        self.ended
            .unwrap_or_else(|| self.now())
            .saturating_sub(self.started)
    }

    /// Time from the request's first byte to the first byte of the answer.
    pub(crate) fn time_to_first_byte(&self) -> Option<Duration> {
        self.first_byte.map(|at| at.saturating_sub(self.started))
    }

    /// The note for the journal before the model server is called.
    pub(crate) fn open_entry(&self, first: Option<TargetId>) -> OpenEntry {
        OpenEntry {
            id: self.id,
            time: self.admitted_at,
            key: self.grant.principal.key,
            user: self.grant.principal.user,
            groups: self.grant.principal.groups.clone(),
            model: self.served.model.id.clone(),
            target: first,
            endpoint: self.route.endpoint,
            streamed: self.streamed,
            prompt_estimate: self.prompt_estimate,
            price: *self.price(),
        }
    }

    /// The record of this request.
    pub(crate) fn record(&self, end: End, tokens: TokenUsage, source: TokenSource) -> UsageRecord {
        let units = self.units(end);
        UsageRecord {
            id: self.id,
            time: self.admitted_at,
            key: self.grant.principal.key,
            user: self.grant.principal.user,
            groups: self.grant.principal.groups.clone(),
            model: self.served.model.id.clone(),
            target: self.target.as_ref().map(|target| target.id.clone()),
            endpoint: self.route.endpoint,
            status: if self.status == 0 {
                CLIENT_CLOSED_REQUEST
            } else {
                self.status
            },
            streamed: self.streamed,
            end,
            cost: self.price().cost_with(&tokens, units),
            tokens,
            source,
            ttft_ms: self.time_to_first_byte().map(millis),
            duration_ms: millis(self.duration()),
            units,
        }
    }
}

// A model server that refuses a request says what is wrong with it, but for its own secret and its own limits.
fn blame(record: &UsageRecord) -> Blame {
    match (record.end, record.status) {
        (End::Complete, _) => Blame::Nobody,
        (End::ClientGone, _) | (End::UpstreamError, 400 | 404..=407 | 409..=428 | 430..=499) => Blame::Client,
        (End::UpstreamError, _) => Blame::Upstream,
        (End::Crashed, _) => Blame::Gateway,
    }
}
