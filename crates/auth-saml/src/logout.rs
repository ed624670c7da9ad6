//! Single logout, both ways (SAML core 3.7, SAML profiles 4.4): our requests and answers, and those of the identity
//! provider.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use llmgw_types::Timestamp;
use quick_xml::escape::escape;
use url::form_urlencoded;

use crate::Refusal;
use crate::assertion::{NameId, name_id};
use crate::checks::{CLOCK_SKEW, LONGEST_WAY};
use crate::crypto::{CryptoError, SignatureAlgorithm, XmlSignature};
use crate::filter::{Filtered, Kind, LONGEST_MESSAGE};
use crate::metadata::IdentityProvider;
use crate::provider::ServiceProvider;
use crate::request::{Parameter, redirect};
use crate::response::decode;
use crate::xml::{SAML, SAMLP, children, moment, only, text};

/// Which login to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The message's ID, which our answer names.
    pub id: String,
    /// Whose logins.
    pub name_id: NameId,
    /// Which of them; all where none is named.
    pub session_indexes: Vec<String>,
    /// To be given back with the answer.
    pub relay_state: Option<String>,
}

/// What came to our logout address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutMessage {
    /// The identity provider wants a login ended.
    Request(LogoutRequest),
    /// It answers our own request.
    Response {
        /// The ID of our request.
        in_response_to: String,
        /// Whether it ended the login everywhere.
        success: bool,
    },
}

/// A message as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried<'a> {
    /// By redirect: the query, exactly as it came. What is signed are its bytes.
    Query(&'a str),
    /// By a form.
    Form {
        /// Which field.
        parameter: Parameter,
        /// The field's value.
        message: &'a str,
        /// `RelayState`.
        relay_state: Option<&'a str>,
    },
}

/// The URL that asks the identity provider to end a login; none where it has no such address.
///
/// # Errors
/// When our key cannot sign.
pub fn request(
    id: &str,
    name: &NameId,
    session_index: Option<&str>,
    (we, idp): (&ServiceProvider, &IdentityProvider),
    signature: &dyn XmlSignature,
    now: Timestamp,
) -> Result<Option<String>, CryptoError> {
    let Some(destination) = &idp.logout_url else {
        return Ok(None);
    };
    let index = session_index.map_or(String::new(), |index| {
        format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(index))
    });
    let qualifiers: String = [
        ("Format", &name.format),
        ("NameQualifier", &name.name_qualifier),
        ("SPNameQualifier", &name.sp_name_qualifier),
    ]
    .into_iter()
    .filter_map(|(attribute, value)| {
        let value = value.as_deref()?;
        Some(format!(" {attribute}=\"{}\"", escape(value)))
    })
    .collect();
    let message = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{now}\" Destination=\"{to}\"><saml:Issuer>{issuer}</saml:Issuer>\
         <saml:NameID{qualifiers}>{value}</saml:NameID>{index}</samlp:LogoutRequest>",
        to = escape(destination.as_str()),
        issuer = escape(we.entity_id.as_str()),
        value = escape(name.value.as_str()),
    );
    redirect(destination, Parameter::Request, &message, None, signature).map(Some)
}

/// The URL that tells the identity provider that its request was followed; none where it has no such address.
///
/// # Errors
/// When our key cannot sign.
pub fn response(
    id: &str,
    to: &LogoutRequest,
    (we, idp): (&ServiceProvider, &IdentityProvider),
    signature: &dyn XmlSignature,
    now: Timestamp,
) -> Result<Option<String>, CryptoError> {
    let Some(destination) = idp.logout_response_url.as_ref().or(idp.logout_url.as_ref()) else {
        return Ok(None);
    };
    let message = format!(
        "<samlp:LogoutResponse xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{now}\" Destination=\"{to_url}\" InResponseTo=\"{request}\"><saml:Issuer>{issuer}</saml:Issuer>\
         <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>\
         </samlp:LogoutResponse>",
        to_url = escape(destination.as_str()),
        request = escape(to.id.as_str()),
        issuer = escape(we.entity_id.as_str()),
    );
    let relay_state = to.relay_state.as_deref();
    redirect(destination, Parameter::Response, &message, relay_state, signature).map(Some)
}

/// Reads what came to our logout address, if the identity provider signed it.
///
/// # Errors
/// When it did not, when it is not for us, or not of now.
pub fn read(
    carried: Carried<'_>,
    we: &ServiceProvider,
    idp: &IdentityProvider,
    signature: &dyn XmlSignature,
    now: Timestamp,
) -> Result<LogoutMessage, Refusal> {
    let (parameter, bytes, relay_state) = match carried {
        Carried::Query(query) => from_query(query, idp, signature)?,
        Carried::Form {
            parameter,
            message,
            relay_state,
        } => (parameter, decode(message)?, relay_state.map(str::to_owned)),
    };
    let kind = match parameter {
        Parameter::Request => Kind::LogoutRequest,
        Parameter::Response => Kind::LogoutResponse,
    };
    let message = Filtered::new(&bytes, kind)?;
    let signed = match carried {
        // The query's signature covers all of it.
        Carried::Query(_) => message.text().to_owned(),
        Carried::Form { .. } => {
            if message.signatures() == 0 {
                return Err(Refusal::Signature("a logout message that is not signed"));
            }
            signature
                .verify(&message, &idp.signing)
                .map_err(|_| Refusal::Signature("fits none of the identity provider's certificates"))?
        }
    };
    let document = crate::xml::signed(&signed)?;
    let root = document.root_element();
    envelope(root, we, idp, now)?;
    match parameter {
        Parameter::Request => wanted(root, relay_state, now).map(LogoutMessage::Request),
        Parameter::Response => answered(root),
    }
}

fn envelope(
    root: roxmltree::Node<'_, '_>,
    we: &ServiceProvider,
    idp: &IdentityProvider,
    now: Timestamp,
) -> Result<(), Refusal> {
    if root.attribute("Version") != Some("2.0") {
        return Err(Refusal::Check("the logout message is not of SAML 2.0"));
    }
    if root.attribute("Destination") != Some(&we.logout_url) {
        return Err(Refusal::Check("the logout message's destination"));
    }
    let issuer = only(root, SAML, "Issuer")?.map(text).transpose()?;
    if issuer.as_deref() != Some(&idp.entity_id) {
        return Err(Refusal::Check("the logout message's issuer"));
    }
    let issued = moment(root, "IssueInstant")?.ok_or(Refusal::Malformed("no time of issue"))?;
    if issued > now.plus(CLOCK_SKEW) || issued < now.minus(LONGEST_WAY) {
        return Err(Refusal::Check("the logout message's time of issue"));
    }
    Ok(())
}

fn wanted(
    root: roxmltree::Node<'_, '_>,
    relay_state: Option<String>,
    now: Timestamp,
) -> Result<LogoutRequest, Refusal> {
    if moment(root, "NotOnOrAfter")?.is_some_and(|end| now >= end.plus(CLOCK_SKEW)) {
        return Err(Refusal::Check("the logout request is over"));
    }
    let name = only(root, SAML, "NameID")?.ok_or(Refusal::Malformed("a logout of nobody"))?;
    Ok(LogoutRequest {
        id: root
            .attribute("ID")
            .ok_or(Refusal::Malformed("a message without an ID"))?
            .to_owned(),
        name_id: name_id(name)?,
        session_indexes: children(root, SAMLP, "SessionIndex")
            .map(text)
            .collect::<Result<_, _>>()?,
        relay_state,
    })
}

fn answered(root: roxmltree::Node<'_, '_>) -> Result<LogoutMessage, Refusal> {
    let status = only(root, SAMLP, "Status")?.ok_or(Refusal::Malformed("no status"))?;
    let code = only(status, SAMLP, "StatusCode")?.and_then(|code| code.attribute("Value"));
    Ok(LogoutMessage::Response {
        in_response_to: root
            .attribute("InResponseTo")
            .ok_or(Refusal::Check("a logout response to nothing"))?
            .to_owned(),
        success: code == Some("urn:oasis:names:tc:SAML:2.0:status:Success"),
    })
}

type Unpacked = (Parameter, Vec<u8>, Option<String>);

// What is signed is the query as it was written, its parameters in the order of the standard (SAML bindings 3.4.4.1):
// to encode them anew would be another text.
fn from_query(
    query: &str,
    idp: &IdentityProvider,
    signature: &dyn XmlSignature,
) -> Result<Unpacked, Refusal> {
    if query.len() > LONGEST_MESSAGE {
        return Err(Refusal::Malformed("longer than a message may be"));
    }
    let raw = |name: &str| -> Result<Option<&str>, Refusal> {
        let mut found = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(key, _)| *key == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(Refusal::Structure("a parameter stands twice"));
        }
        Ok(first.map(|(_, value)| value))
    };
    let (parameter, message) = match (raw("SAMLRequest")?, raw("SAMLResponse")?) {
        (Some(message), None) => (Parameter::Request, message),
        (None, Some(message)) => (Parameter::Response, message),
        _ => return Err(Refusal::Malformed("not exactly one message")),
    };
    let algorithm = raw("SigAlg")?.ok_or(Refusal::Signature("a query that is not signed"))?;
    let signed_with = raw("Signature")?.ok_or(Refusal::Signature("a query that is not signed"))?;
    let relay_state = raw("RelayState")?;
    let relayed = relay_state.map_or(String::new(), |state| format!("&RelayState={state}"));
    let signed = format!("{}={message}{relayed}&SigAlg={algorithm}", parameter.name());
    let algorithm =
        SignatureAlgorithm::named(&plain(algorithm)).ok_or(Refusal::Algorithm("signature of a query"))?;
    let bytes = STANDARD
        .decode(plain(signed_with))
        .map_err(|_| Refusal::Malformed("a signature that is no base64"))?;
    signature
        .verify_bytes(signed.as_bytes(), algorithm, &bytes, &idp.signing)
        .map_err(|_| Refusal::Signature("fits none of the identity provider's certificates"))?;
    let packed = STANDARD
        .decode(plain(message))
        .map_err(|_| Refusal::Malformed("not base64"))?;
    Ok((parameter, inflate(&packed)?, relay_state.map(plain)))
}

fn plain(encoded: &str) -> String {
    form_urlencoded::parse(format!("a={encoded}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

// A few bytes can unpack to gigabytes.
fn inflate(packed: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(LONGEST_MESSAGE).unwrap_or(u64::MAX) + 1;
    DeflateDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|_| Refusal::Malformed("not deflated"))?;
    if bytes.len() > LONGEST_MESSAGE {
        return Err(Refusal::Malformed("longer than a message may be"));
    }
    Ok(bytes)
}
