//! What we send by redirect: the request for a login, and how any message becomes a signed URL (SAML bindings 3.4).

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use llmgw_types::Timestamp;
use quick_xml::escape::escape;
use url::form_urlencoded::byte_serialize;

use crate::crypto::{CryptoError, XmlSignature};
use crate::metadata::IdentityProvider;
use crate::provider::ServiceProvider;
use crate::xml::{POST, SAML, SAMLP};

/// What we ask of a login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginWishes {
    /// Ask for the password even where there is a session at the identity provider.
    pub force_authn: bool,
    /// How somebody must have logged in: one of these classes (SAML core 3.3.2.2.1). Empty: any.
    pub contexts: Vec<String>,
}

/// An ID for a message of ours: 128 random bits, beginning like a name must.
#[must_use]
pub fn message_id(random: [u8; 16]) -> String {
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("_{hex}")
}

/// A request for a login (SAML core 3.4.1).
#[must_use]
pub(crate) fn authn_request(
    id: &str,
    we: &ServiceProvider,
    idp: &IdentityProvider,
    wishes: &LoginWishes,
    now: Timestamp,
) -> String {
    let force = if wishes.force_authn {
        " ForceAuthn=\"true\""
    } else {
        ""
    };
    let classes: String = wishes
        .contexts
        .iter()
        .map(|class| {
            format!(
                "<saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef>",
                escape(class.as_str())
            )
        })
        .collect();
    let contexts = if classes.is_empty() {
        String::new()
    } else {
        format!("<samlp:RequestedAuthnContext Comparison=\"exact\">{classes}</samlp:RequestedAuthnContext>")
    };
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{now}\" Destination=\"{destination}\" ProtocolBinding=\"{POST}\" \
         AssertionConsumerServiceURL=\"{acs}\"{force}><saml:Issuer>{issuer}</saml:Issuer>\
         <samlp:NameIDPolicy AllowCreate=\"true\"/>{contexts}</samlp:AuthnRequest>",
        destination = escape(idp.login_url.as_str()),
        acs = escape(we.acs_url.as_str()),
        issuer = escape(we.entity_id.as_str()),
    )
}

/// Which parameter a message travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `SAMLRequest`.
    Request,
    /// `SAMLResponse`.
    Response,
}

impl Parameter {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// The URL that carries `message` to `destination`, signed.
///
/// # Errors
/// When our key cannot sign.
pub(crate) fn redirect(
    destination: &str,
    parameter: Parameter,
    message: &str,
    relay_state: Option<&str>,
    signature: &dyn XmlSignature,
) -> Result<String, CryptoError> {
    let encoded = |bytes: &[u8]| byte_serialize(bytes).collect::<String>();
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    let packed = deflate
        .write_all(message.as_bytes())
        .and_then(|()| deflate.finish())
        .map_err(|_| CryptoError)?;
    let mut query = format!(
        "{}={}",
        parameter.name(),
        encoded(STANDARD.encode(packed).as_bytes())
    );
    if let Some(state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&encoded(state.as_bytes()));
    }
    query.push_str("&SigAlg=");
    query.push_str(&encoded(signature.algorithm().uri().as_bytes()));
    let signed = signature.sign_bytes(query.as_bytes())?;
    let joint = if destination.contains('?') { '&' } else { '?' };
    Ok(format!(
        "{destination}{joint}{query}&Signature={}",
        encoded(STANDARD.encode(signed).as_bytes())
    ))
}
