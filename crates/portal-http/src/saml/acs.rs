//! A login: the way there, and the answer.

use actix_session::Session;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::{Data, Form, Query};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_auth_saml::login::{self, Person};
use llmgw_auth_saml::once;
use llmgw_keys::{Arrival, Arrived};
use llmgw_sessions::{Login, Token};
use llmgw_types::{GroupName, random};
use serde::Deserialize;

use super::SamlLogin;
use crate::errors::PageError;
use crate::portal::{Portal, SignIn};
use crate::session::{Entering, NameId, enter};

/// Binds an answer to the browser that asked. The session's own cookie does not come along: the answer is posted by a
/// page of the identity provider, and that cookie is for this site's pages only.
const ASKED: &str = "__Secure-llmgw-saml";

/// The most groups of one person that are kept.
const MOST_GROUPS: usize = 500;

#[derive(Deserialize)]
pub(crate) struct To {
    #[serde(rename = "return")]
    back: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(rename = "SAMLResponse")]
    response: String,
}

pub(super) fn saml(portal: &Portal) -> Result<&SamlLogin, PageError> {
    match &portal.sign_in {
        SignIn::Saml(saml) => Ok(saml),
        SignIn::Local => Err(PageError::NotFound),
    }
}

/// `GET /saml/metadata`.
pub(crate) async fn metadata(portal: Data<Portal>) -> Result<HttpResponse, PageError> {
    let metadata = saml(&portal)?.we.metadata();
    Ok(HttpResponse::Ok()
        .content_type("application/samlmetadata+xml")
        .body(metadata))
}

/// `GET /saml/login`.
pub(crate) async fn login(portal: Data<Portal>, to: Query<To>) -> Result<HttpResponse, PageError> {
    let saml = saml(&portal)?;
    let (now, random) = (portal.clock.now(), random(&*portal.entropy));
    let back = to.into_inner().back;
    let begun = saml
        .held(move |held| {
            let signature = &*held.signature;
            login::begin(
                &held.we,
                &held.idp,
                &held.policy,
                signature,
                random,
                back.as_deref(),
                now,
            )
        })
        .await?
        .map_err(|error| {
            tracing::error!(%error, "a login cannot be signed");
            PageError::Broken
        })?;
    let handle = portal.token();
    once::keep(&*portal.once, &handle.hash(), &begun.pending, now).await?;
    Ok(HttpResponse::SeeOther()
        .insert_header(("location", begun.url))
        .cookie(asked(handle.expose().to_owned(), once::LONGEST_LOGIN.as_secs()))
        .finish())
}

fn asked(value: String, seconds: u64) -> Cookie<'static> {
    Cookie::build(ASKED, value)
        .path("/saml/acs")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::None)
        .max_age(CookieDuration::seconds(i64::try_from(seconds).unwrap_or(0)))
        .finish()
}

/// `POST /saml/acs`.
pub(crate) async fn acs(
    portal: Data<Portal>,
    request: HttpRequest,
    session: Session,
    answer: Form<Answer>,
) -> Result<HttpResponse, PageError> {
    let answered = answered(&portal, &request, answer.into_inner().response).await?;
    let to = answered.return_path.clone();
    let who = arrived(&portal, answered).await?;
    tracing::info!(user.id = %who.user, "logged in");
    enter(&portal, &session, who)?;
    Ok(HttpResponse::SeeOther()
        .insert_header(("location", to))
        .cookie(asked(String::new(), 0))
        .finish())
}

async fn answered(portal: &Portal, request: &HttpRequest, response: String) -> Result<Person, PageError> {
    let saml = saml(portal)?;
    let handle = request
        .cookie(ASKED)
        .and_then(|cookie| Token::parse(cookie.value()).ok());
    let handle = handle.ok_or_else(|| {
        tracing::warn!("an answer came from a browser that did not ask");
        PageError::Refused
    })?;
    let now = portal.clock.now();
    let pending = once::take(&*portal.once, &handle.hash(), now).await?;
    let finished = saml
        .held(move |held| {
            let ports = (&*held.signature, &*held.decryption);
            login::finish(&response, &pending, &held.we, &held.idp, &held.policy, ports, now)
        })
        .await?;
    let person = finished.map_err(once::LoginError::from)?;
    once::use_assertion(&*portal.once, &person, now).await?;
    Ok(person)
}

// Who that is here.
async fn arrived(portal: &Portal, person: Person) -> Result<Entering, PageError> {
    let rules = &saml(portal)?.policy.rules;
    let has_roles = !rules.admin.is_empty() || !rules.auditor.is_empty();
    let arrival = Arrival {
        name: person.account.id().to_owned(),
        external_id: person.account.external_id.clone(),
        mail: person.account.mail.clone(),
        groups: groups(&person),
        role: has_roles.then_some(person.admitted.role),
    };
    let user = match portal.people.arrive(arrival, portal.clock.now()).await? {
        Arrived::In(user) => user,
        Arrived::Suspended => {
            tracing::warn!("a login was refused: the user is suspended");
            return Err(PageError::Refused);
        }
    };
    let name_id = person.name_id;
    let login = Login {
        issuer: saml(portal)?.idp()?.entity_id.clone(),
        name_id: name_id.value.clone(),
        session_index: person.session_index,
    };
    let name_id = NameId {
        value: name_id.value,
        format: name_id.format,
        name_qualifier: name_id.name_qualifier,
        sp_name_qualifier: name_id.sp_name_qualifier,
    };
    Ok(Entering {
        user: user.id,
        name: person.account.name,
        login: Some((login, name_id)),
        ends: person.session_ends,
    })
}

// Names that are no groups of ours are passed over, not refused: the institution has many.
fn groups(person: &Person) -> Vec<GroupName> {
    let named = person.admitted.groups.iter().chain(&person.account.groups);
    let mut groups: Vec<GroupName> = named.filter_map(|name| GroupName::parse(name).ok()).collect();
    if groups.len() > MOST_GROUPS {
        tracing::warn!(
            groups = groups.len(),
            most = MOST_GROUPS,
            "more groups than are kept"
        );
        groups.truncate(MOST_GROUPS);
    }
    groups
}
