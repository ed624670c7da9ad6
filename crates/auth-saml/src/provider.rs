//! Ourselves: names, addresses, and the metadata that tells an identity provider of them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::escape::escape;
use url::Url;

use crate::crypto::Certificate;
use crate::xml::{DSIG, METADATA, POST, REDIRECT, SAMLP};

/// We, the service provider.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Our entity ID, which is the audience of assertions for us.
    pub entity_id: String,
    /// Where assertions are posted. Never made from what a request says of its host.
    pub acs_url: String,
    /// Where logouts come in.
    pub logout_url: String,
    /// Certificates of our keys, the present one first: all are for signing and encryption, so that a new key can be
    /// known everywhere before it is used.
    pub certificates: Vec<Certificate>,
}

/// A base address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not an address.
    #[error("`{0}` is not a URL like https://llm.example.org")]
    Invalid(String),
    /// Plain HTTP.
    #[error("`{0}` is plain http, which only localhost may be: logins would pass in clear")]
    Plain(String),
    /// More than scheme and host.
    #[error("`{0}` has a path, a query or a user: give scheme, host and port only")]
    MoreThanOrigin(String),
}

impl fmt::Debug for ServiceProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceProvider")
            .field("entity_id", &self.entity_id)
            .field("acs_url", &self.acs_url)
            .finish_non_exhaustive()
    }
}

impl ServiceProvider {
    /// Ourselves at this public address: scheme, host and port.
    ///
    /// # Errors
    /// When that is no such address, or plain HTTP elsewhere than on localhost.
    pub fn at(base: &str, entity_id: &str, certificates: Vec<Certificate>) -> Result<Self, BaseUrlError> {
        let url = Url::parse(base).map_err(|_| BaseUrlError::Invalid(base.to_owned()))?;
        let host = url.host_str().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost");
        match url.scheme() {
            "https" => {}
            "http" if local => {}
            "http" => return Err(BaseUrlError::Plain(base.to_owned())),
            _ => return Err(BaseUrlError::Invalid(base.to_owned())),
        }
        if url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
        {
            return Err(BaseUrlError::MoreThanOrigin(base.to_owned()));
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self {
            entity_id: entity_id.to_owned(),
            acs_url: format!("{origin}/saml/acs"),
            logout_url: format!("{origin}/saml/sls"),
            certificates,
        })
    }

    /// Our metadata (SAML metadata 2.4.4), to be given to the identity provider.
    #[must_use]
    pub fn metadata(&self) -> String {
        let keys: String = self.certificates.iter().map(key_descriptors).collect();
        let logout = escape(self.logout_url.as_str());
        let logouts: String = [REDIRECT, POST]
            .iter()
            .map(|binding| format!("<md:SingleLogoutService Binding=\"{binding}\" Location=\"{logout}\"/>"))
            .collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <md:EntityDescriptor xmlns:md=\"{METADATA}\" xmlns:ds=\"{DSIG}\" entityID=\"{id}\">\
             <md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" \
             protocolSupportEnumeration=\"{SAMLP}\">{keys}{logouts}\
             <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</md:NameIDFormat>\
             <md:AssertionConsumerService Binding=\"{POST}\" Location=\"{acs}\" index=\"0\" isDefault=\"true\"/>\
             </md:SPSSODescriptor></md:EntityDescriptor>\n",
            id = escape(self.entity_id.as_str()),
            acs = escape(self.acs_url.as_str()),
        )
    }
}

fn key_descriptors(certificate: &Certificate) -> String {
    let base64 = STANDARD.encode(certificate.der());
    let key = format!(
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{base64}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    );
    let methods = "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>\
                   <md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes128-gcm\"/>\
                   <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"/>\
                   <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes128-cbc\"/>\
                   <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/>";
    format!(
        "<md:KeyDescriptor use=\"signing\">{key}</md:KeyDescriptor>\
         <md:KeyDescriptor use=\"encryption\">{key}{methods}</md:KeyDescriptor>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_localhost() {
        let at = |base| ServiceProvider::at(base, "id", Vec::new()).map(|we| we.acs_url);
        assert_eq!(
            at("https://llm.example.org").unwrap(),
            "https://llm.example.org/saml/acs"
        );
        assert_eq!(
            at("http://localhost:8082/").unwrap(),
            "http://localhost:8082/saml/acs"
        );
        assert!(matches!(
            at("http://llm.example.org"),
            Err(BaseUrlError::Plain(_))
        ));
        assert!(matches!(
            at("http://localhost.evil.example"),
            Err(BaseUrlError::Plain(_))
        ));
        assert!(matches!(
            at("https://a.example/portal"),
            Err(BaseUrlError::MoreThanOrigin(_))
        ));
        assert!(matches!(
            at("https://u@a.example"),
            Err(BaseUrlError::MoreThanOrigin(_))
        ));
        for invalid in ["", "llm.example.org", "ftp://llm.example.org"] {
            assert!(matches!(at(invalid), Err(BaseUrlError::Invalid(_))), "{invalid}");
        }
    }

    #[test]
    fn metadata_names_every_key_for_both_uses() {
        let keys = vec![Certificate::from_der(vec![1]), Certificate::from_der(vec![2])];
        let we = ServiceProvider::at("https://a.example", "https://a.example/?a&\"b\"", keys).unwrap();
        let metadata = we.metadata();
        let document = roxmltree::Document::parse(&metadata).unwrap();
        assert_eq!(
            document.root_element().attribute("entityID"),
            Some("https://a.example/?a&\"b\"")
        );
        for (key, count) in [("AQ==", 2), ("Ag==", 2), ("SingleLogoutService ", 2)] {
            assert_eq!(metadata.matches(key).count(), count, "{key}");
        }
    }
}
