//! Administrators are handed over to the admin service by a signed token: good for a minute, for that service, and
//! once, which that service sees to.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use llmgw_keys::User;
use llmgw_types::{Role, Timestamp};
use serde::Serialize;

/// How long a token is good for, in seconds.
const SECONDS: i64 = 60;

/// Makes tokens for one admin service.
#[derive(Clone)]
pub struct Handover {
    key: EncodingKey,
    issuer: String,
    audience: String,
}

/// A key that cannot sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key in PEM form; `openssl genpkey -algorithm ed25519` makes one")]
pub struct HandoverKeyError;

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

// RFC 7519 4.1, and what the admin service needs to know.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    name: &'a str,
    role: Role,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

impl Handover {
    /// From the portal at `issuer` to the admin service at `audience`, both as scheme, host and port, signed with an
    /// Ed25519 key in PEM form.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn new(pem: &[u8], issuer: &str, audience: &str) -> Result<Self, HandoverKeyError> {
        Ok(Self {
            key: EncodingKey::from_ed_pem(pem).map_err(|_| HandoverKeyError)?,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
        })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.audience
    }

    /// Where the browser of `user` goes; `jti` is a name nobody else has.
    pub(crate) fn url(
        &self,
        user: &User,
        jti: &str,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.as_millis() / 1_000;
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: user.id.to_string(),
            name: &user.name,
            role: user.role,
            iat,
            exp: iat + SECONDS,
            jti,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.key)?;
        Ok(format!("{}/handover?token={token}", self.audience))
    }
}
