//! `/api/v1/keys`.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};
use llmgw_keys::{ApiKey, KeyText, MadeKey, NewKey, Page};
use llmgw_types::{KeyId, Limit, ModelId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::errors::Problem;

const MOST: usize = 1_000;

/// A new key as the API takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedKey {
    /// The owner's name; an unknown owner is made.
    pub owner: String,
    /// The key's name, `key` unless given.
    pub name: Option<String>,
    /// Models it may use; empty: all the owner may.
    #[serde(default)]
    pub models: Vec<ModelId>,
    /// Its own limits.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    after: Option<KeyId>,
    limit: Option<usize>,
}

impl Admin {
    /// Makes a key. With its replacement by [`rotate_key`](Self::rotate_key) the only answer that ever holds its
    /// text. `text` is one made elsewhere that shall go on working.
    ///
    /// # Errors
    /// When a field makes no sense or the store failed.
    pub async fn make_key(&self, wanted: WantedKey, text: Option<KeyText>) -> Result<Value, Problem> {
        let new = NewKey {
            name: wanted.name.unwrap_or_else(|| "key".to_owned()),
            owner: wanted.owner,
            models: wanted.models,
            limits: wanted.limits,
            expires_at: wanted.expires_at,
            text,
        };
        let made = self.keys.create(new, self.clock.now()).await?;
        tracing::info!(key.id = %made.key.id, user.id = %made.owner.id, "key made");
        Ok(with_text(&made))
    }

    /// Makes a key in place of another, which goes on for `overlap`.
    ///
    /// # Errors
    /// When there is no such key, it may not be used any more, or the store failed.
    pub async fn rotate_key(&self, id: KeyId, overlap: Duration) -> Result<Value, Problem> {
        let made = self.keys.rotate(id, overlap, self.clock.now()).await?;
        tracing::info!(key.id = %made.key.id, key.replaces = %id, "key rotated");
        Ok(with_text(&made))
    }

    /// Lists keys in the order in which they were made: a page of at most 1,000 after the key `after`.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list_keys(&self, after: Option<KeyId>, limit: Option<usize>) -> Result<Value, Problem> {
        let limit = limit.unwrap_or(MOST).clamp(1, MOST);
        let keys = self.keys.list(None, Page { after, limit }).await?;
        let next = keys.last().filter(|_| keys.len() == limit).map(|(key, _)| key.id);
        let data: Vec<Value> = keys.iter().map(|(key, owner)| shown(key, owner)).collect();
        Ok(json!({"data": data, "next": next}))
    }

    /// Revokes a key, in force from the next request on.
    ///
    /// # Errors
    /// When there is no such key or the store failed.
    pub async fn revoke_key(&self, id: KeyId) -> Result<(), Problem> {
        let key = self.keys.revoke(id).await?;
        tracing::info!(key.id = %key.id, "key revoked");
        Ok(())
    }
}

/// Makes a key.
pub(crate) async fn create(admin: Data<Admin>, wanted: Json<WantedKey>) -> Result<HttpResponse, Problem> {
    let made = admin.make_key(wanted.into_inner(), None).await?;
    Ok(HttpResponse::Created()
        .insert_header(("cache-control", "no-store"))
        .json(made))
}

/// Lists keys.
pub(crate) async fn list(admin: Data<Admin>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.list_keys(paging.after, paging.limit).await?))
}

/// Revokes a key.
pub(crate) async fn revoke(admin: Data<Admin>, id: Path<KeyId>) -> Result<HttpResponse, Problem> {
    admin.revoke_key(*id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn with_text(made: &MadeKey) -> Value {
    let mut shown = shown(&made.key, &made.owner.name);
    shown["key"] = made.text.expose().into();
    shown
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
