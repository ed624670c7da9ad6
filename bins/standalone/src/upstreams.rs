//! Models named on the command line.

use llmgw_models::{Model, ModelError, ModelService, SecretRef, Target};
use llmgw_types::{TargetId, Timestamp};

use crate::args::UpstreamArg;

/// The id of the target that the command line sets.
const TARGET: &str = "upstream";

/// Keeps each named model, or moves it to its new address.
pub(crate) async fn keep(
    models: &ModelService,
    upstreams: &[UpstreamArg],
    now: Timestamp,
) -> Result<(), ModelError> {
    for upstream in upstreams {
        let target = target(upstream)?;
        match models.get(&upstream.model).await {
            Ok(mut model) => {
                match model.targets.iter_mut().find(|other| other.id == target.id) {
                    Some(ours) => {
                        *ours = Target {
                            base_url: target.base_url,
                            secret: target.secret,
                            ..ours.clone()
                        }
                    }
                    None => model.targets.insert(0, target),
                }
                models.replace(&model).await?;
            }
            Err(ModelError::NotFound(_)) => {
                let mut model = Model::new(upstream.model.clone(), now);
                model.targets.push(target);
                models.create(&model).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn target(upstream: &UpstreamArg) -> Result<Target, ModelError> {
    let id = TargetId::parse(TARGET).map_err(|error| ModelError::Invalid {
        field: "target",
        reason: error.to_string(),
    })?;
    Ok(Target {
        id,
        base_url: upstream.url.clone(),
        model: None,
        secret: SecretRef::Default,
        weight: 1,
        max_in_flight: None,
        quirks: Vec::new(),
    })
}
