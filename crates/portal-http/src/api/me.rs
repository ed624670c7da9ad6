//! Who is logged in.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use llmgw_types::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use crate::errors::PageError;
use crate::portal::Portal;
use crate::saml;
use crate::session::{Person, Unbound};

/// Whoever is logged in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The user's id here.
    id: String,
    /// The account's name.
    account: String,
    /// What to call them.
    name: String,
    /// Mail address, if known.
    mail: Option<String>,
    /// Groups.
    groups: Vec<String>,
    /// `user`, `auditor` or `admin`.
    #[schema(value_type = String)]
    role: Role,
    /// Whether the agreement in force is accepted, or there is none.
    agreement_accepted: bool,
    /// The version of the agreement in force, where there is one.
    agreement_version: Option<String>,
    /// What every change carries as `X-CSRF-Token`.
    csrf: String,
}

/// An agreement that is accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accepted {
    /// The version that was shown.
    version: String,
}

/// How far to sign out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Leaving {
    /// End all sessions of this person, in whatever browser.
    everywhere: bool,
}

/// Whether a change came from this session's pages.
pub(super) fn check(person: &Person, request: &HttpRequest) -> Result<(), PageError> {
    let shown = request
        .headers()
        .get("x-csrf-token")
        .and_then(|token| token.to_str().ok());
    if person.asked_for(request, shown) {
        Ok(())
    } else {
        Err(PageError::Forged)
    }
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub(crate) async fn show(portal: Data<Portal>, who: Unbound) -> HttpResponse {
    let Person { user, me, .. } = who.0;
    let agreement = portal.site.agreement.as_ref();
    HttpResponse::Ok().json(Me {
        id: user.id.to_string(),
        agreement_accepted: !portal.site.must_accept(&user),
        agreement_version: agreement.map(|agreement| agreement.version.clone()),
        account: user.name,
        name: me.name,
        mail: user.mail,
        groups: user.groups.iter().map(ToString::to_string).collect(),
        role: user.role,
        csrf: me.csrf,
    })
}

/// Accepts the agreement in force.
#[utoipa::path(post, path = "/api/v1/me/agreement", request_body = Accepted,
    responses((status = 204), (status = 409, body = Problem, description = "Another version is in force.")))]
pub(crate) async fn accept(
    portal: Data<Portal>,
    request: HttpRequest,
    who: Unbound,
    accepted: Json<Accepted>,
) -> Result<HttpResponse, PageError> {
    check(&who.0, &request)?;
    accept_version(&portal, &who.0, &accepted.version).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Notes that somebody accepted the version they were shown.
pub(crate) async fn accept_version(portal: &Portal, person: &Person, version: &str) -> Result<(), PageError> {
    let agreement = portal.site.agreement.as_ref().ok_or(PageError::NotFound)?;
    if agreement.version != version {
        return Err(PageError::Conflict(
            "The agreement changed meanwhile; read it again.".to_owned(),
        ));
    }
    portal.people.accept(person.user.id, version).await?;
    tracing::info!(user.id = %person.user.id, version, "agreement accepted");
    Ok(())
}

/// Signs out.
#[utoipa::path(post, path = "/api/v1/me/logout", request_body = Leaving,
    responses((status = 200, description = "`continue_at`: where the institution ends its login too, or null.")))]
pub(crate) async fn leave(
    portal: Data<Portal>,
    request: HttpRequest,
    who: Unbound,
    leaving: Option<Json<Leaving>>,
) -> Result<HttpResponse, PageError> {
    check(&who.0, &request)?;
    let everywhere = leaving.is_some_and(|leaving| leaving.everywhere);
    let url = saml::leave(&portal, &who.0, everywhere).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "continue_at": url })))
}
