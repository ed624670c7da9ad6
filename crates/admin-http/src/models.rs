//! `/api/v1/models`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use llmgw_models::{Access, Model, ModelState, Quirk, SecretRef, Target, Timeouts, base_url};
use llmgw_types::{Endpoint, Limit, ModelId, Price, TargetId, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::Admin;
use crate::errors::Problem;

/// A model as the API takes it. What is left out has its default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    id: Option<ModelId>,
    #[serde(default)]
    aliases: Vec<ModelId>,
    owned_by: Option<String>,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
    #[serde(default)]
    targets: Vec<WantedTarget>,
    #[serde(default)]
    price: Price,
    #[serde(default)]
    access: Access,
    #[serde(default)]
    fallbacks: Vec<ModelId>,
    #[serde(default)]
    timeouts: Timeouts,
    #[serde(default)]
    limits: Vec<Limit>,
    default_answer_tokens: Option<u64>,
    #[serde(default)]
    state: ModelState,
    // An answer of this API can be sent back as it is.
    #[serde(default, rename = "created_at")]
    _created_at: IgnoredAny,
}

/// A target as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedTarget {
    id: Option<TargetId>,
    base_url: String,
    #[serde(default)]
    path: String,
    model: Option<String>,
    #[serde(default)]
    secret: SecretRef,
    weight: Option<u32>,
    max_in_flight: Option<u32>,
    #[serde(default)]
    quirks: Vec<Quirk>,
}

impl Wanted {
    // `before`: the targets it has already.
    fn model(self, id: ModelId, created_at: Timestamp, before: &[Target]) -> Result<Model, Problem> {
        let new = Model::new(id, created_at);
        let targets = self.targets.into_iter().map(|wanted| wanted.target(before));
        let targets = targets.collect::<Result<_, _>>()?;
        Ok(Model {
            aliases: self.aliases,
            owned_by: self.owned_by.unwrap_or(new.owned_by),
            endpoints: self.endpoints,
            targets,
            price: self.price,
            access: self.access,
            fallbacks: self.fallbacks,
            timeouts: self.timeouts,
            limits: self.limits,
            default_answer_tokens: self.default_answer_tokens.unwrap_or(new.default_answer_tokens),
            state: self.state,
            ..new
        })
    }
}

impl WantedTarget {
    fn target(self, before: &[Target]) -> Result<Target, Problem> {
        let base_url = base_url(&format!(
            "{}{}",
            self.base_url.trim_end_matches('/'),
            path(&self.path)
        ))?;
        let id = match self.id {
            Some(id) => id,
            None => TargetId::parse(base_url.split_once("://").map_or(&*base_url, |(_, rest)| rest))
                .map_err(|error| Problem::invalid(error.to_string()))?,
        };
        let target = Target {
            id,
            base_url,
            model: self.model,
            secret: self.secret,
            weight: self.weight.unwrap_or(1),
            max_in_flight: self.max_in_flight,
            quirks: self.quirks,
        };
        if target.secret == SecretRef::Default && !before.iter().any(|had| same_place(had, &target)) {
            return Err(Problem::invalid(
                "secret: `default` is sent to the default upstream only; name another by `env:` or `file:`",
            ));
        }
        Ok(target)
    }
}

// Whether `wanted` is sent the same secret at the same place as before.
fn same_place(before: &Target, wanted: &Target) -> bool {
    before.id == wanted.id && before.base_url == wanted.base_url && before.secret == wanted.secret
}

// `/v1/...` is put behind it.
fn path(path: &str) -> String {
    let path = path.trim_matches('/');
    if path.is_empty() {
        String::new()
    } else {
        format!("/{path}")
    }
}

/// Makes a model.
pub(crate) async fn create(admin: Data<Admin>, wanted: Json<Wanted>) -> Result<HttpResponse, Problem> {
    let mut wanted = wanted.into_inner();
    let id = wanted
        .id
        .take()
        .ok_or_else(|| Problem::invalid("id: is missing"))?;
    let model = wanted.model(id, admin.clock.now(), &[])?;
    admin.models.create(&model).await?;
    tracing::info!(model.id = %model.id, "model made");
    Ok(HttpResponse::Created().json(shown(&model)))
}

/// Lists models in order of id.
pub(crate) async fn list(admin: Data<Admin>) -> Result<HttpResponse, Problem> {
    let data: Vec<Value> = admin.models.list().await?.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data})))
}

/// Shows a model.
pub(crate) async fn get(admin: Data<Admin>, id: Path<ModelId>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(shown(&admin.models.get(&id).await?)))
}

/// Replaces a model, all fields.
pub(crate) async fn replace(
    admin: Data<Admin>,
    id: Path<ModelId>,
    wanted: Json<Wanted>,
) -> Result<HttpResponse, Problem> {
    let wanted = wanted.into_inner();
    if wanted.id.as_ref().is_some_and(|given| *given != *id) {
        return Err(Problem::invalid(
            "id: a model's id cannot be changed; make a new one with the old as alias",
        ));
    }
    let before = admin.models.get(&id).await?;
    let model = wanted.model(id.into_inner(), before.created_at, &before.targets)?;
    admin.models.replace(&model).await?;
    tracing::info!(model.id = %model.id, "model changed");
    Ok(HttpResponse::Ok().json(shown(&model)))
}

/// Removes a model.
pub(crate) async fn remove(admin: Data<Admin>, id: Path<ModelId>) -> Result<HttpResponse, Problem> {
    admin.models.remove(&id).await?;
    tracing::info!(model.id = %*id, "model removed");
    Ok(HttpResponse::NoContent().finish())
}

fn shown(model: &Model) -> Value {
    json!({
        "id": model.id,
        "aliases": model.aliases,
        "owned_by": model.owned_by,
        "endpoints": model.endpoints,
        "targets": model.targets,
        "price": model.price,
        "access": model.access,
        "fallbacks": model.fallbacks,
        "timeouts": model.timeouts,
        "limits": model.limits,
        "default_answer_tokens": model.default_answer_tokens,
        "state": model.state,
        "created_at": model.created_at,
    })
}
