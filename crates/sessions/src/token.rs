//! What opens a session or takes a value: the token that its holder shows, and the hash that is kept.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use llmgw_types::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::TokenError;

/// 256 random bits as text: 43 characters base64url (RFC 4648 5), without padding, so that it can stand in a
/// cookie or an address as it is. Never stored, never printed by `Debug`.
#[derive(Debug, Clone)]
pub struct Token(SecretString);

impl Token {
    /// A fresh token from 256 random bits.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(random)))
    }

    /// The token in `text`, its form checked without a store. Each token has one text only.
    ///
    /// # Errors
    /// When no token looks like this.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let mut bytes = [0; 32];
        match BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(Self(SecretString::from(text))),
            _ => Err(TokenError),
        }
    }

    /// The text itself, for its holder alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// SHA-256 of the text. 256 random bits need no salt and no slow hash: nobody guesses them.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.expose().as_bytes()).into())
    }
}

/// The hash under which something is kept and found. It opens nothing, so it may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
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

impl fmt::Display for TokenHash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    proptest! {
        #[test]
        fn every_token_is_parsed_to_itself(random: [u8; 32]) {
            let token = Token::generate(random);
            prop_assert_eq!(token.expose().len(), 43);
            let parsed = Token::parse(token.expose()).unwrap();
            prop_assert_eq!(parsed.expose(), token.expose());
            prop_assert_eq!(parsed.hash(), token.hash());
        }

        #[test]
        fn every_character_counts(random: [u8; 32], at in 0usize..43, with in 0usize..64) {
            let token = Token::generate(random);
            let mut text = token.expose().as_bytes().to_vec();
            prop_assume!(text[at] != ALPHABET[with]);
            text[at] = ALPHABET[with];
            // Two bits of the last character carry nothing; such a text is no second name of the same token.
            if let Ok(other) = Token::parse(std::str::from_utf8(&text).unwrap()) {
                prop_assert_ne!(other.hash(), token.hash());
            } else {
                prop_assert_eq!(at, 42);
            }
        }
    }

    #[test]
    fn what_no_token_looks_like_is_refused() {
        let good = Token::generate([0; 32]).expose().to_owned();
        let longer = format!("{good}A");
        let padded = format!("{good}=");
        let standard = format!("+{}", &good[1..]);
        let spare_bits = format!("{}B", &good[..42]);
        for bad in [
            "",
            &good[1..],
            &longer,
            &padded,
            &standard,
            &spare_bits,
            &"A".repeat(10_000),
        ] {
            assert_eq!(Token::parse(bad).unwrap_err(), TokenError, "{bad}");
        }
    }

    #[test]
    fn the_hash_is_that_of_the_text() {
        let hash = Token::generate([0; 32]).hash();
        let expected: [u8; 32] = Sha256::digest("A".repeat(43)).into();
        assert_eq!(hash.as_bytes(), &expected);
        assert_eq!(hash.to_string().len(), 64);
        assert!(hash.to_string().starts_with(&format!("{:02x}", expected[0])));
        assert_eq!(TokenHash::from_bytes(expected), hash);
    }

    #[test]
    fn a_token_does_not_show_in_debug() {
        let token = Token::generate([7; 32]);
        assert!(!format!("{token:?}").contains(&token.expose()[..8]), "{token:?}");
    }
}
