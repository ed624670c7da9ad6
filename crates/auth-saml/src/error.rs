//! Why a message is refused. The words are for the administrators' log: they hold no claim, no key and no part of
//! the message beyond names of elements and algorithms.

/// Why a message was refused, or somebody was not let in. People only ever learn that it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not what a message of this kind looks like.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Its structure is of a kind that attacks use and identity providers do not.
    #[error("structure: {0}")]
    Structure(&'static str),
    /// An algorithm that is not allowed.
    #[error("algorithm not allowed: {0}")]
    Algorithm(&'static str),
    /// No signature, or one that does not fit.
    #[error("signature: {0}")]
    Signature(&'static str),
    /// Nothing could be decrypted. Never says which step failed: whoever sends ciphertexts must not learn from it.
    #[error("decryption failed")]
    Decryption,
    /// It is genuine, and not for us, not now, or not an answer to what we asked.
    #[error("check failed: {0}")]
    Check(&'static str),
    /// It was seen before.
    #[error("replayed")]
    Replayed,
    /// The identity provider refused, with this second-level status where it gave one.
    #[error("the identity provider answered with a status other than success")]
    Status,
    /// Genuine, and the account's attribute is missing, several, or of a foreign scope.
    #[error("account: {0}")]
    Account(&'static str),
    /// Genuine, and no rule lets this person in.
    #[error("no allow rule matches")]
    NotAllowed,
}
