//! One login from its request to the person: what the routes call.

use llmgw_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Refusal;
use crate::assertion::{self, NameId};
use crate::attributes::{Account, Attributes, Mapping};
use crate::checks::{self, Expected};
use crate::crypto::{CryptoError, XmlDecryption, XmlSignature};
use crate::metadata::IdentityProvider;
use crate::provider::ServiceProvider;
use crate::request::{LoginWishes, Parameter, authn_request, message_id, redirect};
use crate::response::open;
use crate::rules::{Admitted, Rules};

/// What is kept from the request to its answer, out of the browser's reach: it can be taken once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The request's ID, which the answer must name.
    pub request_id: String,
    /// Whom we asked.
    pub idp: String,
    /// When.
    pub requested_at: Timestamp,
    /// Where to go then: a path of ours, see [`return_path`].
    pub return_path: String,
}

/// A login to be sent to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// To be kept.
    pub pending: Pending,
    /// Where the browser goes.
    pub url: String,
}

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub account: Account,
    /// As what.
    pub admitted: Admitted,
    /// How the identity provider calls this login, for its logout.
    pub name_id: NameId,
    /// Which login of theirs it is.
    pub session_index: Option<String>,
    /// When it ends there: ours ends then at the latest.
    pub session_ends: Option<Timestamp>,
    /// The assertion's ID with its issuer: to be remembered until `remember_until`, and refused when it was already.
    pub assertion_id: String,
    /// See there.
    pub remember_until: Timestamp,
    /// Where to go.
    pub return_path: String,
}

/// Everything a login is held against; one per process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Which attribute says what.
    pub mapping: Mapping,
    /// Who may come in.
    pub rules: Rules,
    /// What we ask of a login.
    pub wishes: LoginWishes,
    /// Scopes that the identity provider may speak for, beside those in its metadata.
    pub scopes: Vec<String>,
}

/// Begins a login. `random` makes the request's ID.
///
/// # Errors
/// When our key cannot sign.
pub fn begin(
    we: &ServiceProvider,
    idp: &IdentityProvider,
    policy: &Policy,
    signature: &dyn XmlSignature,
    random: [u8; 16],
    return_to: Option<&str>,
    now: Timestamp,
) -> Result<Begun, CryptoError> {
    let request_id = message_id(random);
    let request = authn_request(&request_id, we, idp, &policy.wishes, now);
    let url = redirect(&idp.login_url, Parameter::Request, &request, None, signature)?;
    Ok(Begun {
        pending: Pending {
            request_id,
            idp: idp.entity_id.clone(),
            requested_at: now,
            return_path: return_path(return_to).to_owned(),
        },
        url,
    })
}

/// Who answers a login, and whether they may come in. What must happen only once, taking `pending` and remembering the
/// assertion, is the caller's.
///
/// # Errors
/// Every reason for which nobody comes in.
pub fn finish(
    form: &str,
    pending: &Pending,
    we: &ServiceProvider,
    idp: &IdentityProvider,
    policy: &Policy,
    ports: (&dyn XmlSignature, &dyn XmlDecryption),
    now: Timestamp,
) -> Result<Person, Refusal> {
    if pending.idp != idp.entity_id {
        return Err(Refusal::Check("another identity provider was asked"));
    }
    if idp.valid_until.is_some_and(|end| end <= now) {
        return Err(Refusal::Check("the identity provider's metadata is out of date"));
    }
    let genuine = open(form, idp, ports.0, ports.1)?;
    let assertion = genuine.read(assertion::read)?;
    let expected = Expected {
        we,
        idp,
        request_id: &pending.request_id,
        requested_at: pending.requested_at,
        wishes: &policy.wishes,
        now,
    };
    let passed = checks::check(&genuine.envelope, &assertion, &expected)?;
    let attributes = Attributes::of(&assertion, idp, &policy.scopes);
    let account = attributes.account(&policy.mapping, idp)?;
    let admitted = policy.rules.admit(&attributes)?;
    Ok(Person {
        account,
        admitted,
        assertion_id: format!("{} {}", assertion.issuer, assertion.id),
        name_id: assertion.name_id,
        session_index: passed.session_index,
        session_ends: passed.session_ends,
        remember_until: passed.remember_until,
        return_path: pending.return_path.clone(),
    })
}

/// Where to go after a login: a path of ours, or the first page. Whatever a browser could read as another host is
/// none: `//host`, `/\host`, and what holds control characters, which browsers leave out.
#[must_use]
pub fn return_path(asked: Option<&str>) -> &str {
    const LONGEST: usize = 1_024;
    asked
        .filter(|path| {
            path.len() <= LONGEST
                && path.starts_with('/')
                && !path.starts_with("//")
                && !path.contains('\\')
                && path.bytes().all(|byte| byte.is_ascii_graphic())
        })
        .unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_ours_is_gone_to() {
        for path in ["/", "/keys", "/usage?days=7&by=model", "/a//b", "/keys#new"] {
            assert_eq!(return_path(Some(path)), path);
        }
        for elsewhere in [
            "",
            "keys",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "javascript:alert(1)",
            "/ä",
        ] {
            assert_eq!(return_path(Some(elsewhere)), "/", "{elsewhere:?}");
        }
        assert_eq!(return_path(Some(&format!("/{}", "a".repeat(2_000)))), "/");
        assert_eq!(return_path(None), "/");
    }
}
