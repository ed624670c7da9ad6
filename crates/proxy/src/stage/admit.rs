//! Stage 4: is there room in every limit? Makes the guard, reserves, notes the request in the journal.

use std::sync::Arc;

use llmgw_keys::Grant;
use llmgw_models::{Model, Stop};
use llmgw_usage::admission::{
    Charge, Limited, Reservation, ReserveRequest, Reserved, Rule, RuleState, Subject,
};
use llmgw_usage::journal::{JournalEntry, JournalError};
use llmgw_usage::subjects;

use super::resolve::Routed;
use crate::buffers::Held;
use crate::guard::Guard;
use crate::peek::Peeked;
use crate::running::{Admission, Asked, Running};
use crate::{AnswerId, Dialect, HeaderList, ProxyError, Route, Services, estimate};

/// A request that may run.
pub struct Admitted {
    pub(super) guard: Guard,
    pub(super) headers: HeaderList,
    pub(super) path: String,
    pub(super) answer: Option<AnswerId>,
    pub(super) body: Arc<Held>,
    pub(super) peeked: Peeked,
    pub(super) stops: Vec<Stop>,
    pub(super) limits: Vec<RuleState>,
}

impl std::fmt::Debug for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admitted")
            .field("stops", &self.stops)
            .finish_non_exhaustive()
    }
}

/// Reserves the request's estimate on all limits, or refuses it.
///
/// # Errors
/// [`ProxyError::Limit`], [`ProxyError::Busy`], [`ProxyError::Journal`], [`ProxyError::CountersUnready`] or
/// [`ProxyError::Store`]. Nothing is reserved then.
pub async fn admit(services: &Arc<Services>, routed: Routed) -> Result<Admitted, ProxyError> {
    admit_by(services, routed, rules).await
}

/// Admits what has begun already, whether its limits have room or not, so that it counts for what comes next.
///
/// # Errors
/// As for [`admit`], but for [`ProxyError::Limit`].
pub(super) async fn admit_anyway(services: &Arc<Services>, routed: Routed) -> Result<Admitted, ProxyError> {
    admit_by(services, routed, |_, _, _| Vec::new()).await
}

async fn admit_by(
    services: &Arc<Services>,
    routed: Routed,
    rules: impl Fn(&Services, &Grant, Option<&Model>) -> Vec<Rule>,
) -> Result<Admitted, ProxyError> {
    let permit = services
        .settlements
        .clone()
        .try_reserve_owned()
        .map_err(|_| ProxyError::Busy)?;
    let Routed {
        parsed,
        served,
        stops,
    } = routed;
    let head = parsed.request.head;
    let peeked = &parsed.peeked;
    let default_answer = served.model.default_answer_tokens;
    let answer_estimate = estimate::answer_tokens(&head.route, peeked, default_answer);
    let units = estimate::units(&head.route, peeked);
    let estimate = estimate::charge(
        parsed.prompt_estimate,
        answer_estimate,
        units,
        &served.model.price,
    );
    let mut guard = Guard::new(
        Admission {
            id: head.id,
            now: services.clock.now(),
            started: head.started,
            grant: parsed.request.grant,
            served,
            route: head.route,
            streamed: peeked.stream,
            asked: Asked {
                prompts: peeked.prompts,
                choices: peeked.choices,
                answer_estimate,
                units,
                background: peeked.background && head.route.dialect == Dialect::Responses,
            },
            prompt_estimate: parsed.prompt_estimate,
            body: Arc::clone(&parsed.body),
            services: Arc::clone(services),
            client_request_id: head.client_request_id,
        },
        permit,
    );
    let Some(running) = guard.running() else {
        return Err(ProxyError::Busy);
    };
    let rules = rules(services, &running.grant, Some(&running.served.model));
    let limits = match reserve(services, running, estimate, &rules).await? {
        Ok(limits) => limits,
        Err(refusal) => {
            guard.refused();
            return Err(refusal);
        }
    };
    // Where this fails, dropping the guard gives the reservation back.
    let entry = note(services, running, &stops)?;
    guard.admitted(entry);
    Ok(Admitted {
        guard,
        path: path(&head.route, head.answer.as_ref(), head.query.as_deref()),
        answer: head.answer,
        headers: head.headers,
        body: parsed.body,
        peeked: parsed.peeked,
        stops,
        limits,
    })
}

// Where it goes at a target.
fn path(route: &Route, answer: Option<&AnswerId>, query: Option<&str>) -> String {
    let mut path = match answer {
        Some(answer) => route.upstream_path.replacen("{id}", answer.as_str(), 1),
        None => route.upstream_path.to_owned(),
    };
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        path.push('?');
        path.push_str(query);
    }
    path
}

// The outer error leaves open whether something was reserved; the inner one says that nothing was.
async fn reserve(
    services: &Services,
    running: &Running,
    estimate: Charge,
    rules: &[Rule],
) -> Result<Result<Vec<RuleState>, ProxyError>, ProxyError> {
    let principal = &running.grant.principal;
    let model = &running.served.model;
    let subjects = subjects(principal.user, principal.key, &principal.groups, &model.id);
    let now = running.admitted_at;
    let held = Arc::new(Reservation {
        id: running.id,
        reserved_at: now,
        subjects,
        estimate,
    });
    services.live.begin(held.id);
    let request = ReserveRequest {
        id: held.id,
        now,
        lease: services.settings.lease,
        subjects: &held.subjects,
        rules,
        estimate,
    };
    Ok(match services.admission.reserve(&request).await? {
        Reserved::Granted(limits) => {
            services.live.granted(held);
            Ok(limits)
        }
        Reserved::Refused(refusal) => Err(ProxyError::Limit { refusal, at: now }),
        Reserved::Unready => Err(ProxyError::CountersUnready),
        // Only this request's own guard releases its id, and it is still here.
        Reserved::Void => Err(ProxyError::Busy),
    })
}

fn note(
    services: &Services,
    running: &Running,
    stops: &[Stop],
) -> Result<Box<dyn JournalEntry>, JournalError> {
    let first = stops.first().map(|stop| stop.target.id.clone());
    services.journal.open(&running.open_entry(first))
}

/// All limits that apply to a key, with or without a model.
#[must_use]
pub fn rules(services: &Services, grant: &Grant, model: Option<&Model>) -> Vec<Rule> {
    let policy = services.limits.get();
    let user = &grant.user;
    let whose = Limited {
        user: user.id,
        limits: &user.limits,
        groups: &user.groups,
    };
    let mut rules = policy.rules(Some((grant.key.id, &grant.key.limits)), whose);
    if let Some(model) = model {
        rules.extend(model.limits.iter().map(|limit| Rule {
            subject: Subject::Model(model.id.clone()),
            limit: *limit,
        }));
    }
    rules
}
