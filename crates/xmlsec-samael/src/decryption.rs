//! Decryption by OpenSSL. Whatever goes wrong, the answer is the same: whoever sends ciphertexts must not learn how
//! far one came.

use std::fmt;

use llmgw_auth_saml::{ContentCipher, CryptoError, Encrypted, OaepHash, WrappedKey, XmlDecryption};
use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::symm::{Cipher, Crypter, Mode, decrypt_aead};

use crate::keys::ProviderKey;

const GCM_NONCE: usize = 12;
const GCM_TAG: usize = 16;
const BLOCK: usize = 16;

/// [`XmlDecryption`] with all our keys: what was encrypted to the one before is still read during a rollover.
pub struct OpensslDecryption {
    keys: Vec<PKey<Private>>,
}

impl fmt::Debug for OpensslDecryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpensslDecryption({} keys)", self.keys.len())
    }
}

impl OpensslDecryption {
    /// Decrypts with any of these keys.
    #[must_use]
    pub fn new(keys: &[ProviderKey]) -> Self {
        Self {
            keys: keys.iter().map(|key| key.key.clone()).collect(),
        }
    }
}

impl XmlDecryption for OpensslDecryption {
    fn decrypt(&self, encrypted: &Encrypted) -> Result<Vec<u8>, CryptoError> {
        for key in &self.keys {
            for wrapped in &encrypted.keys {
                let content = unwrap(key, wrapped)
                    .ok()
                    .and_then(|key| content(encrypted.cipher, &key, &encrypted.content));
                if let Some(content) = content {
                    return Ok(content);
                }
            }
        }
        Err(CryptoError)
    }
}

fn unwrap(key: &PKey<Private>, wrapped: &WrappedKey) -> Result<Vec<u8>, ErrorStack> {
    let mut decrypter = Decrypter::new(key)?;
    decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
    decrypter.set_rsa_oaep_md(hash(wrapped.digest))?;
    decrypter.set_rsa_mgf1_md(hash(wrapped.mask))?;
    let mut content_key = vec![0; decrypter.decrypt_len(&wrapped.bytes)?];
    let length = decrypter.decrypt(&wrapped.bytes, &mut content_key)?;
    content_key.truncate(length);
    Ok(content_key)
}

fn hash(hash: OaepHash) -> MessageDigest {
    match hash {
        OaepHash::Sha1 => MessageDigest::sha1(),
        OaepHash::Sha256 => MessageDigest::sha256(),
        OaepHash::Sha384 => MessageDigest::sha384(),
        OaepHash::Sha512 => MessageDigest::sha512(),
    }
}

fn content(cipher: ContentCipher, key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let cipher = match cipher {
        ContentCipher::Aes128Cbc => Cipher::aes_128_cbc(),
        ContentCipher::Aes256Cbc => Cipher::aes_256_cbc(),
        ContentCipher::Aes128Gcm => Cipher::aes_128_gcm(),
        ContentCipher::Aes256Gcm => Cipher::aes_256_gcm(),
    };
    if key.len() != cipher.key_len() {
        return None;
    }
    if cipher.block_size() == 1 {
        let (nonce, rest) = bytes.split_at_checked(GCM_NONCE)?;
        let (text, tag) = rest.split_at_checked(rest.len().checked_sub(GCM_TAG)?)?;
        return decrypt_aead(cipher, key, Some(nonce), &[], text, tag).ok();
    }
    let (start, text) = bytes.split_at_checked(BLOCK)?;
    if text.is_empty() || !text.len().is_multiple_of(BLOCK) {
        return None;
    }
    blocks(cipher, key, start, text)
}

// XML Encryption pads with any bytes, of which the last says how many there are (5.2): not what OpenSSL looks for.
fn blocks(cipher: Cipher, key: &[u8], start: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut crypter = Crypter::new(cipher, Mode::Decrypt, key, Some(start)).ok()?;
    crypter.pad(false);
    let mut plain = vec![0; text.len() + BLOCK];
    let mut length = crypter.update(text, &mut plain).ok()?;
    length += crypter.finalize(plain.get_mut(length..)?).ok()?;
    plain.truncate(length);
    let padding = usize::from(*plain.last()?);
    if padding == 0 || padding > BLOCK {
        return None;
    }
    plain.truncate(length.checked_sub(padding)?);
    Some(plain)
}
