//! The pages of one's own keys.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use llmgw_browser_http::Fields;
use llmgw_keys::{ApiKey, KeyState, MadeKey};
use llmgw_pages::look::{Frame, Notice, NoticeKind, Place};
use llmgw_pages::portal::{FieldError, KeyRow, KeyStateView, KeysPage, MadeKeyPage, NewKeyForm, RevokePage};
use llmgw_types::{KeyId, Timestamp};

use super::{frame, page, time};
use crate::errors::PageError;
use crate::facts;
use crate::portal::Portal;
use crate::session::Person;

/// Which form was refused.
pub(crate) enum Refused {
    /// That of a new key.
    New,
    /// Another name for this key.
    Name(KeyId),
    /// Something else.
    Key,
}

/// Somebody's keys. `refused`: a form is shown again, with what was written and why it was refused.
pub(crate) async fn keys(
    portal: &Portal,
    person: &Person,
    refused: Option<(Refused, &str, &Fields, StatusCode)>,
) -> Result<HttpResponse, PageError> {
    let now = portal.clock.now();
    let own = portal.keys.own(&person.user, portal.site.max_keys);
    let all = own.list().await?;
    let models = facts::models(portal, &person.user).await?;
    let mut shown = KeysPage {
        frame: frame(portal, Some(person), Some(Place::Keys)),
        keys: all.iter().rev().map(|key| row(key, &all, now)).collect(),
        models: models.iter().map(|model| model.id.to_string()).collect(),
        count: own.count(now).await? as u64,
        most: portal.site.max_keys as u64,
        form: NewKeyForm {
            expires: "365".to_owned(),
            ..NewKeyForm::default()
        },
        min_date: today(portal, now),
    };
    let mut status = StatusCode::OK;
    if let Some((what, text, fields, with)) = refused {
        status = with;
        say(&mut shown, &what, text, fields);
    }
    page(status, &shown)
}

fn say(shown: &mut KeysPage, what: &Refused, text: &str, fields: &Fields) {
    match what {
        Refused::New => {
            shown.form = form(text, fields);
            if shown.form.error.is_none() {
                shown.frame = noticed(std::mem::take(&mut shown.frame), text);
            }
        }
        Refused::Name(id) => {
            let id = id.to_string();
            if let Some(row) = shown.keys.iter_mut().find(|row| row.id == id) {
                row.rename_error = Some(sentence(text));
            }
        }
        Refused::Key => shown.frame = noticed(std::mem::take(&mut shown.frame), text),
    }
}

fn noticed(frame: Frame, text: &str) -> Frame {
    let notice = Notice {
        kind: NoticeKind::Bad,
        text: sentence(text),
    };
    Frame {
        notice: Some(notice),
        ..frame
    }
}

// Refusals begin with the field they are about: `name: must be ...`.
fn form(text: &str, fields: &Fields) -> NewKeyForm {
    let error = text.split_once(": ").and_then(|(field, why)| {
        let field = match field {
            "name" => "name",
            "models" => "model",
            "date" | "expires_at" => "date",
            "expires" => "expires",
            _ => return None,
        };
        Some(FieldError {
            field: field.to_owned(),
            text: sentence(why),
        })
    });
    NewKeyForm {
        name: fields.one("name").to_owned(),
        models: fields.all("model").map(str::to_owned).collect(),
        expires: fields.one("expires").to_owned(),
        date: fields.one("date").to_owned(),
        error,
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn today(portal: &Portal, now: Timestamp) -> String {
    let now = now.to_jiff().to_zoned_datetime(portal.timezone.clone());
    now.date().to_string()
}

fn row(key: &ApiKey, all: &[ApiKey], now: Timestamp) -> KeyRow {
    let usable = facts::is_usable(key, now);
    KeyRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        models: key.models.iter().map(ToString::to_string).collect(),
        created: time(key.created_at),
        last_used: key.last_used_at.map(time),
        expires: key.expires_at.map(time),
        state: match key.state {
            KeyState::Revoked => KeyStateView::Revoked,
            KeyState::Active if !usable => KeyStateView::Expired,
            KeyState::Active if ends_soon(key, now) => KeyStateView::Expiring,
            KeyState::Active => KeyStateView::Active,
        },
        replaced: all
            .iter()
            .any(|other| other.replaces == Some(key.id) && facts::is_usable(other, now)),
        rename_error: None,
    }
}

fn ends_soon(key: &ApiKey, now: Timestamp) -> bool {
    const SOON: std::time::Duration = std::time::Duration::from_hours(14 * 24);
    key.expires_at.is_some_and(|end| end < now.plus(SOON))
}

/// A key just made: the one time its text is shown. `overlap`: for how long the one before goes on, where it took
/// that one's place.
pub(crate) async fn made(
    portal: &Portal,
    person: &Person,
    made: &MadeKey,
    overlap: Option<&str>,
) -> Result<HttpResponse, PageError> {
    // The first model that the key may use stands in the examples.
    let model = match made.key.models.first() {
        Some(model) => Some(model.to_string()),
        None => {
            let models = facts::models(portal, &person.user).await;
            let models = models.unwrap_or_default();
            models.first().map(|model| model.id.to_string())
        }
    };
    let shown = MadeKeyPage {
        frame: frame(portal, Some(person), Some(Place::Keys)),
        name: made.key.name.clone(),
        text: made.text.expose().to_owned(),
        base_url: format!("{}/v1", portal.site.api_url),
        model,
        rotated_overlap: overlap.map(str::to_owned),
    };
    page(StatusCode::OK, &shown)
}

/// Asks whether to revoke a key.
pub(crate) fn revoke(portal: &Portal, person: &Person, key: &ApiKey) -> Result<HttpResponse, PageError> {
    let shown = RevokePage {
        frame: frame(portal, Some(person), Some(Place::Keys)),
        id: key.id.to_string(),
        name: key.name.clone(),
        hint: key.hint.clone(),
    };
    page(StatusCode::OK, &shown)
}
