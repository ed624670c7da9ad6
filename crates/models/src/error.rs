//! Why a model is refused.

use llmgw_types::StoreError;

/// Why a model, or part of one, makes no sense or cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The reference names no place a target's secret may be in.
    #[error(
        "a secret is named by `env:LLMGW_UPSTREAM_...` or `file:NAME` (in the secrets folder), never written here itself"
    )]
    SecretRef,
    /// A field has a value that makes no sense.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field, as in the API.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// There is no such model.
    #[error("there is no model `{0}`")]
    NotFound(String),
    /// The name or an alias belongs to another model.
    #[error("`{0}` is the name or an alias of another model")]
    NameTaken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PartialEq for ModelError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
