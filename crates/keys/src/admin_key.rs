//! The key that opens the admin service when nothing else does.

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
    fn a_new_pepper_does_not_lock_the_admin_out() {
        let pepper = |fill| Pepper::new(&[fill; 32]).unwrap();
        let text = KeyText::generate([7; 32]);
        let hash = pepper(1).hash(&text);
        let key = AdminKey::new(vec![pepper(2), pepper(1)], hash);
        assert!(key.matches(text.expose()));
        assert!(!AdminKey::new(vec![pepper(2)], hash).matches(text.expose()));
    }
}
