//! What a key may know without sending a request to a model: its models, and its limits.

use std::sync::Arc;

use llmgw_keys::Grant;
use llmgw_models::Served;
use llmgw_usage::admission::RuleState;

use crate::stage::{admit, resolve};
use crate::{ProxyError, Services};

/// The models this key may use, in order of id.
#[must_use]
pub fn models(services: &Services, grant: &Grant) -> Vec<Arc<Served>> {
    let mut models = services.catalog.list();
    models.retain(|served| served.model.allows(&grant.user.groups) && grant.key.in_scope(&served.model.id));
    models
}

/// One of them, by name or alias.
///
/// # Errors
/// [`ProxyError::UnknownModel`] or [`ProxyError::OutOfScope`].
pub fn model(services: &Services, grant: &Grant, name: &str) -> Result<Arc<Served>, ProxyError> {
    resolve::find(services, grant, name)
}

/// How far each limit of this key is used up (those of models apart).
///
/// # Errors
/// [`ProxyError::Store`] when the counters cannot be read.
pub async fn limits(services: &Services, grant: &Grant) -> Result<Vec<RuleState>, ProxyError> {
    let rules = admit::rules(services, grant, None);
    Ok(services.admission.state(services.clock.now(), &rules).await?)
}
