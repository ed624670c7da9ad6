//! One entry, and its place in its chain.

use llmgw_types::{ChainId, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, Cursor, Digest, Head};

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is about to be made.
    Intended,
    /// It was made.
    Done,
    /// It was not made.
    Failed,
}

/// Who did what, when and from where. Nothing in it is a secret, or a person's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The chain of the process that wrote it.
    pub chain: ChainId,
    /// Its number in the chain, from 1.
    pub seq: u64,
    /// When, by the clock of that process.
    pub at: Timestamp,
    /// Before the change, or after it.
    pub stage: Stage,
    /// Of an end: the number of the intended entry, in the same chain.
    pub of: Option<u64>,
    /// Who.
    pub actor: Actor,
    /// From where: a peer's address, or `command line`.
    pub origin: Option<String>,
    /// What was done, like `model.replace`.
    pub action: String,
    /// To what, like `model:llama-3`.
    pub subject: String,
    /// What stood there before. Never a JSON null, which is `None`.
    pub before: Option<Value>,
    /// What stands there after, or is to. Never a JSON null, which is `None`.
    pub after: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// The hash of the entry before; of the first entry [that of the chain's id](Digest::of_chain).
    pub previous: Digest,
    /// The hash of all of the above.
    pub hash: Digest,
}

impl AuditEntry {
    /// This entry with the hash that its fields give.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        // As JSON these two are one, and what comes back must have the same hash.
        self.before = self.before.filter(|value| !value.is_null());
        self.after = self.after.filter(|value| !value.is_null());
        self.hash = self.digest();
        self
    }

    /// The hash that its fields give.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_entry(self)
    }

    /// The head of its chain while it is the last entry.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head {
            chain: self.chain,
            seq: self.seq,
            hash: self.hash,
            at: self.at,
        }
    }

    /// Its place in a list.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor {
            at: self.at,
            chain: self.chain,
            seq: self.seq,
        }
    }

    /// Whether it may be appended to a chain with this head.
    ///
    /// # Errors
    /// Those of [`AuditLog::append`](crate::AuditLog::append): [`StoreError::Exists`] and [`StoreError::Missing`].
    pub fn follows(&self, head: Option<&Head>) -> Result<(), StoreError> {
        let last = head.map_or(0, |head| head.seq);
        if self.seq <= last {
            let what = format!("entry {} of audit chain {}", self.seq, self.chain);
            return Err(StoreError::Exists { what });
        }
        let hash = head.map_or_else(|| Digest::of_chain(self.chain), |head| head.hash);
        if self.seq - 1 != last || self.previous != hash {
            let what = format!(
                "entry {} of audit chain {} with this hash",
                self.seq - 1,
                self.chain
            );
            return Err(StoreError::Missing { what });
        }
        Ok(())
    }
}
