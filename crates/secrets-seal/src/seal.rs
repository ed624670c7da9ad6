//! Sealing and opening.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use llmgw_models::{SealedSecret, SecretSealer, SecretUnsealer};
use llmgw_types::{Entropy, ExposeSecret, SecretString, StoreError, random};
use zeroize::Zeroizing;

use crate::MasterKeys;

/// What stands before a sealed text: how it was made.
const FORMAT: &str = "v1";
const NONCE_BYTES: usize = 24;
const STORE: &str = "a sealed secret";

/// Seals and opens secrets of targets.
pub struct Seal {
    keys: MasterKeys,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Seal {
    /// Under these keys. Nonces are random, of 192 bits: they do not meet.
    #[must_use]
    pub fn new(keys: MasterKeys, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy }
    }
}

impl SecretSealer for Seal {
    fn seal(&self, secret: &SecretString, base_url: &str) -> Result<SealedSecret, StoreError> {
        let broken = || corrupt("it could not be sealed");
        let (name, key) = self.keys.newest().ok_or_else(broken)?;
        let nonce: [u8; NONCE_BYTES] = random(&*self.entropy);
        let bound = bound_to(base_url);
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &bound,
        };
        let sealed = key.encrypt(&XNonce::from(nonce), payload).map_err(|_| broken())?;
        let text = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        SealedSecret::parse(&format!("sealed:{FORMAT}:{name}:{text}")).ok_or_else(broken)
    }
}

impl SecretUnsealer for Seal {
    fn unseal(&self, sealed: &SealedSecret, base_url: &str) -> Result<SecretString, StoreError> {
        let (name, text) = parts(sealed.as_str()).ok_or_else(|| corrupt("it is of another format"))?;
        let key = self.keys.named(name).ok_or_else(|| StoreError::Missing {
            what: format!("the master key {name} of {STORE}, in secrets.master_key_file,"),
        })?;
        opened(key, text, base_url).ok_or_else(|| corrupt("it does not open for this address"))
    }
}

fn parts(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.splitn(4, ':');
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()?) {
        ("sealed", FORMAT, name, text) => Some((name, text)),
        _ => None,
    }
}

fn opened(key: &XChaCha20Poly1305, text: &str, base_url: &str) -> Option<SecretString> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let bound = bound_to(base_url);
    let payload = Payload {
        msg: sealed,
        aad: &bound,
    };
    let text = Zeroizing::new(key.decrypt(&XNonce::from(*nonce), payload).ok()?);
    std::str::from_utf8(&text).ok().map(SecretString::from)
}

fn bound_to(base_url: &str) -> Vec<u8> {
    [&b"llmgw target secret\0"[..], base_url.as_bytes()].concat()
}

fn corrupt(detail: &str) -> StoreError {
    StoreError::Corrupt {
        store: STORE,
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEWER: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
        }
    }

    fn seal_under(keys: &str) -> Seal {
        Seal::new(
            MasterKeys::parse(keys).unwrap(),
            Arc::new(Counting(AtomicU8::default())),
        )
    }

    fn secret() -> SecretString {
        SecretString::from("sk-canary")
    }

    const PLACE: &str = "http://10.0.0.5:8000";

    #[test]
    fn it_opens_for_its_place_alone() {
        let seal = seal_under(KEY);
        let sealed = seal.seal(&secret(), PLACE).unwrap();
        assert_eq!(seal.unseal(&sealed, PLACE).unwrap().expose_secret(), "sk-canary");
        for other in [
            "http://10.0.0.5:8001",
            "https://10.0.0.5:8000",
            "http://10.0.0.5:8000/x",
            "",
        ] {
            assert!(seal.unseal(&sealed, other).is_err(), "{other}");
        }
    }

    #[test]
    fn the_same_secret_is_never_sealed_to_the_same_text() {
        let seal = seal_under(KEY);
        let one = seal.seal(&secret(), PLACE).unwrap();
        let other = seal.seal(&secret(), PLACE).unwrap();
        assert_ne!(one, other);
        assert!(!one.as_str().contains("canary"));
        assert!(!format!("{one:?}{seal:?}").contains(one.as_str()));
    }

    #[test]
    fn an_older_key_still_opens_and_the_newest_seals() {
        let old = seal_under(KEY).seal(&secret(), PLACE).unwrap();
        let both = seal_under(&format!("{NEWER}\n{KEY}"));
        assert_eq!(both.unseal(&old, PLACE).unwrap().expose_secret(), "sk-canary");
        let new = both.seal(&secret(), PLACE).unwrap();
        let error = seal_under(KEY).unseal(&new, PLACE).unwrap_err();
        assert!(error.to_string().contains("secrets.master_key_file"), "{error}");
    }

    #[test]
    fn whatever_is_changed_of_it_it_does_not_open() {
        let seal = seal_under(KEY);
        let sealed = seal.seal(&secret(), PLACE).unwrap();
        let text = sealed.as_str();
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let opened = SealedSecret::parse(&changed).map(|sealed| seal.unseal(&sealed, PLACE));
            assert!(opened.is_none_or(|opened| opened.is_err()), "{at}: {changed}");
        }
        let shorter = SealedSecret::parse(&text[..text.len() - 8]).unwrap();
        assert!(seal.unseal(&shorter, PLACE).is_err());
    }
}
