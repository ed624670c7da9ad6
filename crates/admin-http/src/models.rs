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
pub struct WantedModel {
    /// Its id, in the path where a model is replaced.
    pub id: Option<ModelId>,
    /// Further names of it.
    #[serde(default)]
    pub aliases: Vec<ModelId>,
    /// Who runs it, as `/v1/models` says.
    pub owned_by: Option<String>,
    /// What it serves; empty: everything.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Where it is.
    #[serde(default)]
    pub targets: Vec<WantedTarget>,
    /// What it costs.
    #[serde(default)]
    pub price: Price,
    /// Who may use it.
    #[serde(default)]
    pub access: Access,
    /// Models that take over.
    #[serde(default)]
    pub fallbacks: Vec<ModelId>,
    /// How long to wait for it.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Limits of all its use.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// Tokens reserved for an answer whose request names no most.
    pub default_answer_tokens: Option<u64>,
    /// Tokens that prompt and answer together may have; shown to people.
    pub context: Option<u32>,
    /// Whether it is served.
    #[serde(default)]
    pub state: ModelState,
    /// Passed over: an answer of this API can be sent back as it is.
    #[serde(default)]
    pub created_at: IgnoredAny,
}

/// A target as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedTarget {
    /// Its id, made of the address unless given.
    pub id: Option<TargetId>,
    /// Where it is; `path` and `/v1/...` come behind.
    pub base_url: String,
    /// What comes behind the address.
    #[serde(default)]
    pub path: String,
    /// Its own name for the model.
    pub model: Option<String>,
    /// Where the secret is.
    #[serde(default)]
    pub secret: SecretRef,
    /// Its share, 1 unless given.
    pub weight: Option<u32>,
    /// Requests it takes at once.
    pub max_in_flight: Option<u32>,
    /// What it does otherwise than it should.
    #[serde(default)]
    pub quirks: Vec<Quirk>,
}

impl WantedModel {
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
            context: self.context,
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

impl Admin {
    /// Makes a model.
    ///
    /// # Errors
    /// When a field makes no sense, a name is taken, or the store failed.
    pub async fn make_model(&self, mut wanted: WantedModel) -> Result<Value, Problem> {
        let id = wanted
            .id
            .take()
            .ok_or_else(|| Problem::invalid("id: is missing"))?;
        let model = wanted.model(id, self.clock.now(), &[])?;
        self.models.create(&model).await?;
        tracing::info!(model.id = %model.id, "model made");
        Ok(shown(&model))
    }

    /// Lists models in order of id.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list_models(&self) -> Result<Value, Problem> {
        let data: Vec<Value> = self.models.list().await?.iter().map(shown).collect();
        Ok(json!({"data": data}))
    }

    /// Replaces a model, all fields.
    ///
    /// # Errors
    /// When there is none, and as for [`make_model`](Self::make_model).
    pub async fn replace_model(&self, id: ModelId, wanted: WantedModel) -> Result<Value, Problem> {
        if wanted.id.as_ref().is_some_and(|given| *given != id) {
            return Err(Problem::invalid(
                "id: a model's id cannot be changed; make a new one with the old as alias",
            ));
        }
        let before = self.models.get(&id).await?;
        let mut model = wanted.model(id, before.created_at, &before.targets)?;
        model.revision = before.revision;
        self.models.replace(&model).await?;
        tracing::info!(model.id = %model.id, "model changed");
        Ok(shown(&model))
    }

    /// Removes a model.
    ///
    /// # Errors
    /// When there is none, or the store failed.
    pub async fn remove_model(&self, id: &ModelId) -> Result<(), Problem> {
        self.models.remove(id).await?;
        tracing::info!(model.id = %id, "model removed");
        Ok(())
    }
}

/// Makes a model.
pub(crate) async fn create(admin: Data<Admin>, wanted: Json<WantedModel>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(admin.make_model(wanted.into_inner()).await?))
}

/// Lists models.
pub(crate) async fn list(admin: Data<Admin>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.list_models().await?))
}

/// Shows a model.
pub(crate) async fn get(admin: Data<Admin>, id: Path<ModelId>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(shown(&admin.models.get(&id).await?)))
}

/// Replaces a model.
pub(crate) async fn replace(
    admin: Data<Admin>,
    id: Path<ModelId>,
    wanted: Json<WantedModel>,
) -> Result<HttpResponse, Problem> {
    let replaced = admin.replace_model(id.into_inner(), wanted.into_inner());
    Ok(HttpResponse::Ok().json(replaced.await?))
}

/// Removes a model.
pub(crate) async fn remove(admin: Data<Admin>, id: Path<ModelId>) -> Result<HttpResponse, Problem> {
    admin.remove_model(&id).await?;
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
        "context": model.context,
        "state": model.state,
        "created_at": model.created_at,
    })
}
