//! `/api/v1/models`.

pub(crate) mod tested;
mod wanted;

pub use wanted::{WantedModel, WantedSecret, WantedTarget};

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use llmgw_models::{Access, Model, ModelError, ModelState, Quirk, SecretRef, Target, Timeouts};
use llmgw_types::{Endpoint, Limit, ModelId, Price, Revision, TargetId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::{Admin, Planned};
use crate::caller::{Caller, Changer, Reader};
use crate::etag::{Seen, tagged};
use crate::problem::{Details, Problem};
use crate::words;

/// A model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub struct ShownModel {
    /// What clients send as `model`.
    #[schema(value_type = words::ModelName)]
    pub(crate) id: ModelId,
    /// Further names of it.
    #[schema(value_type = Vec<words::ModelName>)]
    pub(crate) aliases: Vec<ModelId>,
    /// Who runs it, as `/v1/models` says.
    pub(crate) owned_by: String,
    /// What it serves; empty: everything.
    #[schema(value_type = Vec<words::EndpointName>)]
    pub(crate) endpoints: Vec<Endpoint>,
    /// Where it is served, first choice first; empty: at the default upstream.
    pub(crate) targets: Vec<ShownTarget>,
    /// What it costs.
    #[schema(value_type = words::Price)]
    pub(crate) price: Price,
    /// Who may use it.
    #[schema(value_type = words::Access)]
    pub(crate) access: Access,
    /// Models that take over where none of its targets can be reached.
    #[schema(value_type = Vec<words::ModelName>)]
    pub(crate) fallbacks: Vec<ModelId>,
    /// How long to wait for it.
    #[schema(value_type = words::Timeouts)]
    pub(crate) timeouts: Timeouts,
    /// Limits of all its use.
    #[schema(value_type = Vec<words::Limit>)]
    pub(crate) limits: Vec<Limit>,
    /// Tokens reserved for an answer whose request names no most.
    pub(crate) default_answer_tokens: u64,
    /// Tokens that prompt and answer together may have; shown to people.
    pub(crate) context: Option<u32>,
    /// Whether it is served.
    #[schema(value_type = words::Switch)]
    pub(crate) state: ModelState,
    /// When it was made.
    #[schema(value_type = words::Time)]
    pub(crate) created_at: Timestamp,
    /// How often it was changed; the number in its `ETag`.
    #[schema(value_type = u32)]
    pub(crate) revision: Revision,
}

/// A target. Of a secret it tells where it is, never what it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Target)]
pub struct ShownTarget {
    /// Its name in records and metrics.
    #[schema(value_type = words::TargetName)]
    pub(crate) id: TargetId,
    /// Where it is.
    #[schema(value_type = words::Address)]
    pub(crate) base_url: String,
    /// Its own name for the model; null: the public one.
    pub(crate) model: Option<String>,
    /// Where its secret is: empty (it needs none), `default`, `env:NAME`, `file:NAME`, or `sealed` (it was given, and
    /// is kept encrypted).
    pub(crate) secret: String,
    /// Its share of requests beside others.
    pub(crate) weight: u32,
    /// The most requests to run there at once.
    pub(crate) max_in_flight: Option<u32>,
    /// What it does otherwise than it should.
    #[schema(value_type = Vec<words::QuirkName>)]
    pub(crate) quirks: Vec<Quirk>,
}

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub struct Models {
    /// In the order of their ids.
    pub(crate) data: Vec<ShownModel>,
}

impl From<Target> for ShownTarget {
    fn from(target: Target) -> Self {
        Self {
            id: target.id,
            base_url: target.base_url,
            model: target.model,
            secret: shown_secret(&target.secret),
            weight: target.weight,
            max_in_flight: target.max_in_flight,
            quirks: target.quirks,
        }
    }
}

fn shown_secret(secret: &SecretRef) -> String {
    secret.to_string()
}

impl From<Model> for ShownModel {
    fn from(model: Model) -> Self {
        Self {
            id: model.id,
            aliases: model.aliases,
            owned_by: model.owned_by,
            endpoints: model.endpoints,
            targets: model.targets.into_iter().map(ShownTarget::from).collect(),
            price: model.price,
            access: model.access,
            fallbacks: model.fallbacks,
            timeouts: model.timeouts,
            limits: model.limits,
            default_answer_tokens: model.default_answer_tokens,
            context: model.context,
            state: model.state,
            created_at: model.created_at,
            revision: model.revision,
        }
    }
}

// For the audit log.
fn noted(model: &Model) -> Value {
    json!(ShownModel::from(model.clone()))
}

fn subject(id: &ModelId) -> String {
    format!("model:{id}")
}

impl Admin {
    /// Makes a model.
    ///
    /// # Errors
    /// When a field makes no sense, a name is taken, or a store failed.
    pub async fn make_model(&self, caller: &Caller, mut wanted: WantedModel) -> Result<ShownModel, Problem> {
        let id = wanted
            .id
            .take()
            .ok_or_else(|| Problem::invalid("id: is missing"))?;
        let model = wanted.model(id, self.clock.now(), &[], self.sealer())?;
        self.put_model(caller, None, Some(&model)).await?;
        Ok(model.into())
    }

    /// Makes a model at `path` of the default upstream, with the default upstream secret: where the system that this
    /// one replaces had all of its models.
    ///
    /// # Errors
    /// When there is no default upstream; as for [`make_model`](Self::make_model).
    pub async fn make_model_at(
        &self,
        caller: &Caller,
        mut wanted: WantedModel,
        path: &str,
    ) -> Result<ShownModel, Problem> {
        let id = wanted
            .id
            .take()
            .ok_or_else(|| Problem::invalid("id: is missing"))?;
        let mut model = wanted.model(id, self.clock.now(), &[], self.sealer())?;
        let path = path.trim_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path);
        // Without a target it is served there under its own id.
        if path != model.id.as_str() {
            let upstream = self.default_upstream.as_ref().ok_or_else(|| {
                Problem::invalid("target_path: there is no default upstream; set upstream.default_url")
            })?;
            let target = WantedTarget::at(upstream.clone(), path.to_owned());
            model.targets.push(target.at_default_upstream()?);
        }
        self.put_model(caller, None, Some(&model)).await?;
        Ok(model.into())
    }

    /// Makes (`before` is `None`), replaces or removes (`after` is `None`) a model.
    pub(crate) async fn put_model(
        &self,
        caller: &Caller,
        before: Option<&Model>,
        after: Option<&Model>,
    ) -> Result<(), Problem> {
        let Some(model) = after.or(before) else {
            return Ok(());
        };
        let planned = Planned {
            action: match (before, after) {
                (None, _) => "model.create",
                (Some(_), Some(_)) => "model.replace",
                (Some(_), None) => "model.remove",
            },
            subject: subject(&model.id),
            before: before.map(noted),
            after: after.map(noted),
        };
        let putting = async {
            let put = match (before, after) {
                (None, _) => self.models.create(model).await,
                (Some(_), Some(_)) => self.models.replace(model).await,
                (Some(before), None) => self.models.remove(&before.id, Some(before.revision)).await,
            };
            Ok((put?, None))
        };
        self.audited(caller, planned, putting).await
    }

    /// Lists models in order of id.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list_models(&self) -> Result<Models, Problem> {
        let models = self.models.list().await?;
        let data = models.into_iter().map(ShownModel::from).collect();
        Ok(Models { data })
    }

    /// Replaces a model, all fields. `seen`: only if it has this revision.
    ///
    /// # Errors
    /// When there is none, it is not what was seen, and as for [`make_model`](Self::make_model).
    pub async fn replace_model(
        &self,
        caller: &Caller,
        id: ModelId,
        seen: Option<Revision>,
        wanted: WantedModel,
    ) -> Result<ShownModel, Problem> {
        if wanted.id.as_ref().is_some_and(|given| *given != id) {
            return Err(Problem::invalid(
                "id: a model's id cannot be changed; make a new one with the old as alias",
            ));
        }
        let before = self.seen_model(&id, seen).await?;
        let model = Model {
            revision: before.revision,
            ..wanted.model(id, before.created_at, &before.targets, self.sealer())?
        };
        self.put_model(caller, Some(&before), Some(&model)).await?;
        let revision = model.revision.next();
        Ok(Model { revision, ..model }.into())
    }

    /// Removes a model. `seen`: only if it has this revision.
    ///
    /// # Errors
    /// When there is none, it is not what was seen, or a store failed.
    pub async fn remove_model(
        &self,
        caller: &Caller,
        id: &ModelId,
        seen: Option<Revision>,
    ) -> Result<(), Problem> {
        loop {
            let before = self.seen_model(id, seen).await?;
            match self.put_model(caller, Some(&before), None).await {
                // Whoever does not care what was there removes what is there now.
                Err(problem) if seen.is_none() && problem.is_of_change() => {}
                removed => return removed,
            }
        }
    }

    async fn seen_model(&self, id: &ModelId, seen: Option<Revision>) -> Result<Model, Problem> {
        let model = self.models.get(id).await?;
        match seen {
            Some(seen) if seen != model.revision => Err(Problem::changed()),
            _ => Ok(model),
        }
    }

    /// Whether there is a model of this id.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn has_model(&self, id: &ModelId) -> Result<bool, Problem> {
        match self.models.get(id).await {
            Ok(_) => Ok(true),
            Err(ModelError::NotFound(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes a model.
#[utoipa::path(post, path = "/api/v1/models", tag = "models", request_body = WantedModel,
    responses((status = 201, body = ShownModel), (status = 409, body = Details, description = "A name is taken."), (status = 422, body = Details)))]
pub(crate) async fn create(
    admin: Data<Admin>,
    who: Changer,
    wanted: Json<WantedModel>,
) -> Result<HttpResponse, Problem> {
    let made = admin.make_model(&who.0, wanted.into_inner()).await?;
    Ok(tagged(HttpResponse::Created(), made.revision, made))
}

/// Lists models.
#[utoipa::path(get, path = "/api/v1/models", tag = "models", responses((status = 200, body = Models)))]
pub(crate) async fn list(admin: Data<Admin>, _: Reader) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.list_models().await?))
}

/// Shows a model.
#[utoipa::path(get, path = "/api/v1/models/{id}", tag = "models", params(("id" = words::ModelName, Path)),
    responses((status = 200, body = ShownModel, headers(("ETag" = String))), (status = 404, body = Details)))]
pub(crate) async fn get(admin: Data<Admin>, _: Reader, id: Path<ModelId>) -> Result<HttpResponse, Problem> {
    let model = admin.models.get(&id).await?;
    Ok(tagged(
        HttpResponse::Ok(),
        model.revision,
        ShownModel::from(model),
    ))
}

/// Replaces a model, all fields: what is left out has its default.
#[utoipa::path(put, path = "/api/v1/models/{id}", tag = "models",
    params(("id" = words::ModelName, Path), ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    request_body = WantedModel,
    responses((status = 200, body = ShownModel), (status = 404, body = Details), (status = 409, body = Details), (status = 412, body = Details), (status = 422, body = Details)))]
pub(crate) async fn replace(
    admin: Data<Admin>,
    who: Changer,
    id: Path<ModelId>,
    seen: Seen,
    wanted: Json<WantedModel>,
) -> Result<HttpResponse, Problem> {
    let replaced = admin.replace_model(&who.0, id.into_inner(), seen.0, wanted.into_inner());
    let replaced = replaced.await?;
    Ok(tagged(HttpResponse::Ok(), replaced.revision, replaced))
}

/// Removes a model.
#[utoipa::path(delete, path = "/api/v1/models/{id}", tag = "models",
    params(("id" = words::ModelName, Path), ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    responses((status = 204), (status = 404, body = Details), (status = 412, body = Details)))]
pub(crate) async fn remove(
    admin: Data<Admin>,
    who: Changer,
    id: Path<ModelId>,
    seen: Seen,
) -> Result<HttpResponse, Problem> {
    admin.remove_model(&who.0, &id, seen.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
