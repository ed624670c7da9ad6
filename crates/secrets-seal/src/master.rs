//! Master keys.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

// As people make them: with `=` at the end or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const BYTES: usize = 32;

/// Why a text holds no master keys. No part of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// There is no line in it.
    #[error("there is no master key in it")]
    Empty,
    /// A line is no key.
    #[error("line {0} is not the base64 of 32 bytes")]
    Line(usize),
    /// Two lines are the same key.
    #[error("line {0} is a key that stands before it already")]
    Twice(usize),
}

/// The keys that secrets are sealed under: the newest seals, all of them open.
pub struct MasterKeys(Vec<(KeyName, XChaCha20Poly1305)>);

/// Names a master key without telling it: the beginning of its hash, in hexadecimal.
pub(crate) type KeyName = String;

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl MasterKeys {
    /// The keys in `text`, one a line, the newest first: each the base64 of 32 random bytes.
    ///
    /// # Errors
    /// When a line is no key, or there is none. The text is not repeated.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let mut keys: Vec<(KeyName, XChaCha20Poly1305)> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let bytes = Zeroizing::new(BASE64.decode(line).map_err(|_| MasterKeyError::Line(number))?);
            let bytes: Zeroizing<[u8; BYTES]> =
                Zeroizing::new((&**bytes).try_into().map_err(|_| MasterKeyError::Line(number))?);
            let name = name(&bytes);
            if keys.iter().any(|(other, _)| *other == name) {
                return Err(MasterKeyError::Twice(number));
            }
            let key = XChaCha20Poly1305::new_from_slice(&*bytes).map_err(|_| MasterKeyError::Line(number))?;
            keys.push((name, key));
        }
        if keys.is_empty() {
            return Err(MasterKeyError::Empty);
        }
        Ok(Self(keys))
    }

    /// The key that seals.
    pub(crate) fn newest(&self) -> Option<(&str, &XChaCha20Poly1305)> {
        self.0.first().map(|(name, key)| (&**name, key))
    }

    /// The key of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&XChaCha20Poly1305> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, key)| key)
    }
}

fn name(key: &[u8; BYTES]) -> KeyName {
    let mut hash = Sha256::new();
    hash.update(b"llmgw master key\0");
    hash.update(key);
    let hash = hash.finalize();
    hash.iter().take(4).fold(String::new(), |mut name, byte| {
        use fmt::Write;
        // A string takes everything.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const OTHER: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn lines_are_keys_the_newest_first() {
        let keys = MasterKeys::parse(&format!("\n {ONE}\r\n\n{OTHER}\n")).unwrap();
        let newest = keys.newest().unwrap().0.to_owned();
        assert_eq!(newest, MasterKeys::parse(ONE).unwrap().newest().unwrap().0);
        assert_eq!(keys.0.len(), 2);
        assert!(keys.named(&newest).is_some() && keys.named("00000000").is_none());
    }

    #[test]
    fn what_is_no_key_is_named_by_its_line_alone() {
        for (text, error) in [
            ("", MasterKeyError::Empty),
            ("\n \n", MasterKeyError::Empty),
            ("hunter2", MasterKeyError::Line(1)),
            (&format!("{ONE}\nAAAA"), MasterKeyError::Line(2)),
            (&format!("{ONE}\n{ONE}"), MasterKeyError::Twice(2)),
        ] {
            let told = MasterKeys::parse(text).unwrap_err();
            assert_eq!(told, error);
            assert!(!told.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", MasterKeys::parse(ONE).unwrap());
        assert!(!shown.contains("AAAA") && !shown.contains("0, 0"), "{shown}");
    }
}
