//! `GET /v1/models[/{id}]` and `GET /v1/key`: what a key may know without a model server being asked.

use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_keys::Grant;
use llmgw_models::Model;
use llmgw_proxy::stage::authenticate::{RequestHead, grant};
use llmgw_proxy::{Dialect, ProxyError, Upstream, listing};
use llmgw_usage::admission::{RuleState, Subject};
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::routes::Gateway;
use crate::{extract, origin};

type Gate<U> = Data<Gateway<U>>;

/// The models this key may use.
pub(crate) async fn models<U: Upstream + 'static>(
    request: HttpRequest,
    gateway: Gate<U>,
) -> Result<HttpResponse, ApiError> {
    answer(&gateway, async {
        let grant = granted(&gateway, &request).await?;
        let models = listing::models(&gateway.services, &grant);
        let data: Vec<Value> = models.iter().map(|served| model_json(&served.model)).collect();
        Ok(json!({"object": "list", "data": data}))
    })
    .await
}

/// One of them.
pub(crate) async fn model<U: Upstream + 'static>(
    request: HttpRequest,
    name: Path<String>,
    gateway: Gate<U>,
) -> Result<HttpResponse, ApiError> {
    answer(&gateway, async {
        let grant = granted(&gateway, &request).await?;
        Ok(model_json(
            &listing::model(&gateway.services, &grant, &name)?.model,
        ))
    })
    .await
}

/// The key's limits, what is left of them, when they reset.
pub(crate) async fn key<U: Upstream + 'static>(
    request: HttpRequest,
    gateway: Gate<U>,
) -> Result<HttpResponse, ApiError> {
    answer(&gateway, async {
        let grant = granted(&gateway, &request).await?;
        let limits = listing::limits(&gateway.services, &grant).await?;
        Ok(json!({
            "id": grant.key.id,
            "name": grant.key.name,
            "hint": grant.key.hint,
            "owner": grant.user.name,
            "models": grant.key.models,
            "expires_at": grant.key.expires_at,
            "created_at": grant.key.created_at,
            "limits": limits.iter().map(limit_json).collect::<Vec<_>>(),
        }))
    })
    .await
}

async fn granted<U: Upstream>(gateway: &Gate<U>, request: &HttpRequest) -> Result<Arc<Grant>, ProxyError> {
    let (key, origin) = (
        extract::key(request.headers()),
        origin::of(request, &gateway.proxies),
    );
    grant(&gateway.services, key.as_ref(), origin).await
}

async fn answer<U>(
    gateway: &Gateway<U>,
    work: impl Future<Output = Result<Value, ProxyError>>,
) -> Result<HttpResponse, ApiError> {
    let id = RequestHead::new_id(&gateway.services);
    match work.await {
        Ok(body) => Ok(HttpResponse::Ok()
            .insert_header(("x-request-id", id.to_string()))
            .json(body)),
        Err(error) => {
            let error = ApiError::of(error, Dialect::OpenAi, id);
            error.log();
            Err(error)
        }
    }
}

fn model_json(model: &Model) -> Value {
    json!({
        "id": model.id,
        "object": "model",
        "created": model.created_at.as_millis() / 1_000,
        "owned_by": model.owned_by,
    })
}

fn limit_json(state: &RuleState) -> Value {
    let subject = match &state.rule.subject {
        Subject::Everyone => "everyone",
        Subject::Model(_) => "model",
        Subject::Group(_) => "group",
        Subject::User(_) => "user",
        Subject::Key(_) => "key",
    };
    json!({
        "subject": subject,
        "unit": state.rule.limit.unit(),
        "window": state.rule.limit.window(),
        "amount": state.rule.limit.amount(),
        "used": state.used,
        "reserved": state.reserved,
        "remaining": state.remaining(),
        "resets_at": state.resets_at,
    })
}
