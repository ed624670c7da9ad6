//! Hashes of entries, and the one way an entry becomes bytes to hash.
//!
//! Every part is written with its length or a fixed size, so that no two entries give the same bytes: moving a
//! letter from one field to the next is seen. The order of names within a JSON object means nothing, and is not
//! hashed.

use std::fmt;
use std::str::FromStr;

use llmgw_types::ChainId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::DigestError;
use crate::{AuditEntry, Stage};

/// Begins what is hashed. Another way of writing entries would begin with another one.
const FORM: &[u8] = b"llmgw audit entry 1";

/// A SHA-256. As text: 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// What stands before the first entry of a chain: the hash of the chain's id.
    #[must_use]
    pub fn of_chain(chain: ChainId) -> Self {
        Self(Sha256::digest(chain.as_bytes()).into())
    }

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

    /// The hash of all fields of `entry` but its own hash.
    pub(crate) fn of_entry(entry: &AuditEntry) -> Self {
        let mut bytes = Bytes(Sha256::new());
        bytes.text(FORM);
        bytes.fixed(entry.chain.as_bytes());
        bytes.number(entry.seq);
        bytes.fixed(&entry.at.as_micros().to_be_bytes());
        bytes.fixed(&[match entry.stage {
            Stage::Intended => 0,
            Stage::Done => 1,
            Stage::Failed => 2,
        }]);
        bytes.optional(entry.of, Bytes::number);
        bytes.text(entry.actor.to_string().as_bytes());
        bytes.optional_text(entry.origin.as_deref());
        bytes.text(entry.action.as_bytes());
        bytes.text(entry.subject.as_bytes());
        bytes.optional(entry.before.as_ref(), Bytes::json);
        bytes.optional(entry.after.as_ref(), Bytes::json);
        bytes.optional_text(entry.error.as_deref());
        bytes.fixed(entry.previous.as_bytes());
        Self(bytes.0.finalize().into())
    }
}

struct Bytes(Sha256);

impl Bytes {
    fn fixed(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn number(&mut self, number: u64) {
        self.fixed(&number.to_be_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.fixed(text);
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.fixed(&[u8::from(value.is_some())]);
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn optional_text(&mut self, text: Option<&str>) {
        self.optional(text, |bytes, text| bytes.text(text.as_bytes()));
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.fixed(b"n"),
            Value::Bool(value) => self.fixed(if *value { b"t" } else { b"f" }),
            Value::Number(number) => {
                self.fixed(b"#");
                self.text(number.to_string().as_bytes());
            }
            Value::String(text) => {
                self.fixed(b"s");
                self.text(text.as_bytes());
            }
            Value::Array(values) => {
                self.fixed(b"a");
                self.number(values.len() as u64);
                values.iter().for_each(|value| self.json(value));
            }
            Value::Object(fields) => {
                self.fixed(b"o");
                self.number(fields.len() as u64);
                // Some builds keep the order in which names came.
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                for (name, value) in fields {
                    self.text(name.as_bytes());
                    self.json(value);
                }
            }
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(DigestError);
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or(DigestError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests;
