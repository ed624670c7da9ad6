//! What the portal hands over: a token that says who somebody is, signed, for this service, for a minute, once. What
//! they may is not in it; that is looked up here.

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use llmgw_sessions::{Login, OneTimeStore};
use llmgw_types::{Timestamp, UserId};
use serde::Deserialize;

use super::session::{self, HandedOver};
use crate::admin::Admin;
use crate::problem::Problem;

/// What ids of tokens are remembered under.
const KIND: &str = "handover";

/// How long a token may be good for, in seconds.
const LONGEST: i64 = 60;

/// How far the portal's clock may be ahead of ours, in seconds.
const AHEAD: i64 = 30;

/// How long an id is remembered beyond its token: clocks of our replicas may differ.
const REMEMBERED: Duration = Duration::from_mins(1);

/// The longest token that is looked at, and the longest id in one, in bytes.
const LONGEST_TOKEN: usize = 4096;
const LONGEST_ID: usize = 64;

/// Checks the tokens of one portal.
#[derive(Clone)]
pub struct Handovers {
    key: DecodingKey,
    expected: Validation,
    portal: String,
}

/// A key that cannot check signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKeyError;

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not an Ed25519 public key in PEM form; `openssl pkey -in KEY -pubout` makes it from the portal's \
             handover_key_file",
        )
    }
}

impl std::error::Error for PublicKeyError {}

impl fmt::Debug for Handovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handovers")
            .field("portal", &self.portal)
            .finish_non_exhaustive()
    }
}

// RFC 7519 4.1, and what is known of the portal's session.
#[derive(Deserialize)]
struct Claims {
    // One, not a list of which we are one.
    #[serde(rename = "aud")]
    _audience: String,
    sub: UserId,
    iat: i64,
    exp: i64,
    jti: String,
    login: Option<Login>,
    ends: Option<Timestamp>,
}

/// What came of a token.
pub(crate) enum Arrived {
    In(Box<HandedOver>),
    /// Why not, for the log: it holds no part of the token.
    Refused(&'static str),
}

impl Handovers {
    /// From the portal at `portal` to this service at `origin`, both as scheme, host and port, signed by the Ed25519 key
    /// whose public half is in `pem`.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn new(pem: &[u8], portal: &str, origin: &str) -> Result<Self, PublicKeyError> {
        // No other algorithm is taken, whatever a token says of itself (RFC 8725 3.1).
        let mut expected = Validation::new(Algorithm::EdDSA);
        // By our own clock, below.
        expected.validate_exp = false;
        expected.set_audience(&[origin]);
        expected.set_issuer(&[portal]);
        expected.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        Ok(Self {
            key: DecodingKey::from_ed_pem(pem).map_err(|_| PublicKeyError)?,
            expected,
            portal: portal.to_owned(),
        })
    }

    /// Where people come from.
    pub(crate) fn portal(&self) -> &str {
        &self.portal
    }

    fn read(&self, token: &str, now: Timestamp) -> Result<Claims, &'static str> {
        if token.len() > LONGEST_TOKEN {
            return Err("it is too long");
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.expected)
            .map_err(|error| why(error.kind()))?
            .claims;
        let now = now.as_millis() / 1_000;
        if claims.exp <= now {
            return Err("it is too old");
        }
        if claims.iat > now + AHEAD || claims.exp.saturating_sub(claims.iat) > LONGEST {
            return Err("its times make no sense; compare the clocks of portal and administration");
        }
        if claims.jti.is_empty() || claims.jti.len() > LONGEST_ID {
            return Err("it has no id, or a long one");
        }
        Ok(claims)
    }

    /// Who is handed over by this token, which from then on is used up.
    pub(crate) async fn arrive(
        &self,
        admin: &Admin,
        once: &dyn OneTimeStore,
        token: &str,
    ) -> Result<Arrived, Problem> {
        let now = admin.clock.now();
        let claims = match self.read(token, now) {
            Ok(claims) => claims,
            Err(why) => return Ok(Arrived::Refused(why)),
        };
        let until = Timestamp::from_millis(claims.exp * 1_000).plus(REMEMBERED);
        if !once.first_use(KIND, &claims.jti, until, now).await? {
            return Ok(Arrived::Refused("it was used before"));
        }
        let Some(user) = session::user(admin, claims.sub).await? else {
            return Ok(Arrived::Refused(
                "its user is not there, suspended, or no auditor and no administrator",
            ));
        };
        Ok(Arrived::In(Box::new(HandedOver {
            user,
            login: claims.login,
            ends: claims.ends,
        })))
    }
}

fn why(kind: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            "it is signed in another way than EdDSA"
        }
        ErrorKind::InvalidAudience => "it is for another service than admin.public_base_url",
        ErrorKind::InvalidIssuer => "it is from another portal than admin.portal_url",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
        _ => "it cannot be read",
    }
}

#[cfg(test)]
mod tests;
