//! Logins without an institution: by a link that is printed at start, for one person on one machine.

use actix_session::Session;
use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use llmgw_keys::UserState;
use llmgw_sessions::Token;
use llmgw_types::Role;
use serde::Deserialize;

use crate::errors::PageError;
use crate::portal::{Portal, SignIn};
use crate::session::{Entering, enter};

pub(crate) const KIND: &str = "local-login";

/// Whom the link logs in: who the first API key of a standalone belongs to, too.
const NAME: &str = "local";

#[derive(Deserialize)]
pub(crate) struct Shown {
    token: String,
}

/// `GET /local/login`.
pub(crate) async fn login(
    portal: Data<Portal>,
    session: Session,
    shown: Query<Shown>,
) -> Result<HttpResponse, PageError> {
    if !matches!(portal.sign_in, SignIn::Local) {
        return Err(PageError::NotFound);
    }
    let now = portal.clock.now();
    let token = Token::parse(&shown.token).map_err(|_| PageError::Refused)?;
    if portal.once.take(KIND, &token.hash(), now).await?.is_none() {
        tracing::warn!("a link was used that was used before, is too old, or is none");
        return Err(PageError::Refused);
    }
    let user = portal.people.local(NAME, Role::Admin, now).await?;
    if user.state != UserState::Active {
        return Err(PageError::Refused);
    }
    let who = Entering {
        user: user.id,
        name: user.name,
        login: None,
        ends: None,
    };
    enter(&portal, &session, who)?;
    Ok(HttpResponse::SeeOther()
        .insert_header(("location", "/keys"))
        .finish())
}
