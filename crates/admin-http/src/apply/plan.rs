//! What is to be changed so that all is as a document says.

use std::collections::BTreeSet;

use llmgw_keys::{KeyError, UserState};
use llmgw_models::Model;
use llmgw_types::ModelId;
use llmgw_usage::admission::{GroupLimit, SetLimits};

use super::diff::{self, Difference};
use super::document::{Document, WantedAccount};
use super::order::{ModelChange, in_order};
use super::step::Step;
use crate::admin::Admin;
use crate::models::WantedModel;
use crate::problem::Problem;

/// What is to be changed; made by [`Admin::plan`], done by [`Admin::apply`].
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What it changes; empty: all is as it should be.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        self.steps.iter().flat_map(diff::of).collect()
    }
}

impl Admin {
    /// What is to be changed so that all is as `document` says. `prune`: models and limits of groups that a section of
    /// it does not name are removed. Accounts are never: nothing tells one that a file made from one that people made.
    ///
    /// # Errors
    /// When a field makes no sense, names cannot be given as wanted, or a store failed.
    pub async fn plan(&self, document: Document, prune: bool) -> Result<Plan, Problem> {
        let mut steps = Vec::new();
        let (limits, groups) = (document.limits, document.groups);
        if let Some(models) = document.models {
            let changes = self.plan_models(models, prune).await?;
            steps.extend(changes.into_iter().map(|change| Step::Model(Box::new(change))));
        }
        if limits.is_some() || groups.is_some() {
            let before = self.limits.set().await?;
            let mut after = before.clone();
            if let Some(limits) = limits {
                (after.everyone, after.each_user) = (limits.everyone, limits.each_user);
            }
            if let Some(groups) = groups {
                let wanted = groups.into_iter().map(|(group, limits)| GroupLimit {
                    group,
                    each: limits.each,
                    shared: limits.shared,
                });
                let wanted: Vec<GroupLimit> = wanted.collect();
                merge(&mut after, &wanted, prune);
            }
            steps.extend((before != after).then_some(Step::Limits { before, after }));
        }
        // Last: to take back a new account leaves the trace of an erased one.
        if let Some(accounts) = document.service_accounts {
            steps.extend(self.plan_accounts(accounts).await?);
        }
        Ok(Plan { steps })
    }

    async fn plan_models(&self, wanted: Vec<WantedModel>, prune: bool) -> Result<Vec<ModelChange>, Problem> {
        let there = self.models.list().await?;
        let mut changes = Vec::new();
        let mut named = BTreeSet::new();
        for wanted in wanted {
            let (id, change) = self.plan_model(&there, wanted)?;
            if !named.insert(id.clone()) {
                return Err(Problem::invalid(format!("model {id}: is there twice")));
            }
            changes.extend(change);
        }
        if prune {
            let unnamed = there.iter().filter(|model| !named.contains(&model.id));
            changes.extend(unnamed.map(|model| ModelChange {
                before: Some(model.clone()),
                after: None,
            }));
        }
        in_order(&there, changes)
    }

    fn plan_model(
        &self,
        there: &[Model],
        mut wanted: WantedModel,
    ) -> Result<(ModelId, Option<ModelChange>), Problem> {
        let id = wanted.id.take();
        let id = id.ok_or_else(|| Problem::invalid("models: one has no `id`"))?;
        if wanted.targets.iter().any(|target| target.secret_text.is_some()) {
            return Err(Problem::invalid(format!(
                "model {id}: secret_text: a secret does not belong in a file; give it once (`model add --secret-file`), and \
                 say `secret: sealed` here"
            )));
        }
        let before = there.iter().find(|model| model.id == id);
        let created_at = before.map_or_else(|| self.clock.now(), |before| before.created_at);
        let targets = before.map_or(&[][..], |before| &before.targets);
        let of_model = |problem: Problem| Problem::invalid(format!("model {id}: {problem}"));
        let model = wanted.model(id.clone(), created_at, targets, None);
        let model = model.map_err(of_model)?;
        let model = Model {
            revision: before.map(|before| before.revision).unwrap_or_default(),
            ..model
        };
        let sound = self.models.sound(&model);
        sound.map_err(|error| of_model(error.into()))?;
        let change = (before != Some(&model)).then(|| ModelChange {
            before: before.cloned(),
            after: Some(model),
        });
        Ok((id, change))
    }

    async fn plan_accounts(&self, accounts: Vec<WantedAccount>) -> Result<Vec<Step>, Problem> {
        let (mut steps, mut named) = (Vec::new(), BTreeSet::new());
        for account in accounts {
            if !named.insert(account.name.clone()) {
                return Err(Problem::invalid(format!(
                    "service account {}: is there twice",
                    account.name
                )));
            }
            steps.extend(self.plan_account(account).await?);
        }
        Ok(steps)
    }

    async fn plan_account(&self, account: WantedAccount) -> Result<Option<Step>, Problem> {
        let before = match self.users.find(&account.name).await {
            // An id may stand where names do, but it is none.
            Ok(user) if user.name == account.name => user,
            Ok(_) | Err(KeyError::NoUser) => return Ok(Some(Step::NewAccount(account))),
            Err(error) => return Err(error.into()),
        };
        if before.external_id.is_some() || before.state == UserState::Erased {
            return Err(Problem::conflict(format!(
                "service account {}: a person has this name; choose another",
                account.name
            )));
        }
        let after = account.over(&before);
        let (before, after) = (Box::new(before), Box::new(after));
        Ok((before != after).then_some(Step::Account { before, after }))
    }
}

// Limits of a group that are wanted take the place of those it has.
fn merge(set: &mut SetLimits, wanted: &[GroupLimit], prune: bool) {
    for limits in wanted {
        match set.groups.iter_mut().find(|has| has.group == limits.group) {
            Some(has) => has.clone_from(limits),
            None => set.groups.push(limits.clone()),
        }
    }
    if prune {
        let named = |group: &GroupLimit| wanted.iter().any(|limits| limits.group == group.group);
        set.groups.retain(named);
    }
}
