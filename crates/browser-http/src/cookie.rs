//! The cookie of a session.

use std::fmt;

use actix_session::SessionMiddleware;
use actix_session::config::{BrowserSession, TtlExtensionPolicy};
use actix_web::cookie::{Key, SameSite};

use crate::store::{Kept, Sessions};

/// What the session's cookie is signed with. The token in it is random enough; a signature spares the store those
/// that are made up, and keeps the cookie of one service from another.
#[derive(Clone)]
pub struct CookieKey(Key);

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey([hidden])")
    }
}

impl CookieKey {
    /// The same for all replicas, from 32 bytes nobody knows.
    #[must_use]
    pub fn derive(secret: &[u8; 32]) -> Self {
        Self(Key::derive_from(secret))
    }
}

/// Reads and writes the sessions of requests. `name` begins with `__Host-`, so that browsers take the cookie from this
/// host only, over TLS (or on this machine), for every path (RFC 6265bis 4.1.3.2).
pub fn sessions(kept: Kept, name: &str, key: CookieKey) -> SessionMiddleware<Sessions> {
    let life = BrowserSession::default().state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    SessionMiddleware::builder(Sessions(kept), key.0)
        .cookie_name(name.to_owned())
        .cookie_path("/".to_owned())
        .cookie_secure(true)
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .session_lifecycle(life)
        .build()
}
