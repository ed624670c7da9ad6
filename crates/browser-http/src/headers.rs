//! What every answer tells browsers: load nothing from elsewhere, be in nobody's frame, keep nothing.

use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};

const ALWAYS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

const TWO_YEARS: &str = "max-age=63072000";

/// Where pages are, and where their forms lead.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Scheme, host and port of the pages.
    pub origin: &'a str,
    /// Other places that a form may be sent to, or be led on to: browsers hold a form's redirects to `form-action` too.
    pub forms_to: &'a [&'a str],
}

/// Puts them into an answer.
pub fn put(place: Place<'_>, headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let policy = HeaderName::from_static("content-security-policy");
    if let Ok(value) = HeaderValue::try_from(content_policy(place.forms_to)) {
        headers.insert(policy, value);
    }
    if !place.origin.starts_with("http://") {
        let name = HeaderName::from_static("strict-transport-security");
        headers.insert(name, HeaderValue::from_static(TWO_YEARS));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn content_policy(forms_to: &[&str]) -> String {
    let forms: String = forms_to.iter().map(|origin| format!(" {origin}")).collect();
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         form-action 'self'{forms}; frame-ancestors 'none'; base-uri 'none'"
    )
}
