//! Key pairs, made once per process.

use std::sync::OnceLock;

use llmgw_auth_saml::Certificate;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name};

/// A key with its certificate.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The key.
    pub key: PKey<Private>,
    /// The certificate.
    pub certificate: X509,
}

impl Pair {
    fn new(key: PKey<Private>, name: &str) -> Self {
        let make = || {
            let mut builder = X509::builder()?;
            let mut subject = X509Name::builder()?;
            subject.append_entry_by_text("CN", name)?;
            let subject = subject.build();
            builder.set_version(2)?;
            builder.set_subject_name(&subject)?;
            builder.set_issuer_name(&subject)?;
            builder.set_pubkey(&key)?;
            builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
            builder.set_not_after(&*Asn1Time::days_from_now(30)?)?;
            let serial = BigNum::from_u32(1)?.to_asn1_integer()?;
            builder.set_serial_number(&serial)?;
            builder.sign(&key, MessageDigest::sha256())?;
            Ok::<_, openssl::error::ErrorStack>(builder.build())
        };
        let certificate = make().expect("a certificate");
        Self { key, certificate }
    }

    fn rsa(name: &str) -> Self {
        let key = Rsa::generate(2048).and_then(PKey::from_rsa).expect("an RSA key");
        Self::new(key, name)
    }

    fn ec(name: &str) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        let key = EcKey::generate(&group)
            .and_then(PKey::from_ec_key)
            .expect("an EC key");
        Self::new(key, name)
    }

    /// The certificate, DER.
    #[must_use]
    pub fn der(&self) -> Certificate {
        Certificate::from_der(self.certificate.to_der().expect("a certificate"))
    }

    /// Key and certificate as files hold them.
    #[must_use]
    pub fn pem(&self) -> (Vec<u8>, Vec<u8>) {
        (
            self.key.private_key_to_pem_pkcs8().expect("a key"),
            self.certificate.to_pem().expect("a certificate"),
        )
    }
}

/// Everybody's keys.
#[derive(Debug)]
pub struct Keys {
    /// The identity provider's, in its metadata.
    pub idp: Pair,
    /// Its next, in its metadata as well.
    pub next: Pair,
    /// One of another kind, in its metadata as well.
    pub elliptic: Pair,
    /// Somebody else's.
    pub stranger: Pair,
    /// Ours.
    pub sp: Pair,
    /// Ours from before the rollover.
    pub old_sp: Pair,
}

/// Everybody's keys.
pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        idp: Pair::rsa("idp"),
        next: Pair::rsa("idp next"),
        elliptic: Pair::ec("idp elliptic"),
        stranger: Pair::rsa("stranger"),
        sp: Pair::rsa("sp"),
        old_sp: Pair::rsa("sp before"),
    })
}
