//! Users as callers send them.

use llmgw_keys::{KeyError, User, UserState};
use llmgw_types::{GroupName, Limit, Role, UserId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::patch::given;
use crate::words;

/// A new user as the API takes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedUser {
    /// The name, unique.
    #[schema(value_type = words::Name)]
    pub name: String,
    /// Mail address.
    #[schema(max_length = 320)]
    pub mail: Option<String>,
    /// Groups.
    #[serde(default)]
    #[schema(value_type = Vec<words::Group>)]
    pub groups: Vec<GroupName>,
    /// What the user may do beyond own keys.
    #[serde(default)]
    #[schema(value_type = words::RoleName)]
    pub role: Role,
    /// Limits over all their keys.
    #[serde(default)]
    #[schema(value_type = Vec<words::Limit>)]
    pub limits: Vec<Limit>,
}

/// What to change of a user.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PatchedUser {
    /// Another name.
    #[schema(value_type = Option<words::Name>, nullable = false)]
    pub name: Option<String>,
    /// Mail address; null: none.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub mail: Option<Option<String>>,
    /// Groups. Of those who log in with their institution it says which, anew at each login.
    #[schema(value_type = Option<Vec<words::Group>>, nullable = false)]
    pub groups: Option<Vec<GroupName>>,
    /// What they may do beyond own keys.
    #[schema(value_type = Option<words::RoleName>, nullable = false)]
    pub role: Option<Role>,
    /// Whether they may act: `active` or `suspended`.
    #[schema(value_type = Option<words::Acting>, nullable = false)]
    pub state: Option<UserState>,
    /// Limits over all their keys.
    #[schema(value_type = Option<Vec<words::Limit>>, nullable = false)]
    pub limits: Option<Vec<Limit>>,
}

impl PatchedUser {
    pub(super) fn apply(&self, user: &mut User) -> Result<(), KeyError> {
        if self.state == Some(UserState::Erased) {
            return Err(KeyError::Invalid(
                "state: nobody is erased by a change; delete the user".to_owned(),
            ));
        }
        if let Some(name) = &self.name {
            user.name.clone_from(name);
        }
        if let Some(mail) = &self.mail {
            user.mail.clone_from(mail);
        }
        if let Some(groups) = &self.groups {
            user.groups.clone_from(groups);
        }
        if let Some(limits) = &self.limits {
            user.limits.clone_from(limits);
        }
        user.role = self.role.unwrap_or(user.role);
        user.state = self.state.unwrap_or(user.state);
        Ok(())
    }
}

/// Which users to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only those with this in name or mail.
    pub search: Option<String>,
    /// Only those in this group.
    #[param(value_type = Option<words::Group>)]
    pub group: Option<GroupName>,
    /// Only those of this role.
    #[param(value_type = Option<words::RoleName>)]
    pub role: Option<Role>,
    /// Only those in this state.
    #[param(value_type = Option<words::UserStateName>)]
    pub state: Option<UserState>,
    /// The last user of the page before.
    #[param(value_type = Option<words::Id>)]
    pub after: Option<UserId>,
    /// Users on a page, 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

impl Filter {
    pub(super) fn wants(&self, user: &User) -> bool {
        self.group
            .as_ref()
            .is_none_or(|group| user.groups.contains(group))
            && self.role.is_none_or(|role| role == user.role)
            && self.state.is_none_or(|state| state == user.state)
    }
}
