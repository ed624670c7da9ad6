//! Keys of anybody.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_keys::KeyState;
use llmgw_pages::admin::{
    ConfirmPage, Filled, KeyLine, KeyPage, KeyWord, KeysPage, LeftLine, MadePage, NewKeyPage, Place,
};
use llmgw_types::KeyId;

use super::super::{PageCaller, PageChange, PageError, go, page};
use super::fields::{
    again, end_of_day, fill_limits, in_words, joined, last_day, limits, read, seen, shown_again, text, told,
    words,
};
use super::lists::{Sought, left, when};
use crate::admin::Admin;
use crate::keys::{Filter, PatchedKey, ShownKey, WantedKey};
use crate::problem::Problem;

const PAGE: usize = 50;

/// `GET /keys`.
pub(super) async fn list(
    admin: Data<Admin>,
    who: PageCaller,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let mut sought = Sought::read(request.query_string(), &["owner", "state"]);
    let (mut status, mut keys, mut next) = (StatusCode::OK, Vec::new(), None);
    match found(&admin, &sought).await {
        Ok(listed) => (keys, next) = (listed.data, listed.next),
        // Nobody has that name.
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => {}
        Err(problem) => {
            let text;
            (status, text) = again(problem)?;
            sought.form = sought.form.refused(&text);
        }
    }
    let shown = KeysPage {
        frame: told(who.frame(Some(Place::Keys)), sought.done.as_deref()),
        filtered: sought.filtered(),
        keys: keys.iter().map(|key| line(&admin, key)).collect(),
        next: sought.next("/keys", next.as_ref()),
        first: sought.first("/keys"),
        filter: sought.form,
    };
    page(status, &shown)
}

async fn found(admin: &Admin, sought: &Sought) -> Result<crate::paging::Listed<ShownKey>, Problem> {
    let filter = Filter {
        owner: sought.one("owner").map(str::to_owned),
        state: sought.one("state").map(|text| read("state", text)).transpose()?,
        after: sought
            .after
            .as_deref()
            .map(|text| read("after", text))
            .transpose()?,
        limit: Some(PAGE),
    };
    admin.list_keys(&filter).await
}

fn line(admin: &Admin, key: &ShownKey) -> KeyLine {
    let over = key.expires_at.is_some_and(|end| end <= admin.clock.now());
    KeyLine {
        id: key.id.to_string(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        owner: key.owner.clone(),
        owner_id: key.owner_id.to_string(),
        state: match key.state {
            KeyState::Revoked => KeyWord::Revoked,
            KeyState::Active if over => KeyWord::Expired,
            KeyState::Active => KeyWord::Active,
        },
        created: when(admin, key.created_at),
        last_used: key.last_used_at.map(|at| when(admin, at)),
        expires: key.expires_at.map(|at| when(admin, at)),
        limits: in_words(&key.limits),
    }
}

/// `GET /new-key`.
pub(super) async fn ask(who: PageCaller, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let mut form = Sought::read(request.query_string(), &["owner"]).form;
    fill_limits(&mut form, "limits", &[]);
    let shown = NewKeyPage {
        frame: who.frame(Some(Place::Keys)),
        form,
    };
    page(StatusCode::OK, &shown)
}

/// `POST /new-key`.
pub(super) async fn make(admin: Data<Admin>, change: PageChange) -> Result<HttpResponse, PageError> {
    let fields = &change.fields;
    let made = async {
        let mut wanted = WantedKey::of(fields.one("owner").to_owned());
        wanted.name = text(fields, "name");
        wanted.models = words("models", fields.one("models"))?;
        wanted.limits = limits(fields, "limits")?;
        wanted.expires_at = end_of_day(&admin, fields, "expires_at")?;
        admin.make_key(&change.who.caller, wanted, None).await
    };
    match made.await {
        Ok(key) => made_page(&change.who, key, None),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let shown = NewKeyPage {
                frame: change.who.frame(Some(Place::Keys)),
                form: shown_again(fields, status, &text, &Filled::default()),
            };
            page(status, &shown)
        }
    }
}

fn made_page(who: &PageCaller, key: ShownKey, overlap: Option<String>) -> Result<HttpResponse, PageError> {
    let shown = MadePage {
        frame: who.frame(Some(Place::Keys)),
        id: key.id.to_string(),
        name: key.name,
        owner: key.owner,
        text: key.key.unwrap_or_default(),
        overlap,
    };
    let mut answer = page(StatusCode::OK, &shown)?;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// `GET /keys/{id}`.
pub(super) async fn show(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<KeyId>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let key = admin.key(*id).await?;
    let sought = Sought::read(request.query_string(), &[]);
    let form = filled(&admin, &key);
    let mut shown = key_page(&admin, &who, &key, form).await?;
    shown.frame = told(shown.frame, sought.done.as_deref());
    page(StatusCode::OK, &shown)
}

async fn key_page(
    admin: &Admin,
    who: &PageCaller,
    key: &ShownKey,
    form: Filled,
) -> Result<KeyPage, PageError> {
    Ok(KeyPage {
        frame: who.frame(Some(Place::Keys)),
        key: line(admin, key),
        form,
        left: left_of(admin, key.id).await,
    })
}

// The page is of use without.
async fn left_of(admin: &Admin, id: KeyId) -> Option<Vec<LeftLine>> {
    let read = async {
        let key = admin.keys.get(id).await?;
        let owner = admin.users.get(key.owner).await?;
        admin.limits_left(&owner, Some(&key)).await
    };
    match read.await {
        Ok(limits) => Some(limits.data.iter().map(|limit| left(admin, limit)).collect()),
        Err(error) => {
            tracing::warn!(%error, "limits cannot be read");
            None
        }
    }
}

fn filled(admin: &Admin, key: &ShownKey) -> Filled {
    let mut form = Filled::default();
    form.add("seen", key.revision);
    form.add("name", &key.name);
    form.add("models", joined(&key.models));
    if let Some(end) = key.expires_at {
        form.add("expires_at", last_day(admin, end));
    }
    fill_limits(&mut form, "limits", &key.limits);
    form
}

/// `POST /keys/{id}`.
pub(super) async fn save(
    admin: Data<Admin>,
    id: Path<KeyId>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    let fields = &change.fields;
    let before = admin.key(*id).await?;
    let saved = async {
        // A day that was not touched leaves the moment as it is.
        let untouched = filled(&admin, &before).value("expires_at") == fields.one("expires_at");
        let expires_at = end_of_day(&admin, fields, "expires_at")?;
        let patch = PatchedKey {
            name: Some(fields.one("name").to_owned()),
            models: Some(words("models", fields.one("models"))?),
            limits: Some(limits(fields, "limits")?),
            expires_at: (!untouched).then_some(expires_at),
        };
        let seen = seen(fields)?;
        admin.change_key(&change.who.caller, *id, seen, patch).await
    };
    match saved.await {
        Ok(_) => Ok(go(&format!("/keys/{id}?done=saved"))),
        Err(problem) => {
            let (status, text) = again(problem)?;
            let now = admin.key(*id).await?;
            let form = shown_again(fields, status, &text, &filled(&admin, &now));
            page(status, &key_page(&admin, &change.who, &now, form).await?)
        }
    }
}

/// `POST /keys/{id}/rotate`.
pub(super) async fn rotate(
    admin: Data<Admin>,
    id: Path<KeyId>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    let (seconds, words) = match change.fields.one("overlap") {
        "0" => (0, None),
        "3600" => (3_600, Some("1 hour")),
        "604800" => (604_800, Some("7 days")),
        _ => (86_400, Some("24 hours")),
    };
    let made = admin.rotate_key(&change.who.caller, *id, Duration::from_secs(seconds));
    made_page(&change.who, made.await?, words.map(str::to_owned))
}

/// `GET /keys/{id}/revoke`.
pub(super) async fn ask_to_revoke(
    admin: Data<Admin>,
    who: PageCaller,
    id: Path<KeyId>,
) -> Result<HttpResponse, PageError> {
    let key = admin.key(*id).await?;
    let shown = ConfirmPage {
        frame: who.frame(Some(Place::Keys)),
        title: "Revoke this key?".to_owned(),
        subject: format!("{}, {}, of {}", key.name, key.hint, key.owner),
        text: "Whatever uses it is refused from the next request on. This cannot be undone.".to_owned(),
        action: format!("/keys/{id}/revoke"),
        fields: Vec::new(),
        confirm: "Revoke".to_owned(),
        keep: format!("/keys/{id}"),
    };
    page(StatusCode::OK, &shown)
}

/// `POST /keys/{id}/revoke`.
pub(super) async fn revoke(
    admin: Data<Admin>,
    id: Path<KeyId>,
    change: PageChange,
) -> Result<HttpResponse, PageError> {
    admin.revoke_key(&change.who.caller, *id).await?;
    Ok(go(&format!("/keys/{id}?done=revoked")))
}
