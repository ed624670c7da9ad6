//! The pages: what each path reads, changes and shows.

mod keys;
mod used;

pub(crate) use keys::{ask_to_revoke, keys, make_key, rename_key, revoke_key, rotate_key};
pub(crate) use used::{limits, models, usage, usage_csv};

use actix_session::Session;
use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_auth_saml::login::return_path;
use llmgw_types::Role;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use crate::api::accept_version;
use crate::errors::PageError;
use crate::forms::{Change, UnboundChange};
use crate::handover::Whose;
use crate::portal::{Portal, SignIn};
use crate::session::{ME, Me, Person, Unbound};
use crate::{saml, views};

#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(rename = "return")]
    back: Option<String>,
}

/// Answers with another page; the browser gets it by GET.
pub(crate) fn go(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("location", to)).finish()
}

/// `GET /`.
pub(crate) async fn first(
    portal: Data<Portal>,
    session: Session,
    to: Query<Back>,
) -> Result<HttpResponse, PageError> {
    let me: Option<Me> = session.get(ME).ok().flatten();
    if me.is_some() {
        return Ok(go("/keys"));
    }
    let href = match portal.sign_in {
        SignIn::Local => None,
        SignIn::Saml(_) => {
            let back = match return_path(to.back.as_deref()) {
                "/" => "/keys",
                path => path,
            };
            let back: String = byte_serialize(back.as_bytes()).collect();
            Some(format!("/saml/login?return={back}"))
        }
    };
    views::sign_in(&portal, href)
}

/// `GET /favicon.ico`, which browsers ask for whatever the page says.
pub(crate) async fn icon() -> HttpResponse {
    go(llmgw_pages::look::icon_path())
}

/// `GET /agreement`.
pub(crate) async fn agreement(portal: Data<Portal>, who: Unbound) -> Result<HttpResponse, PageError> {
    views::agreement(&portal, &who.0)
}

/// `POST /agreement`.
pub(crate) async fn accept(portal: Data<Portal>, change: UnboundChange) -> Result<HttpResponse, PageError> {
    accept_version(&portal, &change.person, change.fields.one("version")).await?;
    Ok(go("/keys"))
}

/// `POST /logout`.
pub(crate) async fn leave(portal: Data<Portal>, change: UnboundChange) -> Result<HttpResponse, PageError> {
    left(&portal, &change.person, false).await
}

/// `POST /logout/everywhere`.
pub(crate) async fn leave_everywhere(
    portal: Data<Portal>,
    change: UnboundChange,
) -> Result<HttpResponse, PageError> {
    left(&portal, &change.person, true).await
}

async fn left(portal: &Portal, person: &Person, everywhere: bool) -> Result<HttpResponse, PageError> {
    match saml::leave(portal, person, everywhere).await? {
        Some(url) => Ok(go(&url)),
        None => views::signed_out(portal, everywhere, false),
    }
}

/// `POST /handover`: a page with a form to there. The token is in no address.
pub(crate) async fn hand_over(portal: Data<Portal>, change: Change) -> Result<HttpResponse, PageError> {
    let handover = portal.site.handover.as_ref().ok_or(PageError::NotFound)?;
    let person = &change.person;
    if !person.user.role.covers(Role::Auditor) {
        return Err(PageError::Role);
    }
    let whose = Whose {
        user: person.user.id,
        login: person.login(),
        ends: person.ends(),
    };
    let jti = portal.token();
    let token = handover.token(whose, jti.expose(), portal.clock.now());
    let token = token.map_err(|error| {
        tracing::error!(%error, "a hand-over cannot be signed");
        PageError::Broken
    })?;
    tracing::info!(user.id = %person.user.id, "handed over to the admin service");
    views::hand_over(&portal, person, handover.origin(), token)
}
