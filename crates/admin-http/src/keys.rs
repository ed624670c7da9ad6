//! `/api/v1/keys`.

mod wanted;

pub(crate) use wanted::Rotated;
pub use wanted::{Filter, PatchedKey, WantedKey};

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};
use llmgw_keys::{ApiKey, KeyState, KeyText, MadeKey, NewKey, Page};
use llmgw_types::{KeyId, Limit, ModelId, Revision, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::{Admin, Planned};
use crate::caller::{Caller, Changer, Reader};
use crate::etag::{Seen, tagged};
use crate::paging::{self, Listed};
use crate::problem::{Details, Problem};
use crate::words;

const DAY: Duration = Duration::from_hours(24);

/// A key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub struct ShownKey {
    /// Its id.
    #[schema(value_type = words::Id)]
    pub(crate) id: KeyId,
    /// What to know it by: how it begins and ends.
    pub(crate) hint: String,
    /// The owner's name.
    pub(crate) owner: String,
    /// The owner.
    #[schema(value_type = words::Id)]
    pub(crate) owner_id: UserId,
    /// What its owner calls it.
    pub(crate) name: String,
    /// Models it may use; empty: all its owner may.
    #[schema(value_type = Vec<words::ModelName>)]
    pub(crate) models: Vec<ModelId>,
    /// Its own limits.
    #[schema(value_type = Vec<words::Limit>)]
    pub(crate) limits: Vec<Limit>,
    /// From when on it is refused.
    #[schema(value_type = Option<words::Time>)]
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether it may be used.
    #[schema(value_type = words::KeyStateName)]
    pub(crate) state: KeyState,
    /// When it was made.
    #[schema(value_type = words::Time)]
    pub(crate) created_at: Timestamp,
    /// When it was last used, up to a minute late.
    #[schema(value_type = Option<words::Time>)]
    pub(crate) last_used_at: Option<Timestamp>,
    /// The key whose place it took.
    #[schema(value_type = Option<words::Id>)]
    pub(crate) replaces: Option<KeyId>,
    /// How often it was changed; the number in its `ETag`.
    #[schema(value_type = u32)]
    pub(crate) revision: Revision,
    /// The key itself: only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

pub(crate) fn shown(key: ApiKey, owner: String) -> ShownKey {
    ShownKey {
        id: key.id,
        hint: key.hint,
        owner,
        owner_id: key.owner,
        name: key.name,
        models: key.models,
        limits: key.limits,
        expires_at: key.expires_at,
        state: key.state,
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        replaces: key.replaces,
        revision: key.revision,
        key: None,
    }
}

fn with_text(made: MadeKey) -> ShownKey {
    ShownKey {
        key: Some(made.text.expose().to_owned()),
        ..shown(made.key, made.owner.name)
    }
}

// For the audit log, which keeps no names of people.
fn noted(key: &ApiKey) -> Value {
    json!({
        "owner_id": key.owner,
        "hint": key.hint,
        "models": key.models,
        "limits": key.limits,
        "expires_at": key.expires_at,
        "state": key.state,
        "replaces": key.replaces,
    })
}

fn subject(id: KeyId) -> String {
    format!("key:{id}")
}

impl Admin {
    /// Makes a key. With its replacement by [`rotate_key`](Self::rotate_key) the only answer that ever holds its
    /// text.
    ///
    /// # Errors
    /// When a field makes no sense or a store failed.
    pub async fn make_key(
        &self,
        caller: &Caller,
        wanted: WantedKey,
        text: Option<KeyText>,
    ) -> Result<ShownKey, Problem> {
        let planned = Planned {
            action: if text.is_some() {
                "key.import"
            } else {
                "key.create"
            },
            subject: "key".to_owned(),
            before: None,
            after: Some(json!({
                "models": wanted.models, "limits": wanted.limits, "expires_at": wanted.expires_at,
            })),
        };
        let new = NewKey {
            name: wanted.name.unwrap_or_else(|| "key".to_owned()),
            owner: wanted.owner,
            models: wanted.models,
            limits: wanted.limits,
            expires_at: wanted.expires_at,
            text,
        };
        let making = async {
            let made = self.keys.create(new, self.clock.now()).await?;
            let after = json!({"key": made.key.id, "is": noted(&made.key)});
            Ok((with_text(made), Some(after)))
        };
        self.audited(caller, planned, making).await
    }

    /// Makes a key in place of another, which goes on for `overlap`.
    ///
    /// # Errors
    /// When there is no such key, it may not be used any more, or a store failed.
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        id: KeyId,
        overlap: Duration,
    ) -> Result<ShownKey, Problem> {
        let before = self.keys.get(id).await?;
        let planned = Planned {
            action: "key.rotate",
            subject: subject(id),
            before: Some(noted(&before)),
            after: Some(json!({"overlap_seconds": overlap.as_secs()})),
        };
        let rotating = async {
            let made = self.keys.rotate(id, overlap, self.clock.now()).await?;
            let after = json!({"key": made.key.id, "is": noted(&made.key)});
            Ok((with_text(made), Some(after)))
        };
        self.audited(caller, planned, rotating).await
    }

    /// Lists keys in the order in which they were made: a page after the key `after`.
    ///
    /// # Errors
    /// When there is no such owner, the limit is out of bounds, or a store failed.
    pub async fn list_keys(&self, filter: &Filter) -> Result<Listed<ShownKey>, Problem> {
        let limit = paging::limit(filter.limit)?;
        let owner = match &filter.owner {
            Some(owner) => Some(self.users.find(owner).await?.id),
            None => None,
        };
        let mut after = filter.after;
        let mut found = Vec::new();
        loop {
            let page = self.keys.list(owner, Page { after, limit }).await?;
            let last = page.len() < limit;
            after = page.last().map(|(key, _)| key.id);
            let wanted = |key: &ApiKey| filter.state.is_none_or(|state| state == key.state);
            found.extend(page.into_iter().filter(|(key, _)| wanted(key)));
            if last || found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
        let data = found.into_iter().map(|(key, owner)| shown(key, owner)).collect();
        Ok(Listed::new(data, limit, |key| key.id.to_string()))
    }

    /// One key.
    ///
    /// # Errors
    /// When there is no such key or a store failed.
    pub async fn key(&self, id: KeyId) -> Result<ShownKey, Problem> {
        let key = self.keys.get(id).await?;
        self.with_owner(key).await
    }

    async fn with_owner(&self, key: ApiKey) -> Result<ShownKey, Problem> {
        let owner = self.name_of(key.owner).await?.unwrap_or_default();
        Ok(shown(key, owner))
    }

    /// Changes a key. `seen`: only if it has this revision.
    ///
    /// # Errors
    /// When there is no such key, it is not what was seen, a field makes no sense, or a store failed.
    pub async fn change_key(
        &self,
        caller: &Caller,
        id: KeyId,
        seen: Option<Revision>,
        patch: PatchedKey,
    ) -> Result<ShownKey, Problem> {
        let before = self.keys.get(id).await?;
        let mut after = before.clone();
        patch.apply(&mut after, self.clock.now())?;
        let planned = Planned {
            action: "key.change",
            subject: subject(id),
            before: Some(noted(&before)),
            after: Some(noted(&after)),
        };
        let changing = async {
            let now = self.clock.now();
            let key = self.keys.change(id, seen, |key| patch.apply(key, now)).await?;
            Ok((key, None))
        };
        let key = self.audited(caller, planned, changing).await?;
        self.with_owner(key).await
    }

    /// Revokes a key, in force from the next request on.
    ///
    /// # Errors
    /// When there is no such key or a store failed.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<(), Problem> {
        let before = self.keys.get(id).await?;
        let planned = Planned {
            action: "key.revoke",
            subject: subject(id),
            before: Some(noted(&before)),
            after: None,
        };
        let revoking = async { Ok((self.keys.revoke(id).await.map(drop)?, None)) };
        self.audited(caller, planned, revoking).await
    }
}

fn secret(answer: ShownKey) -> HttpResponse {
    let mut created = HttpResponse::Created();
    created.insert_header(("cache-control", "no-store"));
    tagged(created, answer.revision, answer)
}

/// Makes a key, or takes one over that was made elsewhere.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = WantedKey,
    responses((status = 201, body = ShownKey), (status = 409, body = Details, description = "There is this key already."), (status = 422, body = Details)))]
pub(crate) async fn create(
    admin: Data<Admin>,
    who: Changer,
    wanted: Json<WantedKey>,
) -> Result<HttpResponse, Problem> {
    let mut wanted = wanted.into_inner();
    let text = wanted.take_text()?;
    Ok(secret(admin.make_key(&who.0, wanted, text).await?))
}

/// Lists keys in the order they were made.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(Filter),
    responses((status = 200, body = Listed<ShownKey>), (status = 400, body = Details), (status = 404, body = Details, description = "There is no such owner."), (status = 422, body = Details)))]
pub(crate) async fn list(
    admin: Data<Admin>,
    _: Reader,
    filter: Query<Filter>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(admin.list_keys(&filter).await?))
}

/// Shows a key.
#[utoipa::path(get, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = words::Id, Path)),
    responses((status = 200, body = ShownKey, headers(("ETag" = String))), (status = 404, body = Details)))]
pub(crate) async fn get(admin: Data<Admin>, _: Reader, id: Path<KeyId>) -> Result<HttpResponse, Problem> {
    let key = admin.key(*id).await?;
    Ok(tagged(HttpResponse::Ok(), key.revision, key))
}

/// Changes a key; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/keys/{id}", tag = "keys",
    params(("id" = words::Id, Path), ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    request_body = PatchedKey,
    responses((status = 200, body = ShownKey), (status = 404, body = Details), (status = 412, body = Details), (status = 422, body = Details)))]
pub(crate) async fn change(
    admin: Data<Admin>,
    who: Changer,
    id: Path<KeyId>,
    seen: Seen,
    patch: Json<PatchedKey>,
) -> Result<HttpResponse, Problem> {
    let key = admin.change_key(&who.0, *id, seen.0, patch.into_inner()).await?;
    Ok(tagged(HttpResponse::Ok(), key.revision, key))
}

/// Makes a key in place of another.
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", tag = "keys", params(("id" = words::Id, Path)), request_body = Rotated,
    responses((status = 201, body = ShownKey), (status = 404, body = Details), (status = 422, body = Details)))]
pub(crate) async fn rotate(
    admin: Data<Admin>,
    who: Changer,
    id: Path<KeyId>,
    rotated: Json<Rotated>,
) -> Result<HttpResponse, Problem> {
    let seconds = rotated.overlap_seconds;
    let overlap = seconds.map_or(DAY, |seconds| Duration::from_secs(seconds.into()));
    Ok(secret(admin.rotate_key(&who.0, *id, overlap).await?))
}

/// Revokes a key for good.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = words::Id, Path)),
    responses((status = 204), (status = 404, body = Details)))]
pub(crate) async fn revoke(
    admin: Data<Admin>,
    who: Changer,
    id: Path<KeyId>,
) -> Result<HttpResponse, Problem> {
    admin.revoke_key(&who.0, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
