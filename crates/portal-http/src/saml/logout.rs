//! Logging out, here and at the institution, whoever began it.

use actix_web::web::{Data, Form};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_auth_saml::logout::{Carried, LogoutMessage, LogoutRequest, read, request, response};
use llmgw_auth_saml::{Parameter, message_id};
use llmgw_sessions::{Login, TokenHash};
use llmgw_types::random;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::acs::saml;
use super::{Held, SamlLogin};
use crate::errors::PageError;
use crate::portal::{Portal, SignIn};
use crate::session::{Person, Unbound};
use crate::views;

/// Our requests that wait for an answer, and requests of the identity provider that were followed.
const ASKED: &str = "saml-logout";
const FOLLOWED: &str = "saml-logout-followed";

/// How long either is remembered: longer than a message may be on its way.
const REMEMBERED: std::time::Duration = std::time::Duration::from_mins(10);

#[derive(Deserialize)]
pub(crate) struct Posted {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// Ends the session here; returns where its end elsewhere is asked for, where that can be.
pub(crate) async fn leave(
    portal: &Portal,
    person: &Person,
    everywhere: bool,
) -> Result<Option<String>, PageError> {
    // Read first: it is forgotten with the session.
    let login = person.login();
    if everywhere {
        portal.sessions.remove_user(person.user.id).await?;
    } else if let Some(login) = &login {
        end_what_came_of(portal, login).await?;
    }
    person.session.purge();
    let (SignIn::Saml(saml), Some(login), Some(name)) = (&portal.sign_in, login, &person.me.name_id) else {
        return Ok(None);
    };
    let name = llmgw_auth_saml::NameId {
        value: name.value.clone(),
        format: name.format.clone(),
        name_qualifier: name.name_qualifier.clone(),
        sp_name_qualifier: name.sp_name_qualifier.clone(),
    };
    let (now, id) = (portal.clock.now(), message_id(random(&*portal.entropy)));
    // Only an answer to this is believed.
    portal
        .once
        .put(ASKED, &hash(&id), &[], now.plus(REMEMBERED), now)
        .await?;
    let asked = saml.held(move |held| {
        let (we, idp) = (&held.we, &*held.idp);
        request(
            &id,
            &name,
            login.session_index.as_deref(),
            (we, idp),
            &*held.signature,
            now,
        )
    });
    match asked.await {
        Ok(Ok(url)) => Ok(url),
        _ => {
            // Here it is over all the same.
            tracing::warn!("the identity provider was not asked to end a login");
            Ok(None)
        }
    }
}

// The administration that somebody went on to holds a session of the same login. A login that has no index cannot be
// told from others of the same person.
async fn end_what_came_of(portal: &Portal, login: &Login) -> Result<(), PageError> {
    if let Some(index) = &login.session_index {
        let indexes = std::slice::from_ref(index);
        portal
            .sessions
            .remove_login(&login.issuer, &login.name_id, indexes)
            .await?;
    }
    Ok(())
}

fn hash(id: &str) -> TokenHash {
    TokenHash::from_bytes(Sha256::digest(id.as_bytes()).into())
}

/// `GET /saml/slo`: asks first. A link elsewhere must not log anybody out.
pub(crate) async fn confirm(portal: Data<Portal>, who: Unbound) -> Result<HttpResponse, PageError> {
    views::leave(&portal, &who.0)
}

/// `GET /saml/sls`.
pub(crate) async fn from_query(portal: Data<Portal>, asked: HttpRequest) -> Result<HttpResponse, PageError> {
    let query = asked.query_string().to_owned();
    let now = portal.clock.now();
    let read = saml(&portal)?
        .held(move |held| read(Carried::Query(&query), &held.we, &held.idp, &*held.signature, now));
    follow(&portal, read.await?).await
}

/// `POST /saml/sls`.
pub(crate) async fn from_form(portal: Data<Portal>, form: Form<Posted>) -> Result<HttpResponse, PageError> {
    let form = form.into_inner();
    let now = portal.clock.now();
    let read = saml(&portal)?.held(move |held| {
        let (parameter, message) = match (&form.request, &form.response) {
            (Some(message), None) => (Parameter::Request, message),
            (None, Some(message)) => (Parameter::Response, message),
            _ => return Err(llmgw_auth_saml::Refusal::Malformed("not exactly one message")),
        };
        let carried = Carried::Form {
            parameter,
            message,
            relay_state: form.relay_state.as_deref(),
        };
        read(carried, &held.we, &held.idp, &*held.signature, now)
    });
    follow(&portal, read.await?).await
}

async fn follow(
    portal: &Portal,
    message: Result<LogoutMessage, llmgw_auth_saml::Refusal>,
) -> Result<HttpResponse, PageError> {
    let message = message.map_err(|reason| {
        tracing::warn!(%reason, "a logout was refused");
        PageError::Refused
    })?;
    match message {
        LogoutMessage::Request(wanted) => end(portal, saml(portal)?, wanted).await,
        LogoutMessage::Response {
            in_response_to,
            success,
        } => {
            let (request, now) = (hash(&in_response_to), portal.clock.now());
            if portal.once.take(ASKED, &request, now).await?.is_none() {
                tracing::warn!("a logout was answered that nobody asked for");
                return Err(PageError::Refused);
            }
            if !success {
                tracing::warn!("the identity provider did not end a login everywhere");
            }
            views::left(portal, success)
        }
    }
}

// The identity provider wants logins ended; whose browser brings that is of no matter.
async fn end(portal: &Portal, saml: &SamlLogin, wanted: LogoutRequest) -> Result<HttpResponse, PageError> {
    let (now, issuer) = (portal.clock.now(), saml.idp()?.entity_id.clone());
    let first = portal
        .once
        .first_use(FOLLOWED, &wanted.id, now.plus(REMEMBERED), now);
    if !first.await? {
        tracing::warn!("a logout was replayed");
        return Err(PageError::Refused);
    }
    let ended = portal
        .sessions
        .remove_login(&issuer, &wanted.name_id.value, &wanted.session_indexes)
        .await?;
    tracing::info!(sessions = ended, "the identity provider ended a login");
    let id = message_id(random(&*portal.entropy));
    let answer =
        saml.held(move |held: &Held| response(&id, &wanted, (&held.we, &held.idp), &*held.signature, now));
    match answer.await? {
        Ok(Some(url)) => Ok(HttpResponse::SeeOther().insert_header(("location", url)).finish()),
        _ => views::left(portal, true),
    }
}
