//! `/api/v1/keys`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};
use llmgw_keys::{ApiKey, NewKey, Page};
use llmgw_types::{KeyId, Limit, ModelId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::errors::Problem;

const MOST: usize = 1_000;

/// A new key as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    owner: String,
    name: Option<String>,
    #[serde(default)]
    models: Vec<ModelId>,
    #[serde(default)]
    limits: Vec<Limit>,
    expires_at: Option<Timestamp>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    after: Option<KeyId>,
    limit: Option<usize>,
}

/// Makes a key. The only answer that ever holds its text.
pub(crate) async fn create(admin: Data<Admin>, wanted: Json<Wanted>) -> Result<HttpResponse, Problem> {
    let Wanted {
        owner,
        name,
        models,
        limits,
        expires_at,
    } = wanted.into_inner();
    let new = NewKey {
        name: name.unwrap_or_else(|| "key".to_owned()),
        owner,
        models,
        limits,
        expires_at,
    };
    let made = admin.keys.create(new, admin.clock.now()).await?;
    tracing::info!(key.id = %made.key.id, user.id = %made.owner.id, "key made");
    let mut body = shown(&made.key, &made.owner.name);
    body["key"] = made.text.expose().into();
    Ok(HttpResponse::Created()
        .insert_header(("cache-control", "no-store"))
        .json(body))
}

/// Lists keys in the order in which they were made.
pub(crate) async fn list(admin: Data<Admin>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let limit = paging.limit.unwrap_or(MOST).clamp(1, MOST);
    let keys = admin
        .keys
        .list(Page {
            after: paging.after,
            limit,
        })
        .await?;
    let next = keys.last().filter(|_| keys.len() == limit).map(|(key, _)| key.id);
    let data: Vec<Value> = keys.iter().map(|(key, owner)| shown(key, owner)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "next": next})))
}

/// Revokes a key, in force from the next request on.
pub(crate) async fn revoke(admin: Data<Admin>, id: Path<KeyId>) -> Result<HttpResponse, Problem> {
    let key = admin.keys.revoke(*id).await?;
    tracing::info!(key.id = %key.id, "key revoked");
    Ok(HttpResponse::NoContent().finish())
}

fn shown(key: &ApiKey, owner: &str) -> Value {
    json!({
        "id": key.id,
        "hint": key.hint,
        "owner": owner,
        "owner_id": key.owner,
        "name": key.name,
        "models": key.models,
        "limits": key.limits,
        "expires_at": key.expires_at,
        "state": key.state,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "replaces": key.replaces,
    })
}
