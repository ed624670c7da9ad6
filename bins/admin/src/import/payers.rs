//! Who pays for a row: users by name, keys by text. No text of a key is kept, only its hash.

use std::collections::HashMap;

use llmgw_keys::KeyText;
use llmgw_types::{KeyId, UserId};
use sha2::{Digest, Sha256};

/// A hash of a text that may be a key.
type Hash = [u8; 32];

/// Who there is.
#[derive(Default)]
pub(super) struct Payers {
    // `None`: nobody of this name came.
    users: HashMap<String, Option<UserId>>,
    keys: HashMap<Hash, (KeyId, UserId)>,
}

impl Payers {
    pub(super) fn user(&self, name: &str) -> Option<Option<UserId>> {
        self.users.get(name).copied()
    }

    pub(super) fn know_user(&mut self, name: &str, id: Option<UserId>) {
        self.users.insert(name.to_owned(), id);
    }

    pub(super) fn key(&self, text: &str) -> Option<(KeyId, UserId)> {
        self.keys.get(&hash(text.trim())).copied()
    }

    pub(super) fn know_key(&mut self, text: &KeyText, payer: (KeyId, UserId)) {
        self.keys.insert(hash(text.expose()), payer);
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// A name for whoever used a key of which nothing else is known. It does not tell the key.
pub(super) fn unknown(text: &str) -> String {
    let hash = hash(text.trim());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("imported key {short}")
}
