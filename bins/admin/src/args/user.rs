//! `user ...`.

use clap::{Subcommand, ValueEnum};
use llmgw_admin_http::{PatchedUser, UserFilter};
use llmgw_keys::UserState;
use llmgw_types::{GroupName, Limit, Role};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List users in the order in which they were first seen.
    List {
        /// Only those with this in name or mail
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those in this group
        #[arg(long, value_name = "GROUP")]
        group: Option<GroupName>,
    },
    /// Suspend a user: all keys are refused and all logins ended, within a second.
    Suspend {
        /// Name or id
        user: String,
    },
    /// Let a suspended user act again.
    Resume {
        /// Name or id
        user: String,
    },
    /// Set the limits of a user, in place of those they have; none: those of each user hold.
    Limit {
        /// Name or id
        user: String,
        /// UNIT/WINDOW=N as in tokens/day=200000, or in_flight=8; may be given again
        #[arg(long = "limit", value_name = "UNIT/WINDOW=N")]
        limits: Vec<Limit>,
    },
    /// Give a user another role. Where the institution's word gives one, that holds again at the next login.
    Role {
        /// Name or id
        user: String,
        /// What they may do beyond own keys
        role: RoleName,
    },
    /// End all logins of a user.
    Logout {
        /// Name or id
        user: String,
    },
    /// Print everything that is kept about a user, as JSON.
    Export {
        /// Name or id
        user: String,
    },
    /// Forget who a user is, for good: name, mail, account, groups and limits are gone and all keys are revoked. What
    /// was used stays in the sums, under an id that nobody is behind.
    Erase {
        /// Name or id
        user: String,
        /// Do it; without, it is said what would be done
        #[arg(long)]
        yes: bool,
    },
}

/// A role.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleName {
    /// Own keys only.
    User,
    /// Looks at everything.
    Auditor,
    /// Changes everything.
    Admin,
}

impl RoleName {
    const fn role(self) -> Role {
        match self {
            Self::User => Role::User,
            Self::Auditor => Role::Auditor,
            Self::Admin => Role::Admin,
        }
    }
}

/// A page as the API gives it.
pub(crate) fn filter(search: Option<String>, group: Option<GroupName>) -> UserFilter {
    UserFilter {
        search,
        group,
        limit: Some(1_000),
        ..UserFilter::default()
    }
}

/// Another state.
pub(crate) fn state(state: UserState) -> PatchedUser {
    PatchedUser {
        state: Some(state),
        ..PatchedUser::default()
    }
}

/// Other limits.
pub(crate) fn limits(limits: Vec<Limit>) -> PatchedUser {
    PatchedUser {
        limits: Some(limits),
        ..PatchedUser::default()
    }
}

/// Another role.
pub(crate) fn role(role: RoleName) -> PatchedUser {
    PatchedUser {
        role: Some(role.role()),
        ..PatchedUser::default()
    }
}
