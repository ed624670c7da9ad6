//! Encrypts assertions, in the ways the standards know and some they do not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::hash::MessageDigest;
use openssl::rand::rand_bytes;
use openssl::rsa::Padding;
use openssl::symm::{Cipher, encrypt, encrypt_aead};

use crate::keys::Pair;

/// How to encrypt, and to whom.
#[derive(Debug, Clone)]
pub struct Encryption {
    /// The content's cipher as messages name it.
    pub cipher: &'static str,
    /// The key transport as messages name it.
    pub transport: &'static str,
    /// The digest in the key transport: none, or `sha256` in both places.
    pub sha256: bool,
    /// To whom.
    pub to: Pair,
    /// Whether the wrapped key stands beside the data instead of in it.
    pub beside: bool,
}

impl Encryption {
    /// AES-128 in GCM mode and RSA-OAEP.
    #[must_use]
    pub fn to(to: &Pair) -> Self {
        Self {
            cipher: "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            transport: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
            sha256: false,
            to: to.clone(),
            beside: false,
        }
    }

    fn wrap(&self, key: &[u8]) -> Vec<u8> {
        let make = || {
            let mut encrypter = Encrypter::new(&self.to.key)?;
            if self.transport.ends_with("rsa-1_5") {
                encrypter.set_rsa_padding(Padding::PKCS1)?;
            } else {
                encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
                if self.sha256 {
                    encrypter.set_rsa_oaep_md(MessageDigest::sha256())?;
                    encrypter.set_rsa_mgf1_md(MessageDigest::sha256())?;
                }
            }
            let mut wrapped = vec![0; encrypter.encrypt_len(key)?];
            let length = encrypter.encrypt(key, &mut wrapped)?;
            wrapped.truncate(length);
            Ok::<_, openssl::error::ErrorStack>(wrapped)
        };
        make().expect("a wrapped key")
    }
}

/// An encrypted assertion that holds `plain`.
#[must_use]
pub fn encrypted(plain: &[u8], how: &Encryption) -> String {
    let (cipher, gcm) = match how.cipher.rsplit('#').next() {
        Some("aes128-cbc") => (Cipher::aes_128_cbc(), false),
        Some("aes256-cbc") => (Cipher::aes_256_cbc(), false),
        Some("aes256-gcm") => (Cipher::aes_256_gcm(), true),
        Some("tripledes-cbc") => (Cipher::des_ede3_cbc(), false),
        _ => (Cipher::aes_128_gcm(), true),
    };
    let random = |length: usize| {
        let mut bytes = vec![0; length];
        rand_bytes(&mut bytes).expect("random bits");
        bytes
    };
    let key = random(cipher.key_len());
    let start = random(cipher.iv_len().unwrap_or(0));
    let mut tag = [0; 16];
    let text = if gcm {
        encrypt_aead(cipher, &key, Some(&start), &[], plain, &mut tag)
    } else {
        encrypt(cipher, &key, Some(&start), plain)
    };
    let mut content = [start, text.expect("a ciphertext")].concat();
    if gcm {
        content.extend_from_slice(&tag);
    }
    element(how, &how.wrap(&key), &content)
}

fn element(how: &Encryption, wrapped: &[u8], content: &[u8]) -> String {
    let digests = if how.sha256 {
        "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
         <xenc11:MGF xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" \
         Algorithm=\"http://www.w3.org/2009/xmlenc11#mgf1sha256\"/>"
    } else {
        ""
    };
    let key = format!(
        "<xenc:EncryptedKey Id=\"_k1\"><xenc:EncryptionMethod Algorithm=\"{}\">{digests}</xenc:EncryptionMethod>\
         <xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>",
        how.transport,
        STANDARD.encode(wrapped)
    );
    let (inside, beside) = if how.beside {
        ("<ds:RetrievalMethod URI=\"#_k1\"/>".to_owned(), key)
    } else {
        (key, String::new())
    };
    format!(
        "<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\">\
         <xenc:EncryptionMethod Algorithm=\"{}\"/><ds:KeyInfo>{inside}</ds:KeyInfo><xenc:CipherData>\
         <xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>{}</saml:EncryptedAssertion>",
        how.cipher,
        STANDARD.encode(content),
        beside.replacen(
            "<xenc:EncryptedKey ",
            "<xenc:EncryptedKey xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" \
             xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" ",
            1
        )
    )
}
