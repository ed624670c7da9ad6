//! Why a text is not what it should be.

/// A text is no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no actor: admin-key, user:UUID, command-line:ACCOUNT or system")]
pub struct ActorError(pub(crate) String);

/// A text is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no SHA-256: 64 hexadecimal digits in lower case")]
pub struct DigestError;

/// A text does not name a place in a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place in a list of audit entries: MICROSECONDS_CHAIN_SEQ")]
pub struct CursorError(pub(crate) String);
