//! A user: the person or service account that owns keys.

use llmgw_types::{GroupName, Limit, Revision, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Whether a user may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// May log in and use keys.
    #[default]
    Active,
    /// May not; all keys are refused.
    Suspended,
    /// Was erased: what named them is gone, and nothing brings them back. Their use stays in the sums.
    Erased,
}

/// What is kept about a user. Name, mail and the identity provider's id live only here: erasing them here
/// makes the ledger anonymous.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Our id.
    pub id: UserId,
    /// The name administrators use; unique in a store.
    pub name: String,
    /// The account at the identity provider, if any: issuer and its value; unique in a store.
    pub external_id: Option<String>,
    /// Mail address, if known.
    pub mail: Option<String>,
    /// Groups, sorted, each once.
    pub groups: Vec<GroupName>,
    /// What the user may do beyond own keys.
    pub role: Role,
    /// Whether the user may act.
    pub state: UserState,
    /// The version of the agreement the user accepted.
    pub agreement: Option<String>,
    /// When the user last logged in.
    pub last_login_at: Option<Timestamp>,
    /// Limits of this user over all keys.
    pub limits: Vec<Limit>,
    /// When the user was first seen.
    pub created_at: Timestamp,
    /// How often the user was changed.
    #[serde(default)]
    pub revision: Revision,
}
