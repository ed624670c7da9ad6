//! One's own keys.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use llmgw_browser_http::Fields;
use llmgw_keys::NewOwnKey;
use llmgw_types::{KeyId, Timestamp};

use super::go;
use crate::api::{end, known_models, make, replace};
use crate::errors::PageError;
use crate::forms::Change;
use crate::portal::Portal;
use crate::session::Member;
use crate::views::{self, Refused};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// `GET /keys`.
pub(crate) async fn keys(portal: Data<Portal>, who: Member) -> Result<HttpResponse, PageError> {
    views::keys(&portal, &who.0, None).await
}

/// `POST /keys`.
pub(crate) async fn make_key(portal: Data<Portal>, change: Change) -> Result<HttpResponse, PageError> {
    let made = async {
        let models = known_models(&portal, &change.person, change.fields.all("model")).await?;
        let new = NewOwnKey {
            name: change.fields.one("name").to_owned(),
            models,
            expires_at: expiry(&portal, &change.fields)?,
        };
        make(&portal, &change.person, new).await
    };
    match made.await {
        Ok(made) => views::made(&portal, &change.person, &made, None).await,
        Err(error) => refused(&portal, &change, error, Refused::New).await,
    }
}

fn expiry(portal: &Portal, fields: &Fields) -> Result<Option<Timestamp>, PageError> {
    let days = match fields.one("expires") {
        "" | "never" => return Ok(None),
        "date" => return end_of(portal, fields.one("date")).map(Some),
        "30" => 30,
        "90" => 90,
        "365" => 365,
        _ => return Err(PageError::Invalid("expires: choose one of the list".to_owned())),
    };
    Ok(Some(portal.clock.now().plus(DAY * days)))
}

// The last day is a day of use.
fn end_of(portal: &Portal, date: &str) -> Result<Timestamp, PageError> {
    let date: jiff::civil::Date = date
        .parse()
        .map_err(|_| PageError::Invalid("date: choose the last day of use".to_owned()))?;
    let end = date
        .tomorrow()
        .and_then(|next| next.to_zoned_datetime(portal.timezone.clone()));
    let end = end.map_err(|_| PageError::Invalid("date: that is too far away".to_owned()))?;
    Ok(Timestamp::from_jiff(end.timestamp()))
}

/// `POST /keys/{id}/rename`.
pub(crate) async fn rename_key(
    portal: Data<Portal>,
    id: Path<KeyId>,
    change: Change,
) -> Result<HttpResponse, PageError> {
    let own = portal.keys.own(&change.person.user, portal.site.max_keys);
    match own
        .rename(*id, change.fields.one("name"), portal.clock.now())
        .await
    {
        Ok(_) => Ok(go("/keys")),
        Err(error) => refused(&portal, &change, error.into(), Refused::Name(*id)).await,
    }
}

/// `POST /keys/{id}/rotate`.
pub(crate) async fn rotate_key(
    portal: Data<Portal>,
    id: Path<KeyId>,
    change: Change,
) -> Result<HttpResponse, PageError> {
    let (overlap, words) = match change.fields.one("overlap") {
        "0" => (Duration::ZERO, None),
        "1h" => (HOUR, Some("1 hour")),
        "7d" => (DAY * 7, Some("7 days")),
        _ => (DAY, Some("24 hours")),
    };
    match replace(&portal, &change.person, *id, overlap).await {
        Ok(made) => views::made(&portal, &change.person, &made, words).await,
        Err(error) => refused(&portal, &change, error, Refused::Key).await,
    }
}

/// `GET /keys/{id}/revoke`.
pub(crate) async fn ask_to_revoke(
    portal: Data<Portal>,
    id: Path<KeyId>,
    who: Member,
) -> Result<HttpResponse, PageError> {
    let key = portal
        .keys
        .own(&who.0.user, portal.site.max_keys)
        .get(*id)
        .await?;
    views::revoke(&portal, &who.0, &key)
}

/// `POST /keys/{id}/revoke`.
pub(crate) async fn revoke_key(
    portal: Data<Portal>,
    id: Path<KeyId>,
    change: Change,
) -> Result<HttpResponse, PageError> {
    end(&portal, &change.person, *id).await?;
    Ok(go("/keys"))
}

// What somebody can mend is shown where they wrote it, with what they wrote.
async fn refused(
    portal: &Portal,
    change: &Change,
    error: PageError,
    what: Refused,
) -> Result<HttpResponse, PageError> {
    match &error {
        PageError::Invalid(text) | PageError::Conflict(text) => {
            let status = actix_web::ResponseError::status_code(&error);
            views::keys(portal, &change.person, Some((what, text, &change.fields, status))).await
        }
        _ => Err(error),
    }
}
