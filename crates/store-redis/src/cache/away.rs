//! Whether the store behind the cache is away. While it is, what is old is used at once instead of after the
//! store's bound in time, which every request on that key would wait for. It reads no clock.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After a failure one look-up in so long asks the store.
const PAUSE: Duration = Duration::from_secs(5);

/// A store that has not answered the first of several questions for so long is taken to be away by the others.
const LATE: Duration = Duration::from_millis(100);

/// A question that is older than this was given up by whoever asked.
const GIVEN_UP: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Away(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    // The first question that was not answered yet.
    asked: Option<Instant>,
    // When to ask again.
    again: Option<Instant>,
}

impl Away {
    /// Whether to use what is old instead of asking.
    pub(super) fn use_old(&self, now: Instant) -> bool {
        let mut state = self.state();
        if let Some(again) = state.again {
            if now >= again {
                // This one finds out; the others go on with what is old.
                state.again = Some(now + PAUSE);
                return false;
            }
            return true;
        }
        let late = |asked: Instant| (LATE..GIVEN_UP).contains(&now.saturating_duration_since(asked));
        state.asked.is_some_and(late)
    }

    /// Somebody asks.
    pub(super) fn ask(&self, now: Instant) {
        let mut state = self.state();
        let given_up = |asked: Instant| now.saturating_duration_since(asked) >= GIVEN_UP;
        if state.asked.is_none_or(given_up) {
            state.asked = Some(now);
        }
    }

    /// The store answered.
    pub(super) fn answered(&self) {
        *self.state() = State::default();
    }

    /// It did not.
    pub(super) fn failed(&self, now: Instant) {
        *self.state() = State {
            asked: None,
            again: Some(now + PAUSE),
        };
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_the_first_waits_the_others_do_not() {
        let (away, now) = (Away::default(), Instant::now());
        assert!(!away.use_old(now));
        away.ask(now);
        assert!(!away.use_old(now + LATE / 2));
        assert!(away.use_old(now + LATE));
        away.answered();
        assert!(!away.use_old(now + LATE));
    }

    #[test]
    fn after_a_failure_one_in_a_while_asks() {
        let (away, now) = (Away::default(), Instant::now());
        away.ask(now);
        away.failed(now);
        assert!(away.use_old(now) && away.use_old(now + PAUSE / 2));
        assert!(!away.use_old(now + PAUSE));
        assert!(away.use_old(now + PAUSE) && away.use_old(now + PAUSE * 3 / 2));
        away.answered();
        assert!(!away.use_old(now + PAUSE));
    }

    #[test]
    fn a_question_that_was_given_up_says_nothing() {
        let (away, now) = (Away::default(), Instant::now());
        away.ask(now);
        assert!(!away.use_old(now + GIVEN_UP));
        away.ask(now + GIVEN_UP);
        assert!(!away.use_old(now + GIVEN_UP + LATE / 2));
        assert!(away.use_old(now + GIVEN_UP + LATE));
    }
}
