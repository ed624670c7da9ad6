//! The port: where entries and the heads of their chains are kept.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use llmgw_types::{ChainId, StoreError, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Actor, AuditEntry, CursorError, Digest};

/// The last entry of a chain. Kept apart from the log, it shows later whether something was changed or taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The chain.
    pub chain: ChainId,
    /// The last entry's number.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
    /// Its time.
    pub at: Timestamp,
}

/// A place in a list: entries are in the order of time, then chain, then number. As text:
/// `MICROSECONDS_CHAIN_SEQ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The entry's time.
    pub at: Timestamp,
    /// Its chain.
    pub chain: ChainId,
    /// Its number there.
    pub seq: u64,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only of this chain.
    pub chain: Option<ChainId>,
    /// Only by this actor.
    pub actor: Option<Actor>,
    /// Only actions that begin like this, letter by letter.
    pub action: Option<String>,
    /// Only about this.
    pub subject: Option<String>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// Only what comes after this place: the last entry of the page before.
    pub before: Option<Cursor>,
    /// At most as many.
    pub limit: usize,
}

/// Keeps entries and never changes or removes one.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Keeps `entry` and makes it the head of its chain, both or neither. It has to follow on the head: the next
    /// number, and `previous` the head's hash. So of all who append one number one is kept, and no chain forks.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the chain has come to this number already, [`StoreError::Missing`] when the
    /// entry before is not there or has another hash. After any other error it may have been kept, or may still
    /// be.
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// The heads of all chains, in the order of chains.
    async fn heads(&self) -> Result<Vec<Head>, StoreError>;

    /// All chains that have an entry, in order, whether or not they have a head.
    async fn chains(&self) -> Result<Vec<ChainId>, StoreError>;

    /// The entries the query describes, newest first.
    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError>;

    /// Entries of a chain with numbers above `after`, in order, at most `limit`: for verification and export.
    async fn chain(&self, chain: ChainId, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;
}

impl AuditQuery {
    /// Texts that begin with `self.action` are from it on and before this one, compared byte by byte; `None` when
    /// no text comes after them.
    #[must_use]
    pub fn action_end(&self) -> Option<String> {
        let mut end = self.action.clone()?;
        while let Some(last) = end.pop() {
            // The next character there is: surrogates are none.
            let next = (last..=char::MAX).nth(1);
            if let Some(next) = next {
                end.push(next);
                return Some(end);
            }
        }
        None
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.at.as_micros(), self.chain, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let read = || {
            let mut parts = text.splitn(3, '_');
            Some(Self {
                at: Timestamp::from_micros(parts.next()?.parse().ok()?),
                chain: parts.next()?.parse().ok()?,
                seq: parts.next()?.parse().ok()?,
            })
        };
        read().ok_or_else(|| CursorError(text.chars().take(100).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_text() {
        let cursor = Cursor {
            at: Timestamp::from_micros(-7),
            chain: ChainId::from_bytes([9; 16]),
            seq: u64::MAX,
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in [
            "",
            "1",
            "1_2_3",
            "1__3",
            "x_09090909-0909-0909-0909-090909090909_1",
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError(bad.to_owned())));
        }
    }

    #[test]
    fn a_prefix_ends_where_no_text_begins_with_it() {
        for (prefix, end) in [
            ("model.", Some("model/")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            let query = AuditQuery {
                action: Some(prefix.to_owned()),
                ..AuditQuery::default()
            };
            assert_eq!(query.action_end().as_deref(), end, "{prefix:?}");
        }
        assert_eq!(AuditQuery::default().action_end(), None);
    }
}
