//! Who acts and pays.

use serde::{Deserialize, Serialize};

use crate::{GroupName, KeyId, UserId};

/// What a person may do beyond using their own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Own keys, own usage.
    #[default]
    User,
    /// Reads everything, changes nothing.
    Auditor,
    /// Manages models, keys, users and limits.
    Admin,
}

impl Role {
    /// Whether somebody of this role may do what needs `needed`.
    #[must_use]
    pub const fn covers(self, needed: Self) -> bool {
        match needed {
            Self::User => true,
            Self::Auditor => matches!(self, Self::Auditor | Self::Admin),
            Self::Admin => matches!(self, Self::Admin),
        }
    }

    /// As settings, the API and the command line write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

/// The user and key behind one request, with the groups the user was in at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who pays.
    pub user: UserId,
    /// The key that was shown.
    pub key: KeyId,
    /// The user's groups, sorted, each once.
    pub groups: Vec<GroupName>,
}
