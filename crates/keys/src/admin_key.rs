//! The key that opens the admin service when nothing else does.

use subtle::ConstantTimeEq;

use crate::{KeyHash, KeyText, KeyTextError, Pepper};

/// Knows the admin key when it sees it. Holds its hash only.
#[derive(Debug, Clone)]
pub struct AdminKey {
    pepper: Pepper,
    hash: KeyHash,
}

impl AdminKey {
    /// The key whose hash under `pepper` is `hash`.
    #[must_use]
    pub const fn new(pepper: Pepper, hash: KeyHash) -> Self {
        Self { pepper, hash }
    }

    /// The key `text`.
    ///
    /// # Errors
    /// When it has fewer than 16 characters, more than 256, or others than visible ASCII.
    pub fn from_text(pepper: Pepper, text: &str) -> Result<Self, KeyTextError> {
        let hash = pepper.hash(&KeyText::import(text)?);
        Ok(Self { pepper, hash })
    }

    /// Whether `text` is the key. Takes as long for a near miss as for a far one.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        KeyText::import(text)
            .is_ok_and(|shown| bool::from(self.pepper.hash(&shown).as_bytes().ct_eq(self.hash.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_key_only() {
        let pepper = Pepper::new(&[1; 32]).unwrap();
        let key = AdminKey::from_text(pepper, "a-long-admin-key").unwrap();
        assert!(key.matches("a-long-admin-key"));
        assert!(!key.matches("a-long-admin-kex") && !key.matches("") && !key.matches("a-long-admin-key "));
    }
}
