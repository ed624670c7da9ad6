//! The admin key, and what happens to those who show another.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use llmgw_keys::Origin;

use crate::admin::Admin;
use crate::problem::Problem;

/// The header of the admin key in the system this one replaces.
const ADMIN_KEY: &str = "adminkey";

/// The key that a request shows, whatever it is.
pub(super) fn shown(request: &ServiceRequest) -> Option<&str> {
    let headers = request.headers();
    let bearer = headers.get(AUTHORIZATION).and_then(bearer);
    bearer.or_else(|| Some(headers.get(ADMIN_KEY)?.to_str().unwrap_or_default()))
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A wrong key, or none, was shown at `path`; whoever shows many is told to wait.
pub(crate) fn refused(admin: &Admin, path: &str, peer: Option<IpAddr>) -> Problem {
    tracing::warn!(
        path,
        peer = peer.map(tracing::field::display),
        "admin key refused"
    );
    let origin = peer.map_or(Origin(0), Origin::from);
    let wait = admin.failures.note(origin, admin.clock.monotonic());
    wait.map_or_else(Problem::unauthorized, Problem::too_many)
}
