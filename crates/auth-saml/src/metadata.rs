//! What an identity provider says of itself (SAML metadata 2.4).

use std::fmt;

use llmgw_types::Timestamp;
use roxmltree::Node;

use crate::Refusal;
use crate::crypto::{Certificate, XmlSignature};
use crate::filter::{Filtered, Kind};
use crate::xml::{DSIG, METADATA, REDIRECT, SAMLP, SHIBMD, bytes, children, moment, only, text};

/// An identity provider.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its entity ID: the issuer of everything it says.
    pub entity_id: String,
    /// The certificates it signs with: the present one and, during a rollover, the next.
    pub signing: Vec<Certificate>,
    /// Where people log in, by redirect.
    pub login_url: String,
    /// Where a logout is sent, by redirect.
    pub logout_url: Option<String>,
    /// Where answers to its own logout requests go, where that is another place.
    pub logout_response_url: Option<String>,
    /// The scopes it may speak for (`shibmd:Scope`); regular expressions among them are not followed.
    pub scopes: Vec<String>,
    /// When this stops being true.
    pub valid_until: Option<Timestamp>,
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider")
            .field("entity_id", &self.entity_id)
            .field("signing", &self.signing.len())
            .finish_non_exhaustive()
    }
}

impl IdentityProvider {
    /// Reads metadata of one identity provider.
    ///
    /// # Errors
    /// When it is no such metadata, out of date, or names no signing certificate: with none, nothing it says could be
    /// checked.
    pub fn read(bytes: &[u8], now: Timestamp) -> Result<Self, Refusal> {
        let filtered = Filtered::new(bytes, Kind::Metadata)?;
        Self::from_element(filtered.root(), now)
    }

    /// The same, and only if it is signed by the holder of `signer`.
    ///
    /// # Errors
    /// Also when it is not signed, or not by that one.
    pub fn read_signed(
        bytes: &[u8],
        signer: &Certificate,
        signature: &dyn XmlSignature,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let filtered = Filtered::new(bytes, Kind::Metadata)?;
        if filtered.signatures() != 1 {
            return Err(Refusal::Signature("the metadata is not signed"));
        }
        let signed = signature
            .verify(&filtered, std::slice::from_ref(signer))
            .map_err(|_| Refusal::Signature("the metadata's fits not its signer"))?;
        let document = crate::xml::signed(&signed)?;
        Self::from_element(document.root_element(), now)
    }

    fn from_element(root: Node<'_, '_>, now: Timestamp) -> Result<Self, Refusal> {
        let entity_id = root
            .attribute("entityID")
            .filter(|id| !id.is_empty())
            .ok_or(Refusal::Malformed("metadata without an entity ID"))?
            .to_owned();
        let role = only(root, METADATA, "IDPSSODescriptor")?
            .ok_or(Refusal::Malformed("metadata of no identity provider"))?;
        let protocols = role.attribute("protocolSupportEnumeration").unwrap_or_default();
        if !protocols
            .split_ascii_whitespace()
            .any(|protocol| protocol == SAMLP)
        {
            return Err(Refusal::Malformed(
                "an identity provider that does not speak SAML 2.0",
            ));
        }
        let ends = [moment(root, "validUntil")?, moment(role, "validUntil")?];
        let valid_until = ends.into_iter().flatten().min();
        if valid_until.is_some_and(|end| end <= now) {
            return Err(Refusal::Check("the metadata is out of date"));
        }
        let signing = certificates(role)?;
        if signing.is_empty() {
            return Err(Refusal::Check("metadata without a signing certificate"));
        }
        let login_url = location(role, "SingleSignOnService", "Location")
            .ok_or(Refusal::Check("an identity provider without login by redirect"))?;
        Ok(Self {
            entity_id,
            signing,
            login_url,
            logout_url: location(role, "SingleLogoutService", "Location"),
            logout_response_url: location(role, "SingleLogoutService", "ResponseLocation"),
            scopes: scopes(root, role),
            valid_until,
        })
    }
}

// A key without a use is for both (SAML metadata 2.4.1.1).
fn certificates(role: Node<'_, '_>) -> Result<Vec<Certificate>, Refusal> {
    let mut found = Vec::new();
    for key in children(role, METADATA, "KeyDescriptor") {
        if key.attribute("use").is_some_and(|purpose| purpose != "signing") {
            continue;
        }
        for certificate in key
            .descendants()
            .filter(|node| crate::xml::is(*node, DSIG, "X509Certificate"))
        {
            let der = bytes(&text(certificate)?)?;
            found.push(Certificate::from_der(der));
        }
    }
    Ok(found)
}

fn location(role: Node<'_, '_>, service: &'static str, attribute: &str) -> Option<String> {
    children(role, METADATA, service)
        .find(|node| node.attribute("Binding") == Some(REDIRECT))
        .and_then(|node| node.attribute(attribute))
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
        .map(str::to_owned)
}

fn scopes(root: Node<'_, '_>, role: Node<'_, '_>) -> Vec<String> {
    let extensions = [root, role]
        .into_iter()
        .flat_map(|node| children(node, METADATA, "Extensions"));
    extensions
        .flat_map(|node| children(node, SHIBMD, "Scope"))
        .filter(|scope| !matches!(scope.attribute("regexp"), Some("true" | "1")))
        .filter_map(|scope| text(scope).ok())
        .collect()
}
