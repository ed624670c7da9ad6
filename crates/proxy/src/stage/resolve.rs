//! Stage 3: from the model's name to the places that serve it, for this user and this key.

use std::sync::Arc;

use llmgw_keys::Grant;
use llmgw_models::{Served, Stop};

use super::intake::Parsed;
use crate::{ProxyError, Services};

/// A request that knows where it may go.
#[derive(Debug)]
pub struct Routed {
    pub(super) parsed: Parsed,
    pub(super) served: Arc<Served>,
    pub(super) stops: Vec<Stop>,
}

/// Finds the model and orders its targets; those of its fallbacks follow.
///
/// # Errors
/// [`ProxyError::UnknownModel`], [`ProxyError::OutOfScope`], [`ProxyError::NotServed`] or
/// [`ProxyError::NoTarget`].
pub fn resolve(services: &Services, parsed: Parsed) -> Result<Routed, ProxyError> {
    let name = &parsed.peeked.model;
    let served = find(services, &parsed.request.grant, name)?;
    let endpoint = parsed.request.head.route.endpoint;
    if !served.model.serves(endpoint) {
        return Err(ProxyError::NotServed {
            model: name.clone(),
            endpoint,
        });
    }
    let mut stops = served.order();
    for fallback in &served.model.fallbacks {
        if let Ok(other) = find(services, &parsed.request.grant, fallback.as_str())
            && other.model.serves(endpoint)
        {
            stops.extend(other.order());
        }
    }
    if stops.is_empty() {
        return Err(ProxyError::NoTarget(name.clone()));
    }
    Ok(Routed {
        parsed,
        served,
        stops,
    })
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
