//! Stage 3: from the model's name to the places that serve it, for this user and this key.

use std::sync::Arc;

use llmgw_keys::Grant;
use llmgw_models::{Served, Stop};
use llmgw_types::Endpoint;

use super::intake::Parsed;
use crate::{BodyRefusal, Dialect, ProxyError, Services, listing};

/// A request that knows where it may go.
#[derive(Debug)]
pub struct Routed {
    pub(super) parsed: Parsed,
    pub(super) served: Arc<Served>,
    pub(super) stops: Vec<Stop>,
}

/// Finds the model and orders its targets; those of its fallbacks follow. What is asked about an answer, or goes on
/// from one, has one target: that which keeps it.
///
/// # Errors
/// [`ProxyError::UnknownModel`], [`ProxyError::OutOfScope`], [`ProxyError::NotServed`], [`ProxyError::NoTarget`],
/// [`ProxyError::UnknownAnswer`], [`ProxyError::Body`] when no model is named and more than one might be meant, or
/// [`ProxyError::Store`] when it could not be looked up where an answer is.
pub async fn resolve(services: &Services, parsed: Parsed) -> Result<Routed, ProxyError> {
    let (head, grant) = (&parsed.request.head, &parsed.request.grant);
    if let Some(answer) = &head.answer {
        let kept = kept(services, grant, answer.as_str()).await?;
        let (served, stop) = kept.ok_or_else(|| unknown(answer.as_str(), false))?;
        return Ok(Routed {
            parsed,
            served,
            stops: vec![stop],
        });
    }
    let endpoint = head.route.endpoint;
    let served = match &parsed.peeked.model {
        Some(named) => find(services, grant, &named.name)?,
        None => only(services, grant, endpoint)?,
    };
    let mut stops = stops(services, grant, &served, endpoint)?;
    // Elsewhere the field means nothing.
    let responds = head.route.dialect == Dialect::Responses;
    if responds && parsed.peeked.names_itself {
        // It would be the id under which the answer is kept, and may be that of somebody else's.
        return Err(BodyRefusal::Field {
            field: "request_id",
            reason: "an answer gets its id from the model server",
        }
        .into());
    }
    if let Some(previous) = parsed.peeked.previous.as_deref()
        && responds
    {
        let kept = kept(services, grant, previous).await?;
        stops.retain(|stop| {
            let at = |(_, kept): &(_, Stop)| kept.target.base_url == stop.target.base_url;
            kept.as_ref().is_some_and(at)
        });
        if stops.is_empty() {
            return Err(unknown(previous, true));
        }
    }
    Ok(Routed {
        parsed,
        served,
        stops,
    })
}

fn stops(
    services: &Services,
    grant: &Grant,
    served: &Served,
    endpoint: Endpoint,
) -> Result<Vec<Stop>, ProxyError> {
    serves(served, endpoint)?;
    let mut stops = served.order();
    for fallback in &served.model.fallbacks {
        if let Ok(other) = find(services, grant, fallback.as_str())
            && other.model.serves(endpoint)
        {
            stops.extend(other.order());
        }
    }
    if stops.is_empty() {
        return Err(ProxyError::NoTarget(shown(served.model.id.as_str())));
    }
    Ok(stops)
}

/// Whether a model serves an endpoint.
///
/// # Errors
/// [`ProxyError::NotServed`] when it does not.
pub(super) fn serves(served: &Served, endpoint: Endpoint) -> Result<(), ProxyError> {
    if served.model.serves(endpoint) {
        return Ok(());
    }
    Err(ProxyError::NotServed {
        model: shown(served.model.id.as_str()),
        endpoint,
    })
}

// The one model that can be meant where none is named.
fn only(services: &Services, grant: &Grant, endpoint: Endpoint) -> Result<Arc<Served>, ProxyError> {
    let mut models = listing::models(services, grant);
    models.retain(|served| served.model.serves(endpoint));
    match models.pop() {
        Some(model) if models.is_empty() => Ok(model),
        _ => Err(BodyRefusal::NoModel.into()),
    }
}

// The target that keeps an answer of this user's, and its model, where they may still use that.
async fn kept(
    services: &Services,
    grant: &Grant,
    answer: &str,
) -> Result<Option<(Arc<Served>, Stop)>, ProxyError> {
    let (user, now) = (grant.principal.user, services.clock.now());
    let Some(place) = services.answers.get(user, answer, now).await? else {
        return Ok(None);
    };
    let served = find(services, grant, place.model.as_str()).ok();
    Ok(served.and_then(|served| {
        let stop = served.stop(&place.target)?.clone();
        Some((served, stop))
    }))
}

fn unknown(answer: &str, previous: bool) -> ProxyError {
    ProxyError::UnknownAnswer {
        id: shown(answer),
        previous,
    }
}

/// The model of this name, where this user and key may use it. A model the user has no access to looks like
/// one that is not there.
///
/// # Errors
/// [`ProxyError::UnknownModel`] or [`ProxyError::OutOfScope`].
pub fn find(services: &Services, grant: &Grant, name: &str) -> Result<Arc<Served>, ProxyError> {
    let known = services
        .catalog
        .find(name)
        .filter(|served| served.model.allows(&grant.user.groups));
    let served = known.ok_or_else(|| ProxyError::UnknownModel(shown(name)))?;
    if !grant.key.in_scope(&served.model.id) {
        return Err(ProxyError::OutOfScope(shown(name)));
    }
    Ok(served)
}

// A client's text goes back to it in the error, but not megabytes of it.
fn shown(name: &str) -> String {
    name.chars().take(256).collect()
}
