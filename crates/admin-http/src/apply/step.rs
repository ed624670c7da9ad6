//! One change, how it is made, and what takes it back.

use std::fmt;

use llmgw_keys::User;
use llmgw_models::Model;
use llmgw_usage::admission::SetLimits;
use serde_json::json;

use super::document::WantedAccount;
use super::order::ModelChange;
use crate::admin::Admin;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::users::PatchedUser;

/// One change.
#[derive(Debug)]
pub(super) enum Step {
    Model(Box<ModelChange>),
    /// All limits that stand with no key, user or model; they are kept as one.
    Limits {
        before: SetLimits,
        after: SetLimits,
    },
    NewAccount(WantedAccount),
    Account {
        before: Box<User>,
        after: Box<User>,
    },
    /// Takes a new account back.
    NoAccount(Box<User>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(change) => {
                let model = change.after.as_ref().or(change.before.as_ref());
                write!(f, "model {}", model.map_or("", |model| model.id.as_str()))
            }
            Self::Limits { .. } => f.write_str("limits"),
            Self::NewAccount(account) => write!(f, "service account {}", account.name),
            Self::Account { before: user, .. } | Self::NoAccount(user) => {
                write!(f, "service account {}", user.name)
            }
        }
    }
}

impl Admin {
    /// Makes the change; gives what takes it back.
    pub(super) async fn take(&self, caller: &Caller, step: &Step) -> Result<Step, Problem> {
        match step {
            Step::Model(change) => {
                let (before, after) = (change.before.as_ref(), change.after.as_ref());
                self.put_model(caller, before, after).await?;
                Ok(Step::Model(Box::new(backwards(before, after))))
            }
            Step::Limits { before, after } => self.put_limits(caller, before, after).await,
            Step::NewAccount(account) => self.put_account(caller, account).await,
            Step::Account { before, after } => {
                let patch = patch(after);
                let id = before.id.to_string();
                self.change_user(caller, &id, Some(before.revision), patch)
                    .await?;
                let revision = before.revision.next();
                let now = User {
                    revision,
                    ..(**after).clone()
                };
                Ok(Step::Account {
                    before: Box::new(now),
                    after: before.clone(),
                })
            }
            Step::NoAccount(user) => {
                let id = user.id.to_string();
                self.erase_user(caller, &id, Some(user.revision)).await?;
                Ok(Step::NewAccount(WantedAccount::of(user)))
            }
        }
    }

    async fn put_limits(
        &self,
        caller: &Caller,
        before: &SetLimits,
        after: &SetLimits,
    ) -> Result<Step, Problem> {
        let noted = |set: &SetLimits| json!({"everyone": set.everyone, "each_user": set.each_user, "groups": set.groups});
        let change = |set: &mut SetLimits| {
            let revision = set.revision;
            *set = after.clone();
            set.revision = revision;
        };
        let subject = "limits".to_owned();
        let set = self.set_limits(caller, Some(before.revision), subject, noted, change);
        Ok(Step::Limits {
            before: set.await?,
            after: before.clone(),
        })
    }

    async fn put_account(&self, caller: &Caller, account: &WantedAccount) -> Result<Step, Problem> {
        let made = self.keep_user(caller, account.new_user()).await?;
        Ok(Step::NoAccount(Box::new(made)))
    }
}

fn backwards(before: Option<&Model>, after: Option<&Model>) -> ModelChange {
    // What was changed has the next revision then; what was made or removed begins with its own.
    let now = match (before, after) {
        (Some(before), Some(_)) => before.revision.next(),
        (_, after) => after.map(|model| model.revision).unwrap_or_default(),
    };
    let at = |model: Option<&Model>| {
        model.map(|model| Model {
            revision: now,
            ..model.clone()
        })
    };
    ModelChange {
        before: at(after),
        after: at(before),
    }
}

fn patch(user: &User) -> PatchedUser {
    PatchedUser {
        name: None,
        mail: Some(user.mail.clone()),
        groups: Some(user.groups.clone()),
        role: Some(user.role),
        state: Some(user.state),
        limits: Some(user.limits.clone()),
    }
}
