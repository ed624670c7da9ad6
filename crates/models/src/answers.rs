//! Which target keeps which answer: a client may ask for it again, or go on from it, at that target only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use llmgw_types::{ModelId, StoreError, TargetId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Where an answer is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerPlace {
    /// The model whose target it is.
    pub model: ModelId,
    /// The target.
    pub target: TargetId,
}

/// Remembers where answers are. Each belongs to a user: under the same id another user has another one, or none.
/// So nobody reaches an answer that was not made for them, whatever ids model servers make up.
#[async_trait]
pub trait AnswerPlaces: Send + Sync {
    /// Remembers until `until`, which lies after `now`, where this user's answer is; replaces what was known of it.
    async fn put(
        &self,
        user: UserId,
        answer: &str,
        place: &AnswerPlace,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Where this user's answer is; `None` from `until` on.
    async fn get(
        &self,
        user: UserId,
        answer: &str,
        now: Timestamp,
    ) -> Result<Option<AnswerPlace>, StoreError>;

    /// Forgets this user's answer, if it was known.
    async fn remove(&self, user: UserId, answer: &str) -> Result<(), StoreError>;
}

/// So many go in one sweep at most, done before each new one, so that hardly more are held than are not over.
const AT_ONCE: usize = 16;

/// Places in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryAnswers(Mutex<Known>);

type Name = (UserId, String);

#[derive(Debug, Default)]
struct Known {
    places: BTreeMap<Name, (AnswerPlace, Timestamp)>,
    // The same in the order in which they end.
    ends: BTreeSet<(Timestamp, Name)>,
}

impl Known {
    fn remove(&mut self, name: &Name) {
        if let Some((_, until)) = self.places.remove(name) {
            self.ends.remove(&(until, name.clone()));
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..AT_ONCE {
            match self.ends.first() {
                Some((until, name)) if *until <= now => {
                    let name = name.clone();
                    self.remove(&name);
                }
                _ => return,
            }
        }
    }
}

impl MemoryAnswers {
    // Nothing in here panics while it holds the lock, so a poisoned one holds whole data.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AnswerPlaces for MemoryAnswers {
    async fn put(
        &self,
        user: UserId,
        answer: &str,
        place: &AnswerPlace,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let name = (user, answer.to_owned());
        let mut known = self.lock();
        known.sweep(now);
        known.remove(&name);
        known.ends.insert((until, name.clone()));
        known.places.insert(name, (place.clone(), until));
        Ok(())
    }

    async fn get(
        &self,
        user: UserId,
        answer: &str,
        now: Timestamp,
    ) -> Result<Option<AnswerPlace>, StoreError> {
        let known = self.lock();
        let found = known.places.get(&(user, answer.to_owned()));
        Ok(found
            .filter(|(_, until)| now < *until)
            .map(|(place, _)| place.clone()))
    }

    async fn remove(&self, user: UserId, answer: &str) -> Result<(), StoreError> {
        self.lock().remove(&(user, answer.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;

    #[test]
    fn what_is_over_is_let_go() {
        let answers = MemoryAnswers::default();
        let place = AnswerPlace {
            model: ModelId::parse("m").unwrap(),
            target: TargetId::parse("t").unwrap(),
        };
        for number in 0..1_000 {
            let (now, until) = (
                Timestamp::from_millis(number),
                Timestamp::from_millis(number + 10),
            );
            let (user, id) = (UserId::from_bytes([1; 16]), format!("a{number}"));
            block_on(answers.put(user, &id, &place, until, now)).unwrap();
        }
        let known = answers.lock();
        assert_eq!((known.places.len(), known.ends.len()), (10, 10));
    }
}

#[cfg(all(test, feature = "contract"))]
mod contract {
    use super::*;

    crate::answer_places_contract!(futures_executor::block_on, (MemoryAnswers::default(), ()));
}
