//! The limits that stand with no key, user or model: those of the settings, and what administrators set in their
//! place while gateways run.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use llmgw_types::{GroupName, Limit, Revision, StoreError};
use serde::{Deserialize, Serialize};

use super::{GroupLimit, LimitPolicy};

/// What administrators set. What they did not set is as the settings say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SetLimits {
    /// Over all users together.
    pub everyone: Option<Vec<Limit>>,
    /// For each user who has no limits of their own.
    pub each_user: Option<Vec<Limit>>,
    /// For groups; each in place of that group's limits in the settings.
    pub groups: Vec<GroupLimit>,
    /// How often they were set.
    pub revision: Revision,
}

impl SetLimits {
    /// What is in force over what the settings say.
    #[must_use]
    pub fn over(&self, settings: &LimitPolicy) -> LimitPolicy {
        let set = |group: &GroupName| self.groups.iter().any(|limit| limit.group == *group);
        let mut groups = self.groups.clone();
        groups.extend(settings.groups.iter().filter(|limit| !set(&limit.group)).cloned());
        LimitPolicy {
            everyone: self.everyone.clone().unwrap_or_else(|| settings.everyone.clone()),
            each_user: self
                .each_user
                .clone()
                .unwrap_or_else(|| settings.each_user.clone()),
            groups,
        }
    }
}

/// Keeps what administrators set.
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// What is set; the default where nobody set anything.
    async fn get(&self) -> Result<SetLimits, StoreError>;

    /// Replaces what is set, if it has the revision of `limits`; it has the next one then.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it has another.
    async fn set(&self, limits: &SetLimits) -> Result<(), StoreError>;
}

/// What is set, in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryLimits(Mutex<SetLimits>);

#[async_trait]
impl LimitStore for MemoryLimits {
    async fn get(&self) -> Result<SetLimits, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn set(&self, limits: &SetLimits) -> Result<(), StoreError> {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if set.revision != limits.revision {
            return Err(StoreError::Changed {
                what: "the limits".to_owned(),
            });
        }
        *set = SetLimits {
            revision: limits.revision.next(),
            ..limits.clone()
        };
        Ok(())
    }
}

/// What is in force now; requests take it without waiting.
pub struct StandingLimits {
    settings: LimitPolicy,
    store: Arc<dyn LimitStore>,
    in_force: Mutex<(Revision, Arc<LimitPolicy>)>,
}

impl StandingLimits {
    /// What the settings say, until the first [`refresh`](Self::refresh) read what `store` has.
    #[must_use]
    pub fn new(settings: LimitPolicy, store: Arc<dyn LimitStore>) -> Self {
        Self {
            in_force: Mutex::new((Revision::default(), Arc::new(settings.clone()))),
            settings,
            store,
        }
    }

    /// What is in force.
    #[must_use]
    pub fn get(&self) -> Arc<LimitPolicy> {
        Arc::clone(&self.lock().1)
    }

    /// What the settings say.
    #[must_use]
    pub const fn settings(&self) -> &LimitPolicy {
        &self.settings
    }

    /// Where it is kept what administrators set.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn LimitStore> {
        &self.store
    }

    /// Puts in force what the store has.
    ///
    /// # Errors
    /// When the store failed; what was in force is then.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let set = self.store.get().await?;
        let policy = Arc::new(set.over(&self.settings));
        let mut in_force = self.lock();
        // Of two that read at the same time the slower may have read less.
        if set.revision >= in_force.0 {
            *in_force = (set.revision, policy);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, (Revision, Arc<LimitPolicy>)> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StandingLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandingLimits")
            .field("in_force", &self.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use llmgw_types::{Unit, Window};

    use super::*;

    fn tokens(amount: u64) -> Vec<Limit> {
        vec![Limit::new(Unit::Tokens, Window::Day, amount).unwrap()]
    }

    fn group(name: &str, amount: u64) -> GroupLimit {
        GroupLimit {
            group: GroupName::parse(name).unwrap(),
            each: tokens(amount),
            shared: Vec::new(),
        }
    }

    #[test]
    fn what_is_set_stands_in_place_of_the_settings_and_nothing_else_does() {
        let settings = LimitPolicy {
            everyone: tokens(1),
            each_user: tokens(2),
            groups: vec![group("a", 3), group("b", 4)],
        };
        let limits = StandingLimits::new(settings.clone(), Arc::new(MemoryLimits::default()));
        let set = |set: SetLimits| {
            let revision = block_on(limits.store().get()).unwrap().revision;
            block_on(limits.store().set(&SetLimits { revision, ..set })).unwrap();
            block_on(limits.refresh()).unwrap();
            limits.get()
        };
        assert_eq!(*limits.get(), settings);
        let now = set(SetLimits {
            each_user: Some(Vec::new()),
            groups: vec![group("b", 5), group("c", 6)],
            ..SetLimits::default()
        });
        assert_eq!((&now.everyone, &now.each_user), (&tokens(1), &Vec::new()));
        assert_eq!(now.groups, [group("b", 5), group("c", 6), group("a", 3)]);
        assert_eq!(*set(SetLimits::default()), settings);
    }

    #[cfg(feature = "contract")]
    crate::limit_store_contract!(block_on, (MemoryLimits::default(), ()));
}
