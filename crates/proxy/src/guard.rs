//! The guard: made before a request is admitted, moved into its body, dropped when it is over. Its drop sends
//! exactly one settlement, whatever happened.

use std::sync::Arc;
use std::time::Duration;

use llmgw_keys::Grant;
use llmgw_models::Served;
use llmgw_types::{Clock, Price, RequestId, TargetId, Timestamp, TokenSource, TokenUsage};
use llmgw_usage::journal::{JournalEntry, OpenEntry, Progress, millis};
use llmgw_usage::ledger::{End, UsageRecord};
use tokio::sync::mpsc::OwnedPermit;

use crate::buffers::Held;
use crate::endpoint::Route;
use crate::reported::Reported;
use crate::stage::settle::{Outcome, Settlement};

/// The status a record has when its client left before any was sent (nginx's word for it).
const CLIENT_CLOSED_REQUEST: u16 = 499;
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// What was seen of the answer so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sight {
    /// What the model server reported.
    pub(crate) reported: Reported,
    /// Completion tokens as far as they were seen passing by.
    pub(crate) seen: u64,
}

/// A request from admission to its end.
pub(crate) struct Running {
    pub(crate) id: RequestId,
    pub(crate) admitted_at: Timestamp,
    pub(crate) grant: Arc<Grant>,
    pub(crate) served: Arc<Served>,
    pub(crate) route: Route,
    pub(crate) streamed: bool,
    pub(crate) prompt_estimate: u64,
    /// Kept until usage was reported: where none is, the target's tokenizer counts it.
    pub(crate) body: Option<Arc<Held>>,
    pub(crate) target: Option<Arc<llmgw_models::Target>>,
    pub(crate) target_model: Arc<str>,
    pub(crate) status: u16,
    pub(crate) sight: Sight,
    pub(crate) entry: Option<Box<dyn JournalEntry>>,
    pub(crate) client_request_id: Option<String>,
    started: Duration,
    first_byte: Option<Duration>,
    ended: Option<Duration>,
    last_progress: Duration,
    clock: Arc<dyn Clock>,
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
    pub(crate) prompt_estimate: u64,
    pub(crate) body: Arc<Held>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client_request_id: Option<String>,
}

impl Running {
    fn new(from: Admission) -> Self {
        Self {
            id: from.id,
            admitted_at: from.now,
            target_model: Arc::from(from.served.model.id.as_str()),
            grant: from.grant,
            served: from.served,
            route: from.route,
            streamed: from.streamed,
            prompt_estimate: from.prompt_estimate,
            body: Some(from.body),
            target: None,
            status: 0,
            sight: Sight::default(),
            entry: None,
            client_request_id: from.client_request_id,
            started: from.started,
            first_byte: None,
            ended: None,
            last_progress: from.started,
            clock: from.clock,
        }
    }

    pub(crate) fn price(&self) -> &Price {
        &self.served.model.price
    }

    /// Time from the request's first byte to its end.
    pub(crate) fn duration(&self) -> Duration {
        self.ended.unwrap_or_else(|| self.clock.monotonic()).saturating_sub(self.started)
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
        UsageRecord {
            id: self.id,
            time: self.admitted_at,
            key: self.grant.principal.key,
            user: self.grant.principal.user,
            groups: self.grant.principal.groups.clone(),
            model: self.served.model.id.clone(),
            target: self.target.as_ref().map(|target| target.id.clone()),
            endpoint: self.route.endpoint,
            status: if self.status == 0 { CLIENT_CLOSED_REQUEST } else { self.status },
            streamed: self.streamed,
            end,
            cost: self.price().cost(&tokens),
            tokens,
            source,
            ttft_ms: self.time_to_first_byte().map(millis),
            duration_ms: millis(self.duration()),
        }
    }

    fn answered_well(&self) -> bool {
        (200..300).contains(&self.status)
    }

    // What is known when nobody counts any further: the prompt as reported or estimated, the completion as
    // reported or seen, whichever is more.
    fn known(&self) -> (TokenUsage, TokenSource) {
        match self.sight.reported.tokens() {
            Some(tokens) if tokens.completion >= self.sight.seen => (tokens, TokenSource::Reported),
            Some(tokens) => {
                let prompt = if tokens.prompt == 0 { self.prompt_estimate } else { tokens.prompt };
                (TokenUsage { prompt, completion: self.sight.seen, ..tokens }, TokenSource::Estimated)
            }
            None => {
                let tokens = TokenUsage {
                    prompt: self.prompt_estimate,
                    completion: self.sight.seen,
                    ..TokenUsage::default()
                };
                (tokens, TokenSource::Estimated)
            }
        }
    }

    fn progress(&self, ended: bool) -> Progress {
        let (tokens, source) = self.known();
        Progress {
            tokens,
            source,
            status: self.status,
            ended,
            elapsed_ms: millis(self.clock.monotonic().saturating_sub(self.started)),
            ttft_ms: self.time_to_first_byte().map(millis),
        }
    }

    fn conclude(&mut self, end: End) -> Outcome {
        self.ended = Some(self.clock.monotonic());
        if self.status != 0 && !self.answered_well() {
            // The target refused or failed: given back whole.
            return Outcome::Closed(self.record(End::UpstreamError, TokenUsage::default(), TokenSource::Estimated));
        }
        match (end, self.sight.reported.tokens()) {
            (End::Complete, Some(tokens)) => Outcome::Closed(self.record(end, tokens, TokenSource::Reported)),
            (End::Complete, None) => Outcome::Uncounted,
            _ => {
                let (tokens, source) = self.known();
                Outcome::Closed(self.record(end, tokens, source))
            }
        }
    }
}

/// Owns a [`Running`] request until it is over.
pub(crate) struct Guard {
    running: Option<Box<Running>>,
    permit: Option<OwnedPermit<Settlement>>,
    outcome: Outcome,
}

impl Guard {
    pub(crate) fn new(from: Admission, permit: OwnedPermit<Settlement>) -> Self {
        Self { running: Some(Box::new(Running::new(from))), permit: Some(permit), outcome: Outcome::Reserving }
    }

    /// The request, until it is over.
    pub(crate) fn running(&mut self) -> Option<&mut Running> {
        self.running.as_deref_mut()
    }

    /// The store refused: there is nothing to settle.
    pub(crate) fn refused(mut self) {
        self.running = None;
        self.permit = None;
    }

    /// The store reserved it; from here on it leaves a record.
    pub(crate) fn admitted(&mut self, entry: Option<Box<dyn JournalEntry>>) {
        self.outcome = Outcome::Open;
        if let Some(running) = &mut self.running {
            running.entry = entry;
        }
    }

    /// The answer's first byte came.
    pub(crate) fn first_byte(&mut self) {
        if let Some(running) = &mut self.running
            && running.first_byte.is_none()
        {
            running.first_byte = Some(running.clock.monotonic());
        }
    }

    /// Takes note of what was seen; tells the journal once a second at most.
    pub(crate) fn saw(&mut self, sight: Sight) {
        let Some(running) = &mut self.running else { return };
        running.sight = sight;
        if sight.reported.tokens().is_some_and(|tokens| tokens.completion > 0) {
            running.body = None;
        }
        let now = running.clock.monotonic();
        if now.saturating_sub(running.last_progress) >= PROGRESS_EVERY {
            running.last_progress = now;
            if let Some(entry) = &running.entry {
                entry.progress(&running.progress(false));
            }
        }
    }

    /// Ends the request before a byte of an answer was sent: nothing is charged.
    pub(crate) fn fail(&mut self, status: u16) {
        if let Some(running) = &mut self.running {
            running.status = status;
        }
        self.finish(End::UpstreamError);
    }

    /// Ends the request, once: later calls change nothing. The journal has it when this returns.
    pub(crate) fn finish(&mut self, end: End) {
        let Outcome::Open = self.outcome else { return };
        let Some(running) = &mut self.running else { return };
        self.outcome = running.conclude(end);
        let Some(entry) = &running.entry else { return };
        match &self.outcome {
            Outcome::Closed(record) => entry.close(record),
            // The close follows when it was counted; should we die before, this note says that it ended.
            _ => entry.progress(&running.progress(true)),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.finish(if std::thread::panicking() { End::Crashed } else { End::ClientGone });
        if let (Some(permit), Some(running)) = (self.permit.take(), self.running.take()) {
            let outcome = std::mem::replace(&mut self.outcome, Outcome::Reserving);
            permit.send(Settlement { running, outcome });
        }
    }
}
