//! What every answer tells browsers: load nothing from elsewhere, be in nobody's frame, keep nothing.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::portal::{Portal, SignIn};

const ALWAYS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

const TWO_YEARS: &str = "max-age=63072000";

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

/// Puts them into an answer.
pub(crate) fn put(portal: &Portal, headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let policy = HeaderName::from_static("content-security-policy");
    if let Ok(value) = HeaderValue::try_from(content_policy(portal)) {
        headers.insert(policy, value);
    }
    if !portal.site.is_local() {
        let name = HeaderName::from_static("strict-transport-security");
        headers.insert(name, HeaderValue::from_static(TWO_YEARS));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

// Browsers hold a form's redirects to `form-action` too: logging out ends at the institution, and administrators
// are handed over.
fn content_policy(portal: &Portal) -> String {
    let institution = match &portal.sign_in {
        SignIn::Saml(saml) => saml.logout_origin(),
        SignIn::Local => None,
    };
    let admin = portal
        .site
        .handover
        .as_ref()
        .map(|handover| handover.origin().to_owned());
    let forms: String = institution
        .into_iter()
        .chain(admin)
        .map(|origin| format!(" {origin}"))
        .collect();
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         form-action 'self'{forms}; frame-ancestors 'none'; base-uri 'none'"
    )
}
