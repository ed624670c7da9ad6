//! The limits that stand with no key, user or model: those of the settings, and what administrators set in their
//! place while gateways run.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use llmgw_types::{GroupName, Limit, Revision, StoreError, until_kept};
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
            return Err(changed());
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
    in_force: ArcSwap<InForce>,
    refreshes: AtomicU64,
}

struct InForce {
    // That of the refresh which read it.
    number: u64,
    policy: Arc<LimitPolicy>,
}

impl StandingLimits {
    /// What the settings say, until the first [`refresh`](Self::refresh) read what `store` has.
    #[must_use]
    pub fn new(settings: LimitPolicy, store: Arc<dyn LimitStore>) -> Self {
        let policy = Arc::new(settings.clone());
        Self {
            settings,
            store,
            in_force: ArcSwap::from_pointee(InForce { number: 0, policy }),
            refreshes: AtomicU64::new(0),
        }
    }

    /// What is in force.
    #[must_use]
    pub fn get(&self) -> Arc<LimitPolicy> {
        Arc::clone(&self.in_force.load().policy)
    }

    /// What the settings say.
    #[must_use]
    pub const fn settings(&self) -> &LimitPolicy {
        &self.settings
    }

    /// What administrators set.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn set(&self) -> Result<SetLimits, StoreError> {
        self.store.get().await
    }

    /// Changes what administrators set, as `change` says; returns it as it is then. `seen` is the revision that the
    /// caller looked at, if they care; `change` may be called several times, each time with what is there. Who has
    /// limits in force is to be told.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when it is not what was seen; when the store failed.
    pub async fn change(
        &self,
        seen: Option<Revision>,
        change: impl Fn(&mut SetLimits),
    ) -> Result<SetLimits, StoreError> {
        let once = || async {
            let mut limits = self.store.get().await?;
            if seen.is_some_and(|seen| seen != limits.revision) {
                return Err(changed());
            }
            change(&mut limits);
            self.store.set(&limits).await?;
            limits.revision = limits.revision.next();
            Ok(limits)
        };
        match seen {
            Some(_) => once().await,
            None => until_kept(once).await,
        }
    }

    /// Puts in force what the store has. Refreshes may overlap: what was asked for last stays.
    ///
    /// # Errors
    /// When the store failed; what was in force is then.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let number = self.refreshes.fetch_add(1, Ordering::SeqCst) + 1;
        let policy = Arc::new(self.store.get().await?.over(&self.settings));
        let next = Arc::new(InForce { number, policy });
        self.in_force
            .rcu(|now| Arc::clone(if now.number < number { &next } else { now }));
        Ok(())
    }
}

fn changed() -> StoreError {
    StoreError::Changed {
        what: "the limits".to_owned(),
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
            let put = |limits: &mut SetLimits| {
                let revision = limits.revision;
                *limits = SetLimits {
                    revision,
                    ..set.clone()
                };
            };
            block_on(limits.change(None, put)).unwrap();
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

    /// Somebody else sets limits between our look and our change, so many times.
    struct Busy {
        inner: MemoryLimits,
        others: AtomicU64,
    }

    #[async_trait]
    impl LimitStore for Busy {
        async fn get(&self) -> Result<SetLimits, StoreError> {
            let read = self.inner.get().await?;
            let one_less = |left: u64| left.checked_sub(1);
            if self
                .others
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
                .is_ok()
            {
                self.inner.set(&read).await?;
            }
            Ok(read)
        }

        async fn set(&self, limits: &SetLimits) -> Result<(), StoreError> {
            self.inner.set(limits).await
        }
    }

    #[test]
    fn whoever_saw_nothing_changes_what_is_there_and_whoever_saw_something_else_changes_nothing() {
        let store = Arc::new(Busy {
            inner: MemoryLimits::default(),
            others: AtomicU64::new(3),
        });
        let limits = StandingLimits::new(LimitPolicy::default(), store.clone());
        let seen = block_on(limits.set()).unwrap().revision;
        let late = block_on(limits.change(Some(seen), |set| set.everyone = Some(tokens(1))));
        assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
        let kept = block_on(limits.change(None, |set| set.each_user = Some(tokens(2)))).unwrap();
        assert_eq!((&kept.everyone, &kept.each_user), (&None, &Some(tokens(2))));
        assert_eq!(block_on(limits.set()).unwrap(), kept);
        assert_eq!(store.others.load(Ordering::SeqCst), 0);
    }

    #[cfg(feature = "contract")]
    crate::limit_store_contract!(block_on, (MemoryLimits::default(), ()));
}
