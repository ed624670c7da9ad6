//! Why a key's text, a pepper or a new key is refused.

use llmgw_types::{Overtaken, StoreError};

/// Why a text is not a key, or bytes are not a pepper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// It does not begin like one of our keys.
    #[error("it does not begin with `sk-llmgw-`")]
    NotOurs,
    /// It begins like one of ours but is cut off, too long, or has characters no key has.
    #[error("it is not complete: a key is `sk-llmgw-` and 49 letters and digits")]
    Malformed,
    /// The checksum at its end does not match: mistyped.
    #[error("its checksum does not match: it was mistyped")]
    Checksum,
    /// A pepper needs 32 bytes.
    #[error("a pepper has 32 bytes or more, this one has {0}")]
    ShortPepper(usize),
}

/// Why a key could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Somebody has as many keys as one person may have.
    #[error("you have {most} keys, and no more are allowed; revoke one that you do not need any more")]
    TooMany {
        /// How many are allowed.
        most: usize,
    },
    /// There is no such key.
    #[error("there is no key with this id")]
    NotFound,
    /// There is no such user.
    #[error("there is no such user")]
    NoUser,
    /// It is not what the caller saw any more.
    #[error("somebody else changed it meanwhile; look at it again")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Overtaken for KeyError {
    fn is_overtaken(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_overtaken())
    }
}
