//! `/api/v1/target-tests`: whether the targets of a model answer.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use llmgw_models::{Probed, Target};
use llmgw_types::{ModelId, TargetId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Admin;
use crate::caller::Changer;
use crate::problem::{Details, Problem};
use crate::words;

/// Which model's targets to ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedTest {
    /// The model.
    #[schema(value_type = words::ModelName)]
    pub(crate) model: ModelId,
}

/// What a target answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestedTarget {
    /// The target.
    #[schema(value_type = words::TargetName)]
    target: TargetId,
    /// Whether it answered `GET /v1/models` with 2xx.
    well: bool,
    /// The status of its answer; null where there was none.
    status: Option<u16>,
    /// Whether the model is among those that it lists; null where it lists none.
    serves_model: Option<bool>,
    /// Why there was no answer.
    problem: Option<String>,
    /// How long it took, in milliseconds.
    duration_ms: u64,
}

/// What each target answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestedTargets {
    /// In the order in which they are tried.
    data: Vec<TestedTarget>,
}

impl Admin {
    /// Asks each target of a model for its list of models, from here, with its secret.
    ///
    /// # Errors
    /// When there is no such model, nothing here can ask, or a store failed.
    pub async fn test_targets(&self, id: &ModelId) -> Result<TestedTargets, Problem> {
        let model = self.models.get(id).await?;
        let targets = match &self.default_upstream {
            Some(url) if model.targets.is_empty() => Target::at_default(url, id).into_iter().collect(),
            _ => model.targets,
        };
        let mut data = Vec::new();
        for target in &targets {
            data.push(self.test_target(id, target).await);
        }
        Ok(TestedTargets { data })
    }

    async fn test_target(&self, id: &ModelId, target: &Target) -> TestedTarget {
        let name = target.model.as_deref().unwrap_or(id.as_str());
        let probed = match self.secrets.resolve(target).await {
            Ok(secret) => self.probe.probe(target, name, secret).await,
            // It may be in the environment or a folder of the gateways alone.
            Err(error) => Probed {
                status: None,
                serves_model: None,
                problem: Some(format!("its secret is not to be had here: {error}")),
                duration: std::time::Duration::ZERO,
            },
        };
        TestedTarget {
            target: target.id.clone(),
            well: probed.status.is_some_and(|status| (200..300).contains(&status)),
            status: probed.status,
            serves_model: probed.serves_model,
            problem: probed.problem,
            duration_ms: u64::try_from(probed.duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Asks each target of a model for its list of models, with its secret; no model has to work for it. What is tested is
/// the way from the administration, which may be another than that of the gateways.
#[utoipa::path(post, path = "/api/v1/target-tests", tag = "models", request_body = WantedTest,
    responses((status = 200, body = TestedTargets), (status = 404, body = Details), (status = 422, body = Details)))]
pub(crate) async fn test(
    admin: Data<Admin>,
    _: Changer,
    wanted: Json<WantedTest>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.test_targets(&wanted.model).await?))
}
