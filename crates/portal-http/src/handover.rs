//! Administrators and auditors are handed over to the admin service by a signed token: good for a minute, for that
//! service, and once, which that service sees to. It says who somebody is; what they may that service looks up.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use llmgw_sessions::Login;
use llmgw_types::{Timestamp, UserId};
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

/// Whose token it is, and what is known of their session here, so that the one there ends with it.
#[derive(Debug, Clone)]
pub(crate) struct Whose {
    pub(crate) user: UserId,
    /// The log-in at the institution.
    pub(crate) login: Option<Login>,
    /// When the session here ends at the latest.
    pub(crate) ends: Option<Timestamp>,
}

// RFC 7519 4.1, and what is known of the session.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: UserId,
    iat: i64,
    exp: i64,
    jti: &'a str,
    login: Option<Login>,
    ends: Option<Timestamp>,
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

    /// A token for `whose`; `jti` is a name that no other token has.
    pub(crate) fn token(
        &self,
        whose: Whose,
        jti: &str,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.as_millis() / 1_000;
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: whose.user,
            iat,
            exp: iat + SECONDS,
            jti,
            login: whose.login,
            ends: whose.ends,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    // Made by `openssl genpkey -algorithm ed25519`; of no use elsewhere.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHTj/L3aMxfPogvzO7AOiToG+drHn+EkKmAzLm8aWOIe\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAWLEV1A2YHXK9/qF/c4m5jClVnDKqAJGVqH7XhluR0Ws=\n-----END PUBLIC KEY-----\n";
    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_999);

    fn ada() -> Whose {
        Whose {
            user: UserId::new(NOW, [1; 10]),
            login: None,
            ends: Some(NOW),
        }
    }

    #[test]
    fn a_token_is_for_one_service_for_a_minute_and_signed() {
        let handover =
            Handover::new(KEY.as_bytes(), "https://portal.example", "https://admin.example").unwrap();
        let token = handover.token(ada(), "once", NOW).unwrap();
        let key = DecodingKey::from_ed_pem(PUBLIC.as_bytes()).unwrap();
        let mut expected = Validation::new(Algorithm::EdDSA);
        // The test's clock is not the machine's.
        expected.validate_exp = false;
        expected.set_audience(&["https://admin.example"]);
        expected.set_issuer(&["https://portal.example"]);
        let claims = jsonwebtoken::decode::<Value>(&token, &key, &expected)
            .unwrap()
            .claims;
        assert_eq!(
            (claims["iat"].as_i64(), claims["exp"].as_i64()),
            (Some(1_800_000_000), Some(1_800_000_060))
        );
        assert_eq!(claims["jti"], "once");
        assert_eq!(claims["sub"], ada().user.to_string());
        assert_eq!(claims["role"], Value::Null, "what they may is looked up there");
        expected.set_audience(&["https://other.example"]);
        assert!(jsonwebtoken::decode::<Value>(&token, &key, &expected).is_err());
        assert!(!format!("{handover:?}").contains("MC4C"));
        assert_eq!(Handover::new(b"no key", "a", "b").unwrap_err(), HandoverKeyError);
    }
}
