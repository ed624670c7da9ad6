//! Why a text is not a token.

/// Why a text is not a token. It does not repeat the text, which may be half of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a token: 43 characters base64url")]
pub struct TokenError;
