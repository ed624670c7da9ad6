//! What shall be there, as a file says it.

use std::collections::BTreeMap;

use llmgw_keys::{NewUser, User, UserState};
use llmgw_types::{GroupName, Limit, Role};
use serde::Deserialize;

use crate::{WantedDefaults, WantedGroup, WantedModel};

/// One document. A section that is left out stays as it is; each thing in a section is said whole: what is left out
/// of it has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// Models, as `PUT /api/v1/models/{id}` takes them.
    pub models: Option<Vec<WantedModel>>,
    /// Limits of everyone and of each user, as `PUT /api/v1/limits` takes them.
    pub limits: Option<WantedDefaults>,
    /// Limits of groups by their names, as `PUT /api/v1/groups/{group}` takes them.
    pub groups: Option<BTreeMap<GroupName, WantedGroup>>,
    /// Users that are programs.
    pub service_accounts: Option<Vec<WantedAccount>>,
}

/// A user that is a program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedAccount {
    /// The name, unique.
    pub name: String,
    /// Mail address of whoever looks after it.
    pub mail: Option<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<GroupName>,
    /// What it may do beyond own keys.
    #[serde(default)]
    pub role: Role,
    /// Whether it may act.
    #[serde(default)]
    pub state: Acting,
    /// Limits over all its keys.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// Whether an account may act.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acting {
    /// It may.
    #[default]
    Active,
    /// All its keys are refused.
    Suspended,
}

impl WantedAccount {
    pub(super) fn new_user(&self) -> NewUser {
        NewUser {
            name: self.name.clone(),
            mail: self.mail.clone(),
            groups: self.groups.clone(),
            role: self.role,
            state: self.user_state(),
            limits: self.limits.clone(),
        }
    }

    // As `user` is then.
    pub(super) fn over(&self, user: &User) -> User {
        User {
            mail: self.mail.clone(),
            groups: self.sorted_groups(),
            role: self.role,
            state: self.user_state(),
            limits: self.limits.clone(),
            ..user.clone()
        }
    }

    // What a taken back account was.
    pub(super) fn of(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            mail: user.mail.clone(),
            groups: user.groups.clone(),
            role: user.role,
            state: if user.state == UserState::Active {
                Acting::Active
            } else {
                Acting::Suspended
            },
            limits: user.limits.clone(),
        }
    }

    const fn user_state(&self) -> UserState {
        match self.state {
            Acting::Active => UserState::Active,
            Acting::Suspended => UserState::Suspended,
        }
    }

    fn sorted_groups(&self) -> Vec<GroupName> {
        let mut groups = self.groups.clone();
        groups.sort();
        groups.dedup();
        groups
    }
}
