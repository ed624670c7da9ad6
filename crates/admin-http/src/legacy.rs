//! `/admin/...`: the calls of the system that this one replaces, for scripts that have them. They answer with its
//! status codes where those were meant, and never with a key.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use llmgw_keys::{KeyError, KeyState, KeyText};
use llmgw_models::ModelError;
use llmgw_types::{ExposeSecret, ModelId, Money, Price, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::admin::Admin;
use crate::caller::{Changer, Reader};
use crate::keys::{Filter, WantedKey};
use crate::models::WantedModel;
use crate::paging::MOST;
use crate::patch::secret;
use crate::problem::{Details, Problem};
use crate::words;

/// What a token cost there unless somebody said so, in the currency.
const USUAL_COST: f64 = 0.01 / 1_000.0;

/// A model as it was added there.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AddModel {
    /// Its name.
    #[schema(value_type = words::ModelName)]
    model: ModelId,
    /// Its path at the default upstream.
    target_path: String,
    /// Who runs it.
    owner: String,
    /// What a token of a prompt costs, in the currency.
    #[schema(minimum = 0, maximum = 1000)]
    prompt_cost: Option<f64>,
    /// What a token of an answer costs.
    #[schema(minimum = 0, maximum = 1000)]
    completion_cost: Option<f64>,
}

/// A model as it was removed there.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RemoveModel {
    /// Its name.
    #[schema(value_type = words::ModelName)]
    model: ModelId,
}

/// A key as it was added there.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AddKey {
    /// The owner.
    #[schema(value_type = words::Name)]
    user: String,
    /// Its text.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, write_only, min_length = 16, max_length = 256, pattern = "^[!-~]+$")]
    key: SecretString,
    /// Its name.
    #[schema(value_type = words::Name)]
    name: String,
}

/// A key as it was removed there; what else is sent does not matter.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RemoveKey {
    /// Its text.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, write_only)]
    key: SecretString,
}

fn gone(what: &str) -> Problem {
    Problem::new(StatusCode::GONE, what)
}

// Billionths of the currency for a million tokens.
fn price(per_token: Option<f64>, field: &str) -> Result<Money, Problem> {
    let nanos = per_token.unwrap_or(USUAL_COST) * 1e15;
    if !(0.0..=9e18).contains(&nanos) {
        return Err(Problem::invalid(format!("{field}: must be 0 or more")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds")]
    Ok(Money::from_nanos(nanos.round() as i64))
}

fn known_text(key: &SecretString) -> Result<KeyText, Problem> {
    KeyText::ours_or_imported(key.expose_secret().trim())
        .map_err(|_| Problem::invalid("key: a key has 16 to 256 visible characters"))
}

/// Adds a model at the default upstream.
#[utoipa::path(post, path = "/admin/addmodel", tag = "old calls", request_body = AddModel,
    responses((status = 201), (status = 409, body = Details), (status = 422, body = Details)))]
pub(crate) async fn add_model(
    admin: Data<Admin>,
    who: Changer,
    add: Json<AddModel>,
) -> Result<HttpResponse, Problem> {
    let add = add.into_inner();
    let prompt = price(add.prompt_cost, "prompt_cost")?;
    let price = Price {
        prompt,
        cached_prompt: prompt,
        completion: price(add.completion_cost, "completion_cost")?,
        ..Price::default()
    };
    let wanted = WantedModel {
        owned_by: Some(add.owner),
        price,
        ..WantedModel::named(add.model)
    };
    admin.make_model_at(&who.0, wanted, &add.target_path).await?;
    Ok(HttpResponse::Created().finish())
}

/// Removes a model.
#[utoipa::path(post, path = "/admin/removemodel", tag = "old calls", request_body = RemoveModel,
    responses((status = 200), (status = 410, body = Details, description = "There is none."), (status = 422, body = Details)))]
pub(crate) async fn remove_model(
    admin: Data<Admin>,
    who: Changer,
    remove: Json<RemoveModel>,
) -> Result<HttpResponse, Problem> {
    match admin.models.get(&remove.model).await {
        Err(ModelError::NotFound(_)) => return Err(gone("There is no such model.")),
        found => drop(found?),
    }
    admin.remove_model(&who.0, &remove.model, None).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Adds a key.
#[utoipa::path(post, path = "/admin/addapikey", tag = "old calls", request_body = AddKey,
    responses((status = 201), (status = 409, body = Details, description = "There is this key already."), (status = 422, body = Details)))]
pub(crate) async fn add_key(
    admin: Data<Admin>,
    who: Changer,
    add: Json<AddKey>,
) -> Result<HttpResponse, Problem> {
    let add = add.into_inner();
    let text = known_text(&add.key)?;
    let wanted = WantedKey {
        name: Some(add.name),
        ..WantedKey::of(add.user)
    };
    admin.make_key(&who.0, wanted, Some(text)).await?;
    Ok(HttpResponse::Created().finish())
}

/// Revokes a key.
#[utoipa::path(post, path = "/admin/removeapikey", tag = "old calls", request_body = RemoveKey,
    responses((status = 200), (status = 410, body = Details, description = "There is none."), (status = 422, body = Details)))]
pub(crate) async fn remove_key(
    admin: Data<Admin>,
    who: Changer,
    remove: Json<RemoveKey>,
) -> Result<HttpResponse, Problem> {
    let text = known_text(&remove.key)?;
    let key = match admin.keys.by_text(&text).await {
        Ok(key) if key.state == KeyState::Active => key,
        Ok(_) | Err(KeyError::NotFound) => return Err(gone("There is no such key.")),
        Err(error) => return Err(error.into()),
    };
    admin.revoke_key(&who.0, key.id).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Lists keys: what they are known by, never a key.
#[utoipa::path(get, path = "/admin/listkeys", tag = "old calls", responses((status = 200)))]
pub(crate) async fn list_keys(admin: Data<Admin>, _: Reader) -> Result<HttpResponse, Problem> {
    let mut all = Vec::new();
    let mut filter = Filter {
        limit: Some(MOST),
        ..Filter::default()
    };
    loop {
        let page = admin.list_keys(&filter).await?;
        all.extend(page.data.into_iter().map(|key| {
            json!({"user": key.owner, "active": key.state == KeyState::Active, "key": key.hint, "name": key.name})
        }));
        let Some(next) = page.next else {
            return Ok(HttpResponse::Ok().json(all));
        };
        filter.after = next.parse().ok();
    }
}
