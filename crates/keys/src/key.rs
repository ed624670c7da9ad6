//! An API key: the plain text that is shown once, the hash that is kept, the record about it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use llmgw_types::{ExposeSecret, KeyId, Limit, ModelId, Revision, SecretString, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::KeyTextError;

const PREFIX: &str = "sk-llmgw-";
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;
const LEN: usize = PREFIX.len() + SECRET_LEN + CHECK_LEN;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The plain text of a key, as a client shows it. Never stored, never printed by `Debug`.
#[derive(Debug, Clone)]
pub struct KeyText(SecretString);

impl KeyText {
    /// A fresh key from 256 random bits: `sk-llmgw-`, 43 characters base62, 6 base62 characters of the
    /// CRC-32 of what stands before them.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        let mut text = String::with_capacity(LEN);
        text.push_str(PREFIX);
        push_base62(&mut text, random);
        let sum = checksum(&text);
        text.push_str(&sum);
        Self(SecretString::from(text))
    }

    /// The key in `text`, its form and checksum checked without a store: a typo is told apart from a
    /// well-formed key that nobody made.
    ///
    /// # Errors
    /// When it is not one of our keys, or was mistyped.
    pub fn parse(text: &str) -> Result<Self, KeyTextError> {
        let body = text.strip_prefix(PREFIX).ok_or(KeyTextError::NotOurs)?;
        if text.len() != LEN || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(KeyTextError::Malformed);
        }
        let (stem, sum) = text.split_at(LEN - CHECK_LEN);
        if checksum(stem) != sum {
            return Err(KeyTextError::Checksum);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// A key made elsewhere that goes on working here: 16 to 256 visible ASCII characters, no checksum.
    ///
    /// # Errors
    /// When the text is too short to be a secret, too long, or cannot stand in a header.
    pub fn import(text: &str) -> Result<Self, KeyTextError> {
        if !(16..=256).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(KeyTextError::Malformed);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The key in `text`, whoever made it: one of ours with its checksum, else one made elsewhere.
    ///
    /// # Errors
    /// When it begins like one of ours and is none, or cannot be a key at all.
    pub fn ours_or_imported(text: &str) -> Result<Self, KeyTextError> {
        match Self::parse(text) {
            Err(KeyTextError::NotOurs) => Self::import(text).map_err(|_| KeyTextError::NotOurs),
            parsed => parsed,
        }
    }

    /// The text itself. Show it once to its owner and drop it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What people recognise the key by: its first 12 and last 4 characters.
    #[must_use]
    pub fn hint(&self) -> String {
        let text = self.expose();
        match (text.get(..12), text.get(text.len().saturating_sub(4)..)) {
            (Some(head), Some(tail)) if text.len() >= 24 => format!("{head}...{tail}"),
            _ => "...".to_owned(),
        }
    }
}

/// The key for hashing keys: one pepper, never in the store that holds the hashes.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper([hidden])")
    }
}

impl Pepper {
    /// A pepper of 32 bytes or more.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyTextError> {
        if bytes.len() < 32 {
            return Err(KeyTextError::ShortPepper(bytes.len()));
        }
        Hmac::new_from_slice(bytes)
            .map(Self)
            .map_err(|_| KeyTextError::ShortPepper(bytes.len()))
    }

    /// The peppers in a file's text, newest first: one per line, empty lines left out.
    ///
    /// # Errors
    /// When there is none, or one is too short.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, KeyTextError> {
        let peppers: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| Self::new(line.as_bytes()))
            .collect::<Result<_, _>>()?;
        if peppers.is_empty() {
            Err(KeyTextError::ShortPepper(0))
        } else {
            Ok(peppers)
        }
    }

    /// 32 bytes for another purpose than keys, which `purpose` names: they tell nothing of the pepper.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        // No key has a space in it.
        mac.update(b"for ");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// HMAC-SHA-256 of the key's text under this pepper.
    #[must_use]
    pub fn hash(&self, key: &KeyText) -> KeyHash {
        let mut mac = self.0.clone();
        mac.update(key.expose().as_bytes());
        KeyHash(mac.finalize().into_bytes().into())
    }
}

/// The hash under which a key is stored and found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// A hash that came out of a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash([hidden])")
    }
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It may, until it expires.
    Active,
    /// It was taken back, for good.
    Revoked,
}

/// What is kept about a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, not secret.
    pub id: KeyId,
    /// What it is found by; unique in a store.
    pub hash: KeyHash,
    /// What people recognise it by.
    pub hint: String,
    /// The owner's name for it.
    pub name: String,
    /// Whose it is.
    pub owner: UserId,
    /// Models it may use; empty: all that the owner may.
    pub models: Vec<ModelId>,
    /// Limits of this key alone.
    pub limits: Vec<Limit>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Whether it may be used.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last seen in use; up to a minute late.
    pub last_used_at: Option<Timestamp>,
    /// The key it was made to replace.
    pub replaces: Option<KeyId>,
    /// How often the key was changed; its use is no change.
    #[serde(default)]
    pub revision: Revision,
}

impl ApiKey {
    /// Whether this key's own scope has `model`; the owner's access is another question.
    #[must_use]
    pub fn in_scope(&self, model: &ModelId) -> bool {
        self.models.is_empty() || self.models.contains(model)
    }
}

fn push_base62(text: &mut String, random: [u8; 32]) {
    let mut digits = [0_u8; SECRET_LEN];
    let mut number = random;
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            *byte = (value / 62).to_le_bytes()[0];
            rest = value % 62;
        }
        *digit = rest.to_le_bytes()[0];
    }
    text.extend(
        digits
            .iter()
            .map(|digit| char::from(ALPHABET[usize::from(*digit)])),
    );
}

fn checksum(stem: &str) -> String {
    let mut rest = crc32fast::hash(stem.as_bytes());
    let mut digits = [0_u8; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_generated_key_parses(random: [u8; 32]) {
            let key = KeyText::generate(random);
            prop_assert_eq!(key.expose().len(), LEN);
            prop_assert!(KeyText::parse(key.expose()).is_ok());
        }

        #[test]
        fn one_wrong_character_is_a_typo(random: [u8; 32], at in PREFIX.len()..LEN, with in 0usize..62) {
            let key = KeyText::generate(random);
            let mut text = key.expose().as_bytes().to_vec();
            prop_assume!(text[at] != ALPHABET[with]);
            text[at] = ALPHABET[with];
            let refused = KeyText::parse(std::str::from_utf8(&text).unwrap());
            prop_assert_eq!(refused.unwrap_err(), KeyTextError::Checksum);
        }
    }

    #[test]
    fn all_256_bits_count() {
        let mut random = [0; 32];
        let zero = KeyText::generate(random).expose().to_owned();
        random[0] = 0x80;
        let high = KeyText::generate(random).expose().to_owned();
        random = [0; 32];
        random[31] = 1;
        let low = KeyText::generate(random).expose().to_owned();
        assert!(zero != high && zero != low && high != low);
    }

    #[test]
    fn other_peoples_keys_are_told_apart() {
        assert_eq!(KeyText::parse("sk-proj-abc").unwrap_err(), KeyTextError::NotOurs);
        assert_eq!(
            KeyText::parse("sk-llmgw-abc").unwrap_err(),
            KeyTextError::Malformed
        );
    }

    #[test]
    fn neither_text_nor_hash_nor_pepper_shows_in_debug() {
        let key = KeyText::generate([7; 32]);
        let pepper = Pepper::new(&[9; 32]).unwrap();
        let shown = format!("{key:?} {:?} {pepper:?}", pepper.hash(&key));
        assert!(!shown.contains(&key.expose()[9..20]), "{shown}");
        assert!(shown.contains("[hidden]"));
    }

    #[test]
    fn pepper_files_have_the_newest_first() {
        let old = "o".repeat(32);
        let new = "n".repeat(40);
        let peppers = Pepper::parse_file(&format!("{new}\n\n{old}\n")).unwrap();
        let key = KeyText::generate([1; 32]);
        assert_eq!(peppers.len(), 2);
        assert_eq!(
            peppers[0].hash(&key),
            Pepper::new(new.as_bytes()).unwrap().hash(&key)
        );
        assert_eq!(
            Pepper::parse_file("short\n").unwrap_err(),
            KeyTextError::ShortPepper(5)
        );
        assert!(Pepper::parse_file("\n").is_err());
    }
}
