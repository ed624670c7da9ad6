//! Signatures: of XML by samael, of queries by OpenSSL.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use llmgw_auth_saml::{Certificate, CryptoError, Filtered, SignatureAlgorithm, XmlSignature};
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::sign::{Signer, Verifier};
use openssl::x509::X509;
use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};

use crate::keys::{ProviderKey, digest};

/// Given at each call: samael's default allows whatever xmlsec knows, SHA-1 among it.
const ALLOWED: [AllowedSignatureAlgorithm; 6] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
    AllowedSignatureAlgorithm::EcdsaSha512,
];

/// [`XmlSignature`] by samael, signing with one of our keys.
pub struct SamaelSignature {
    key: PKey<Private>,
}

impl fmt::Debug for SamaelSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SamaelSignature(..)")
    }
}

impl SamaelSignature {
    /// Signs with this key.
    #[must_use]
    pub fn new(key: &ProviderKey) -> Self {
        Self { key: key.key.clone() }
    }
}

impl XmlSignature for SamaelSignature {
    fn verify(&self, document: &Filtered<'_>, certificates: &[Certificate]) -> Result<String, CryptoError> {
        if document.signatures() == 0 || certificates.is_empty() {
            return Err(CryptoError);
        }
        // With a key of another kind than the signature's samael gives up instead of trying the next: each kind apart.
        [Id::RSA, Id::EC]
            .into_iter()
            .find_map(|kind| verified(document.text(), &of_kind(certificates, kind)))
            .ok_or(CryptoError)
    }

    fn verify_bytes(
        &self,
        signed: &[u8],
        algorithm: SignatureAlgorithm,
        signature: &[u8],
        certificates: &[Certificate],
    ) -> Result<(), CryptoError> {
        let fits = |certificate: &Certificate| {
            let key = X509::from_der(certificate.der()).and_then(|certificate| certificate.public_key());
            key.and_then(|key| is_signed(&key, signed, algorithm, signature))
                .unwrap_or(false)
        };
        if certificates.iter().any(fits) {
            Ok(())
        } else {
            Err(CryptoError)
        }
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn sign_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let sign = || {
            let (_, digest) = digest(self.algorithm());
            let mut signer = Signer::new(digest, &self.key)?;
            signer.sign_oneshot_to_vec(bytes)
        };
        sign().map_err(|_: ErrorStack| CryptoError)
    }
}

fn of_kind(certificates: &[Certificate], kind: Id) -> Vec<CertificateDer> {
    let is = |certificate: &&Certificate| {
        let key = X509::from_der(certificate.der()).and_then(|certificate| certificate.public_key());
        key.is_ok_and(|key| key.id() == kind)
    };
    certificates
        .iter()
        .filter(is)
        .map(|certificate| CertificateDer::from(certificate.der().to_vec()))
        .collect()
}

fn verified(text: &str, certificates: &[CertificateDer]) -> Option<String> {
    if certificates.is_empty() {
        return None;
    }
    let reduce = || {
        Crypto::reduce_xml_to_signed_with_allowed_algorithms(
            text,
            certificates,
            ReduceMode::PreDigest,
            Some(&ALLOWED),
        )
    };
    catch_unwind(AssertUnwindSafe(reduce)).ok()?.ok()
}

fn is_signed(
    key: &PKey<Public>,
    signed: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    let (kind, digest) = digest(algorithm);
    if key.id() != kind {
        return Ok(false);
    }
    let mut verifier = Verifier::new(digest, key)?;
    if kind == Id::RSA {
        return verifier.verify_oneshot(signature, signed);
    }
    // XML signatures give the two numbers one after the other (RFC 9231 2.3.6), OpenSSL wants them as DER.
    let (r, s) = signature.split_at(signature.len() / 2);
    let numbers = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    verifier.verify_oneshot(&numbers.to_der()?, signed)
}
