//! One's own keys.

use std::time::Duration;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_keys::{ApiKey, KeyState, MadeKey, NewOwnKey};
use llmgw_types::{KeyId, ModelId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::me::check;
use crate::errors::PageError;
use crate::facts;
use crate::portal::Portal;
use crate::session::{Member, Person};

const DAY: Duration = Duration::from_hours(24);

/// A key goes on for so long at most after it was replaced.
pub(crate) const LONGEST_OVERLAP: Duration = Duration::from_hours(30 * 24);

/// A key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// What to know it by: how it begins and ends.
    hint: String,
    /// Models it may use; empty: all its owner may.
    models: Vec<String>,
    /// When it was made (RFC 3339, as all times).
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When it was last used, up to a minute late.
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Timestamp>,
    /// From when on it is refused.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    /// The key whose place it took.
    replaces: Option<String>,
    /// The key itself: only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// All keys of one person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Keys {
    /// In the order they were made.
    data: Vec<Key>,
    /// How many count against the most.
    count: usize,
    /// The most there may be.
    most: usize,
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Its name, 1 to 128 characters.
    name: String,
    /// Models it may use; empty: all.
    #[serde(default)]
    models: Vec<String>,
    /// From when on it is refused (RFC 3339); never unless given.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renamed {
    /// 1 to 128 characters.
    name: String,
}

/// How a key is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotated {
    /// For how many seconds the old one goes on; 24 hours unless given, 30 days at most.
    overlap_seconds: Option<u64>,
}

fn shown(key: ApiKey, now: Timestamp) -> Key {
    let state = match key.state {
        KeyState::Revoked => "revoked",
        KeyState::Active if facts::is_usable(&key, now) => "active",
        KeyState::Active => "expired",
    };
    Key {
        id: key.id.to_string(),
        name: key.name,
        hint: key.hint,
        models: key.models.iter().map(ToString::to_string).collect(),
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        expires_at: key.expires_at,
        state,
        replaces: key.replaces.map(|id| id.to_string()),
        key: None,
    }
}

fn made(made: MadeKey, now: Timestamp) -> HttpResponse {
    let mut key = shown(made.key, now);
    key.key = Some(made.text.expose().to_owned());
    HttpResponse::Created().json(key)
}

/// One's keys.
#[utoipa::path(get, path = "/api/v1/me/keys", responses((status = 200, body = Keys), (status = 401, body = Problem)))]
pub(crate) async fn list(portal: Data<Portal>, who: Member) -> Result<HttpResponse, PageError> {
    let (most, now) = (portal.site.max_keys, portal.clock.now());
    let own = portal.keys.own(&who.0.user, most);
    let count = own.count(now).await?;
    let data = own.list().await?.into_iter().map(|key| shown(key, now)).collect();
    Ok(HttpResponse::Ok().json(Keys { data, count, most }))
}

/// Makes a key. The only answer that holds its text.
#[utoipa::path(post, path = "/api/v1/me/keys", request_body = NewKey,
    responses((status = 201, body = Key), (status = 400, body = Problem), (status = 409, body = Problem, description = "As many as there may be.")))]
pub(crate) async fn create(
    portal: Data<Portal>,
    request: HttpRequest,
    who: Member,
    new: Json<NewKey>,
) -> Result<HttpResponse, PageError> {
    check(&who.0, &request)?;
    let new = new.into_inner();
    let models = known_models(&portal, &who.0, new.models.iter().map(String::as_str)).await?;
    let new = NewOwnKey {
        name: new.name,
        models,
        expires_at: new.expires_at,
    };
    Ok(made(make(&portal, &who.0, new).await?, portal.clock.now()))
}

/// The models of these names, where this person may use them.
pub(crate) async fn known_models(
    portal: &Portal,
    person: &Person,
    names: impl Iterator<Item = &str>,
) -> Result<Vec<ModelId>, PageError> {
    let may = facts::models(portal, &person.user).await?;
    let found = names.map(|name| {
        let model = may.iter().find(|model| model.id.as_str() == name);
        model.map(|model| model.id.clone()).ok_or_else(|| {
            let name: String = name.chars().take(64).collect();
            PageError::Invalid(format!("models: there is no model `{name}` that you may use"))
        })
    });
    found.collect()
}

/// Makes a key for this person.
pub(crate) async fn make(portal: &Portal, person: &Person, new: NewOwnKey) -> Result<MadeKey, PageError> {
    let own = portal.keys.own(&person.user, portal.site.max_keys);
    let made = own.create(new, portal.clock.now()).await?;
    tracing::info!(key.id = %made.key.id, user.id = %person.user.id, "key made");
    Ok(made)
}

/// Renames a key.
#[utoipa::path(patch, path = "/api/v1/me/keys/{id}", params(("id" = String, Path)), request_body = Renamed,
    responses((status = 200, body = Key), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn rename(
    portal: Data<Portal>,
    request: HttpRequest,
    who: Member,
    id: Path<KeyId>,
    renamed: Json<Renamed>,
) -> Result<HttpResponse, PageError> {
    check(&who.0, &request)?;
    let now = portal.clock.now();
    let own = portal.keys.own(&who.0.user, portal.site.max_keys);
    let key = own.rename(*id, &renamed.name, now).await?;
    Ok(HttpResponse::Ok().json(shown(key, now)))
}

/// Replaces a key.
#[utoipa::path(post, path = "/api/v1/me/keys/{id}/rotate", params(("id" = String, Path)), request_body = Rotated,
    responses((status = 201, body = Key), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn rotate(
    portal: Data<Portal>,
    request: HttpRequest,
    who: Member,
    id: Path<KeyId>,
    rotated: Json<Rotated>,
) -> Result<HttpResponse, PageError> {
    check(&who.0, &request)?;
    let overlap = rotated.overlap_seconds.map_or(DAY, Duration::from_secs);
    Ok(made(
        replace(&portal, &who.0, *id, overlap).await?,
        portal.clock.now(),
    ))
}

/// Makes a key in place of another of this person.
pub(crate) async fn replace(
    portal: &Portal,
    person: &Person,
    id: KeyId,
    overlap: Duration,
) -> Result<MadeKey, PageError> {
    if overlap > LONGEST_OVERLAP {
        return Err(PageError::Invalid("overlap_seconds: 30 days at most".to_owned()));
    }
    let own = portal.keys.own(&person.user, portal.site.max_keys);
    let made = own.rotate(id, overlap, portal.clock.now()).await?;
    tracing::info!(key.id = %made.key.id, key.replaces = %id, user.id = %person.user.id, "key rotated");
    Ok(made)
}

/// Revokes a key for good.
#[utoipa::path(delete, path = "/api/v1/me/keys/{id}", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(crate) async fn revoke(
    portal: Data<Portal>,
    request: HttpRequest,
    who: Member,
    id: Path<KeyId>,
) -> Result<HttpResponse, PageError> {
    check(&who.0, &request)?;
    end(&portal, &who.0, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Revokes a key of this person.
pub(crate) async fn end(portal: &Portal, person: &Person, id: KeyId) -> Result<ApiKey, PageError> {
    let own = portal.keys.own(&person.user, portal.site.max_keys);
    let key = own.revoke(id).await?;
    tracing::info!(key.id = %key.id, user.id = %person.user.id, "key revoked");
    Ok(key)
}
