//! What every answer tells browsers: load nothing from elsewhere, be in nobody's frame, keep nothing.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::web::Data;
use llmgw_browser_http::Place;

use crate::handover::Handover;
use crate::portal::{Portal, SignIn};

pub(crate) async fn add(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let portal = request.app_data::<Data<Portal>>().cloned();
    let mut response = next.call(request).await?;
    if let Some(portal) = portal {
        put(&portal, response.headers_mut());
    }
    Ok(response)
}

/// Puts them into an answer. Forms lead elsewhere twice: logging out ends at the institution, and administrators are
/// handed over.
pub(crate) fn put(portal: &Portal, headers: &mut HeaderMap) {
    let institution = match &portal.sign_in {
        SignIn::Saml(saml) => saml.logout_origin(),
        SignIn::Local => None,
    };
    let admin = portal.site.handover.as_ref().map(Handover::origin);
    let forms_to: Vec<&str> = institution.as_deref().into_iter().chain(admin).collect();
    let place = Place {
        origin: &portal.site.origin,
        forms_to: &forms_to,
    };
    llmgw_browser_http::put(place, headers);
}
