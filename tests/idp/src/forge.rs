//! Makes responses from parts, each of which a test may put another thing in place of.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use llmgw_types::Timestamp;
use samael::crypto::{Crypto, CryptoProvider};

use crate::keys::{Pair, keys};

pub(crate) const NAMESPACES: &str = "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"";

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// Nothing.
    Nothing,
    /// The assertion.
    Assertion,
    /// The response.
    Response,
    /// Both, the assertion first.
    Both,
}

/// The parts of a response. Those that are XML are put in as they are.
#[derive(Debug, Clone)]
pub struct Parts {
    /// ` Destination="..."` of the response.
    pub destination: String,
    /// ` InResponseTo="..."` of the response.
    pub request_id: String,
    /// Version of the response.
    pub version: String,
    /// When the response was made.
    pub issued: Timestamp,
    /// Its issuer element.
    pub response_issuer: String,
    /// What its status holds.
    pub status: String,
    /// What stands before the status.
    pub extensions: String,
    /// The assertion's ID.
    pub assertion_id: String,
    /// Its version.
    pub assertion_version: String,
    /// When it was made.
    pub assertion_issued: Timestamp,
    /// Its issuer element.
    pub assertion_issuer: String,
    /// Its name element.
    pub name_id: String,
    /// Its confirmation element.
    pub confirmation: String,
    /// Its conditions element.
    pub conditions: String,
    /// Its authentication statement.
    pub authn: String,
    /// Its attribute elements.
    pub attributes: String,
    /// A signature still to be made, for an ID.
    pub signature: fn(&str) -> String,
    /// What is signed.
    pub signs: Signs,
    /// By whom.
    pub signer: Pair,
}

impl Parts {
    /// A right answer to `request_id`, for the service provider with this entity ID and address.
    #[must_use]
    pub fn new(idp: &str, entity_id: &str, acs: &str, request_id: &str, now: Timestamp) -> Self {
        let soon = now.plus(Duration::from_mins(5));
        let before = now.minus(Duration::from_secs(30));
        let attribute = |name: &str, friendly: &str, values: &[&str]| attribute(name, friendly, values);
        Self {
            destination: format!(" Destination=\"{acs}\""),
            request_id: format!(" InResponseTo=\"{request_id}\""),
            version: "2.0".into(),
            issued: now,
            response_issuer: format!("<saml:Issuer>{idp}</saml:Issuer>"),
            status: "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>".into(),
            extensions: String::new(),
            assertion_id: format!("_a{:x}", now.as_micros()),
            assertion_version: "2.0".into(),
            assertion_issued: now,
            assertion_issuer: format!("<saml:Issuer>{idp}</saml:Issuer>"),
            name_id: "<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:transient\">_n1</saml:NameID>"
                .into(),
            confirmation: confirmation(&format!(
                " Recipient=\"{acs}\" InResponseTo=\"{request_id}\" NotOnOrAfter=\"{soon}\""
            )),
            conditions: format!(
                "<saml:Conditions NotBefore=\"{before}\" NotOnOrAfter=\"{soon}\"><saml:AudienceRestriction>\
                 <saml:Audience>{entity_id}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            ),
            authn: authn(&format!(" AuthnInstant=\"{before}\" SessionIndex=\"_s1\"")),
            attributes: [
                attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "eduPersonPrincipalName", &["alice@uni.example"]),
                attribute("urn:oid:2.16.840.1.113730.3.1.241", "displayName", &["Alice Ångström"]),
                attribute("urn:oid:0.9.2342.19200300.100.1.3", "mail", &["alice@uni.example"]),
                attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "eduPersonAffiliation", &["member", "staff"]),
                attribute("urn:oid:1.3.6.1.4.1.5923.1.5.1.1", "isMemberOf", &["cn=physics"]),
            ]
            .concat(),
            signature,
            signs: Signs::Assertion,
            signer: keys().idp.clone(),
        }
    }

    /// The assertion, signed where it is to be.
    #[must_use]
    pub fn assertion(&self) -> String {
        let signed = matches!(self.signs, Signs::Assertion | Signs::Both);
        let signature = if signed {
            (self.signature)(&self.assertion_id)
        } else {
            String::new()
        };
        let xml = format!(
            "<saml:Assertion {NAMESPACES} ID=\"{id}\" Version=\"{version}\" IssueInstant=\"{issued}\">{issuer}\
             {signature}<saml:Subject>{name}{confirmation}</saml:Subject>{conditions}{authn}\
             <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>",
            id = self.assertion_id,
            version = self.assertion_version,
            issued = self.assertion_issued,
            issuer = self.assertion_issuer,
            name = self.name_id,
            confirmation = self.confirmation,
            conditions = self.conditions,
            authn = self.authn,
            attributes = self.attributes,
        );
        if signed { sign(&xml, &self.signer) } else { xml }
    }

    /// The response around `content`, signed where it is to be.
    #[must_use]
    pub fn response(&self, content: &str) -> String {
        let signed = matches!(self.signs, Signs::Response | Signs::Both);
        let id = format!("_r{}", self.assertion_id);
        let signature = if signed {
            (self.signature)(&id)
        } else {
            String::new()
        };
        let xml = format!(
            "<samlp:Response {NAMESPACES} ID=\"{id}\" Version=\"{version}\" IssueInstant=\"{issued}\"{to}{request}>\
             {issuer}{signature}{extensions}<samlp:Status>{status}</samlp:Status>{content}</samlp:Response>",
            version = self.version,
            issued = self.issued,
            to = self.destination,
            request = self.request_id,
            issuer = self.response_issuer,
            extensions = self.extensions,
            status = self.status,
        );
        if signed { sign(&xml, &self.signer) } else { xml }
    }

    /// The whole.
    #[must_use]
    pub fn xml(&self) -> String {
        self.response(&self.assertion())
    }
}

pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(crate) const TRANSFORMS: &str = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
     <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";

/// A signature still to be made, of the element with this ID.
#[must_use]
pub fn template(id: &str, signature: &str, digest: &str, transforms: &str) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"{signature}\"/><ds:Reference URI=\"#{id}\"><ds:Transforms>{transforms}\
         </ds:Transforms><ds:DigestMethod Algorithm=\"{digest}\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>\
         <ds:SignatureValue/></ds:Signature>"
    )
}

/// The same by the algorithms that most use.
#[must_use]
pub fn signature(id: &str) -> String {
    template(id, RSA_SHA256, SHA256, TRANSFORMS)
}

/// Makes the first signature in a document. Gives the element, without a declaration before it.
#[must_use]
pub fn sign(xml: &str, signer: &Pair) -> String {
    let key = signer.key.private_key_to_der().expect("a key");
    let signed = Crypto::sign_xml(xml, &key).expect("a signed document");
    let start = signed.find("?>").map_or(0, |end| end + 2);
    signed.get(start..).unwrap_or_default().trim().to_owned()
}

/// Puts `inside` right after the first `after` in `xml`.
#[must_use]
pub fn embed(xml: &str, after: &str, inside: &str) -> String {
    xml.replacen(after, &format!("{after}{inside}"), 1)
}

/// As it stands in the form's field.
#[must_use]
pub fn form(xml: &str) -> String {
    STANDARD.encode(xml)
}

pub(crate) fn confirmation(data: &str) -> String {
    format!(
        "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
         <saml:SubjectConfirmationData{data}/></saml:SubjectConfirmation>"
    )
}

pub(crate) fn authn(attributes: &str) -> String {
    format!(
        "<saml:AuthnStatement{attributes}><saml:AuthnContext><saml:AuthnContextClassRef>\
         urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>\
         </saml:AuthnContext></saml:AuthnStatement>"
    )
}

pub(crate) fn attribute(name: &str, friendly: &str, values: &[&str]) -> String {
    let values: String = values
        .iter()
        .map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>"))
        .collect();
    format!(
        "<saml:Attribute Name=\"{name}\" FriendlyName=\"{friendly}\" \
         NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\">{values}</saml:Attribute>"
    )
}
