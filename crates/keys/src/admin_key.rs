//! The key that opens the admin service when nothing else does.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{KeyHash, KeyText, Pepper};

/// Knows the admin key when it sees it. Holds its hash only.
#[derive(Debug, Clone)]
pub struct AdminKey {
    peppers: Vec<Pepper>,
    hash: KeyHash,
}

impl AdminKey {
    /// The key whose hash under any of `peppers` is `hash`.
    #[must_use]
    pub const fn new(peppers: Vec<Pepper>, hash: KeyHash) -> Self {
        Self { peppers, hash }
    }

    /// Whether `text` is the key. Takes as long for a near miss as for a far one.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Ok(shown) = KeyText::import(text) else {
            return false;
        };
        let same = |pepper: &Pepper| pepper.hash(&shown).as_bytes().ct_eq(self.hash.as_bytes());
        let any = |found: Choice, pepper| found | same(pepper);
        self.peppers.iter().fold(Choice::from(0), any).into()
    }

    /// What tells this key from another, for sessions that it opened: they end when there is another key. It opens
    /// nothing, and nobody finds the key or its hash by it.
    #[must_use]
    pub fn mark(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(self.hash.as_bytes()).into();
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_key_only() {
        let pepper = Pepper::new(&[1; 32]).unwrap();
        let hash = pepper.hash(&KeyText::import("a-long-admin-key").unwrap());
        let key = AdminKey::new(vec![pepper], hash);
        assert!(key.matches("a-long-admin-key"));
        assert!(!key.matches("a-long-admin-kex") && !key.matches("") && !key.matches("a-long-admin-key "));
    }

    #[test]
    fn another_key_has_another_mark() {
        let pepper = Pepper::new(&[1; 32]).unwrap();
        let key = |text| AdminKey::new(vec![pepper.clone()], pepper.hash(&KeyText::import(text).unwrap()));
        let mark = key("a-long-admin-key").mark();
        assert_eq!((mark.len(), &mark), (32, &key("a-long-admin-key").mark()));
        assert_ne!(mark, key("another-admin-key").mark());
    }

    #[test]
    fn a_new_pepper_does_not_lock_the_admin_out() {
        let pepper = |fill| Pepper::new(&[fill; 32]).unwrap();
        let text = KeyText::generate([7; 32]);
        let hash = pepper(1).hash(&text);
        let key = AdminKey::new(vec![pepper(2), pepper(1)], hash);
        assert!(key.matches(text.expose()));
        assert!(!AdminKey::new(vec![pepper(2)], hash).matches(text.expose()));
    }
}
