//! Our own keys, from PEM files.

use std::fmt;

use llmgw_auth_saml::{Certificate, SignatureAlgorithm};
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::x509::X509;

/// A key with its certificate.
#[derive(Clone)]
pub struct ProviderKey {
    pub(crate) key: PKey<Private>,
    certificate: Certificate,
}

/// A key that cannot be used. Never holds a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key.
    #[error("not a private key in PEM form (`-----BEGIN PRIVATE KEY-----`), or one with a passphrase")]
    Key,
    /// Not a certificate.
    #[error("not a certificate in PEM form (`-----BEGIN CERTIFICATE-----`)")]
    Certificate,
    /// They are of two pairs.
    #[error("the certificate is of another key")]
    Pair,
    /// Too short, or of a kind that identity providers cannot encrypt to.
    #[error("not an RSA key of 2048 bits or more")]
    Weak,
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(..)")
    }
}

impl ProviderKey {
    /// A key from two texts in PEM form.
    ///
    /// # Errors
    /// When either is something else, both do not belong together, or the key is weak.
    pub fn from_pem(key: &[u8], certificate: &[u8]) -> Result<Self, KeyError> {
        // Without the callback OpenSSL would ask the terminal for a passphrase.
        let key = PKey::private_key_from_pem_callback(key, |_| Ok(0)).map_err(|_| KeyError::Key)?;
        let certificate = X509::from_pem(certificate).map_err(|_| KeyError::Certificate)?;
        let public = certificate.public_key().map_err(|_| KeyError::Certificate)?;
        if !public.public_eq(&key) {
            return Err(KeyError::Pair);
        }
        if key.id() != Id::RSA || key.bits() < 2048 {
            return Err(KeyError::Weak);
        }
        let der = certificate.to_der().map_err(|_| KeyError::Certificate)?;
        Ok(Self {
            key,
            certificate: Certificate::from_der(der),
        })
    }

    /// The certificate, for our metadata.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// A certificate in PEM form.
///
/// # Errors
/// [`KeyError::Certificate`] when it is something else.
pub fn certificate_from_pem(pem: &[u8]) -> Result<Certificate, KeyError> {
    let der = X509::from_pem(pem).and_then(|certificate| certificate.to_der());
    der.map(Certificate::from_der).map_err(|_| KeyError::Certificate)
}

pub(crate) fn digest(algorithm: SignatureAlgorithm) -> (Id, MessageDigest) {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => (Id::RSA, MessageDigest::sha256()),
        SignatureAlgorithm::RsaSha384 => (Id::RSA, MessageDigest::sha384()),
        SignatureAlgorithm::RsaSha512 => (Id::RSA, MessageDigest::sha512()),
        SignatureAlgorithm::EcdsaSha256 => (Id::EC, MessageDigest::sha256()),
        SignatureAlgorithm::EcdsaSha384 => (Id::EC, MessageDigest::sha384()),
        SignatureAlgorithm::EcdsaSha512 => (Id::EC, MessageDigest::sha512()),
    }
}
