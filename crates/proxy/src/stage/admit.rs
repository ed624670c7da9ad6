//! Stage 4: is there room in every limit? Makes the guard, reserves, notes the request in the journal.

use std::sync::Arc;

use llmgw_types::Limit;
use llmgw_usage::admission::{ReserveRequest, Reserved, Rule, RuleState, Subject};
use llmgw_usage::journal::JournalError;
use llmgw_usage::subjects;
use llmgw_models::Stop;

use super::resolve::Routed;
use crate::buffers::Held;
use crate::guard::{Admission, Guard};
use crate::peek::Peeked;
use crate::services::WhenFull;
use crate::{HeaderList, ProxyError, Services, estimate};

/// A request that may run.
pub struct Admitted {
    pub(super) guard: Guard,
    pub(super) headers: HeaderList,
    pub(super) body: Arc<Held>,
    pub(super) peeked: Peeked,
    pub(super) stops: Vec<Stop>,
    pub(super) limits: Vec<RuleState>,
}

impl std::fmt::Debug for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admitted").field("stops", &self.stops).finish_non_exhaustive()
    }
}

/// Reserves the request's estimate on all limits, or refuses it.
///
/// # Errors
/// [`ProxyError::Limit`], [`ProxyError::Busy`], [`ProxyError::Journal`], [`ProxyError::CountersUnready`] or
/// [`ProxyError::Store`]. Nothing is reserved then.
pub async fn admit(services: &Services, routed: Routed) -> Result<Admitted, ProxyError> {
    let permit = services.settlements.clone().try_reserve_owned().map_err(|_| ProxyError::Busy)?;
    let now = services.clock.now();
    let Routed { parsed, served, stops } = routed;
    let head = parsed.request.head;
    let estimate = estimate::charge(
        parsed.prompt_estimate,
        &parsed.peeked,
        served.model.default_answer_tokens,
        head.route.generates,
        &served.model.price,
    );
    let grant = parsed.request.grant;
    let (subjects, rules) = bounds(services, &grant, &served.model);
    let mut guard = Guard::new(
        Admission {
            id: head.id,
            now,
            started: head.started,
            grant,
            served,
            route: head.route,
            streamed: parsed.peeked.stream,
            prompt_estimate: parsed.prompt_estimate,
            body: Arc::clone(&parsed.body),
            clock: Arc::clone(&services.clock),
            client_request_id: head.client_request_id,
        },
        permit,
    );
    let lease = services.settings.lease;
    let request = ReserveRequest { id: head.id, now, lease, subjects: &subjects, rules: &rules, estimate };
    services.live.insert(head.id);
    let limits = match services.admission.reserve(&request).await {
        Ok(Reserved::Granted(limits)) => limits,
        refusal => {
            services.live.remove(head.id);
            guard.refused();
            return Err(match refusal? {
                Reserved::Refused(refusal) => ProxyError::Limit { refusal, at: now },
                Reserved::Unready => ProxyError::CountersUnready,
                // Only this request's own guard releases its id, and it is still here.
                Reserved::Void | Reserved::Granted(_) => ProxyError::Busy,
            });
        }
    };
    let entry = match note(services, &mut guard, &stops) {
        Ok(entry) => Some(entry),
        Err(JournalError::Full(_)) if services.settings.journal_when_full == WhenFull::Allow => None,
        // Dropping the guard gives the reservation back.
        Err(error) => return Err(error.into()),
    };
    guard.admitted(entry);
    Ok(Admitted { guard, headers: head.headers, body: parsed.body, peeked: parsed.peeked, stops, limits })
}

fn note(
    services: &Services,
    guard: &mut Guard,
    stops: &[Stop],
) -> Result<Box<dyn llmgw_usage::journal::JournalEntry>, JournalError> {
    let first = stops.first().map(|stop| stop.target.id.clone());
    match guard.running() {
        Some(running) => services.journal.open(&running.open_entry(first)),
        None => Err(JournalError::Io(std::io::ErrorKind::NotFound.into())),
    }
}

/// All limits that apply to a key, with or without a model.
#[must_use]
pub fn rules(services: &Services, grant: &llmgw_keys::Grant, model: Option<&llmgw_models::Model>) -> Vec<Rule> {
    let policy = &services.settings.limits;
    let mut rules = Vec::new();
    let mut add = |subject: &dyn Fn() -> Subject, limits: &[Limit]| {
        rules.extend(limits.iter().map(|limit| Rule { subject: subject(), limit: *limit }));
    };
    let user = || Subject::User(grant.user.id);
    add(&|| Subject::Key(grant.key.id), &grant.key.limits);
    add(&user, if grant.user.limits.is_empty() { &policy.each_user } else { &grant.user.limits });
    for group in policy.groups.iter().filter(|group| grant.user.groups.contains(&group.group)) {
        add(&user, &group.each);
        add(&|| Subject::Group(group.group.clone()), &group.shared);
    }
    if let Some(model) = model {
        add(&|| Subject::Model(model.id.clone()), &model.limits);
    }
    add(&|| Subject::Everyone, &policy.everyone);
    rules
}

fn bounds(
    services: &Services,
    grant: &llmgw_keys::Grant,
    model: &llmgw_models::Model,
) -> (Vec<Subject>, Vec<Rule>) {
    let principal = &grant.principal;
    let subjects = subjects(principal.user, principal.key, &principal.groups, &model.id);
    (subjects, rules(services, grant, Some(model)))
}
