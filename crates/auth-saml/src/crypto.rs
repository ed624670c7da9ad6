//! The ports to what needs a C library: signatures and decryption. What is handed to them was filtered before.

use std::fmt;

use crate::filter::Filtered;

/// An X.509 certificate, DER.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

impl Certificate {
    /// A certificate from its DER bytes; they are not looked at.
    #[must_use]
    pub const fn from_der(der: Vec<u8>) -> Self {
        Self(der)
    }

    /// Its DER bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.0.len())
    }
}

/// Signatures we accept and make (RFC 9231). SHA-1 is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSA with SHA-256.
    RsaSha256,
    /// RSA with SHA-384.
    RsaSha384,
    /// RSA with SHA-512.
    RsaSha512,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
    ];

    /// Its name in messages.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::EcdsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.uri() == uri)
    }
}

/// How a content key is wrapped: RSA-OAEP only (XML Encryption 1.1, 5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-1, the default of `rsa-oaep-mgf1p`. Not a signature: its collisions do not matter here.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How the content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentCipher {
    /// AES-128 in CBC mode.
    Aes128Cbc,
    /// AES-256 in CBC mode.
    Aes256Cbc,
    /// AES-128 in GCM mode.
    Aes128Gcm,
    /// AES-256 in GCM mode.
    Aes256Gcm,
}

/// Something encrypted for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// The wrapped content keys; which of our keys each is for is not trusted to be said.
    pub keys: Vec<WrappedKey>,
    /// The content's cipher.
    pub cipher: ContentCipher,
    /// Initialisation vector, ciphertext and, for GCM, tag.
    pub content: Vec<u8>,
}

/// A wrapped content key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The hash of the padding.
    pub digest: OaepHash,
    /// The hash of its mask.
    pub mask: OaepHash,
    /// The wrapped key.
    pub bytes: Vec<u8>,
}

/// It did not work; deliberately without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic operation failed")]
pub struct CryptoError;

/// Signatures.
pub trait XmlSignature: Send + Sync {
    /// Verifies every signature in the document, each with any of `certificates`, and gives the bytes that the
    /// outermost one covers, in canonical form. Only these bytes may be believed.
    ///
    /// # Errors
    /// When there is no signature, or one fits none of the certificates.
    fn verify(&self, document: &Filtered<'_>, certificates: &[Certificate]) -> Result<String, CryptoError>;

    /// Verifies a signature that stands beside what it covers (SAML bindings 3.4.4.1).
    ///
    /// # Errors
    /// When it fits none of the certificates, or their keys are of another kind.
    fn verify_bytes(
        &self,
        signed: &[u8],
        algorithm: SignatureAlgorithm,
        signature: &[u8],
        certificates: &[Certificate],
    ) -> Result<(), CryptoError>;

    /// What [`sign_bytes`](Self::sign_bytes) signs with.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs with our present key.
    ///
    /// # Errors
    /// When the key cannot sign.
    fn sign_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, CryptoError>;
}

/// Decryption.
pub trait XmlDecryption: Send + Sync {
    /// Decrypts with whichever of our keys fits.
    ///
    /// # Errors
    /// When none does, or the content is broken: the same error for both.
    fn decrypt(&self, encrypted: &Encrypted) -> Result<Vec<u8>, CryptoError>;
}
