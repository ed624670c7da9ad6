//! Which limits hold for whom: those of a key and its user, and those that stand with neither.

use llmgw_types::{GroupName, KeyId, Limit, UserId};
use serde::{Deserialize, Serialize};

use super::{Rule, Subject};

/// Limits that do not stand with a key, user or model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitPolicy {
    /// Over all users together.
    pub everyone: Vec<Limit>,
    /// For each user who has no limits of their own.
    pub each_user: Vec<Limit>,
    /// For groups.
    pub groups: Vec<GroupLimit>,
}

/// Limits of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLimit {
    /// The group.
    pub group: GroupName,
    /// For each member alone.
    pub each: Vec<Limit>,
    /// For all members together.
    pub shared: Vec<Limit>,
}

/// A user as limits see them.
#[derive(Debug, Clone, Copy)]
pub struct Limited<'a> {
    /// Who.
    pub user: UserId,
    /// Limits of their own, in place of those of each user.
    pub limits: &'a [Limit],
    /// Their groups.
    pub groups: &'a [GroupName],
}

impl LimitPolicy {
    /// The limits of a key, then of its user, their groups and everyone. Those of a model are not among them.
    #[must_use]
    pub fn rules(&self, key: Option<(KeyId, &[Limit])>, whose: Limited<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut add = |subject: Subject, limits: &[Limit]| {
            rules.extend(limits.iter().map(|limit| Rule {
                subject: subject.clone(),
                limit: *limit,
            }));
        };
        if let Some((key, limits)) = key {
            add(Subject::Key(key), limits);
        }
        let own = if whose.limits.is_empty() {
            &self.each_user
        } else {
            whose.limits
        };
        add(Subject::User(whose.user), own);
        for group in self
            .groups
            .iter()
            .filter(|group| whose.groups.contains(&group.group))
        {
            add(Subject::User(whose.user), &group.each);
            add(Subject::Group(group.group.clone()), &group.shared);
        }
        add(Subject::Everyone, &self.everyone);
        rules
    }
}
