//! What can be wrong with a log.

use std::fmt;

use llmgw_types::ChainId;
use serde::Serialize;

/// Something is wrong with an entry, or it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// In this chain.
    pub chain: ChainId,
    /// The entry's number.
    pub seq: u64,
    /// What is wrong.
    pub wrong: Wrong,
}

/// Which head speaks against the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// The log's own.
    Log,
    /// One that was exported.
    Exported,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Wrong {
    /// Its hash is not that of its fields.
    Changed,
    /// Its `previous` is not the hash of the entry before: that one was replaced.
    Unlinked,
    /// A head that was noted when it was the last has another hash: it was replaced, or those before it.
    OtherHash {
        /// Which head.
        by: Witness,
    },
    /// It is there and makes no sense.
    Unreadable {
        /// What the store says.
        detail: String,
    },
    /// It and those after it are not there, while later ones are.
    Missing {
        /// The last one that is not there.
        through: u64,
    },
    /// It and those after it are not there: the end of the chain is gone.
    TailCut {
        /// The last one a head knows.
        through: u64,
        /// Which head.
        by: Witness,
    },
    /// The chain has no entries at all.
    ChainMissing {
        /// The last one a head knows.
        through: u64,
        /// Which head.
        by: Witness,
    },
    /// It is the last, and the log's own head does not reach it, or there is none.
    HeadBehind,
    /// It tells the end of a change of which no intended entry without an end is there.
    WithoutIntended,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain {}, entry {}: {}", self.chain, self.seq, self.wrong)
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "the log's head",
            Self::Exported => "an exported head",
        })
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("changed: its hash is not that of its fields"),
            Self::Unlinked => f.write_str("does not follow on the entry before, which was replaced"),
            Self::OtherHash { by } => write!(f, "{by} has another hash for it"),
            Self::Unreadable { detail } => write!(f, "cannot be read: {detail}"),
            Self::Missing { through } => write!(f, "missing, up to entry {through}"),
            Self::TailCut { through, by } => {
                write!(f, "the end of the chain is cut off: {by} is entry {through}")
            }
            Self::ChainMissing { through, by } => {
                write!(f, "the whole chain is missing: {by} is entry {through}")
            }
            Self::HeadBehind => f.write_str("the log's head does not reach it"),
            Self::WithoutIntended => f.write_str("the end of a change that has no intended entry"),
        }
    }
}
